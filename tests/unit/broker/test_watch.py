"""Watchers over random histories: every step of an order is seen exactly once, or a gap says how many are missing.

The reads lag behind as they like, and every answer may be cut off anywhere: the watcher has whole events only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.broker.order import TIMELINE_LENGTH, Order, OrderId
from chalicelib.broker.service import watch_orders
from chalicelib.broker.store import Position
from chalicelib.broker.watch import Change, Mark, find_changes
from chalicelib.broker.watch_answers import change_events
from chalicelib.core.event_stream import Event, render_stream
from chalicelib.core.lifecycle import FINAL, OrderStatus
from tests.event_stream import Stream, read_stream
from tests.unit.broker.fakes.clock import START
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.broker.orders import add_steps, new_order

# Thousands of steps, each of them slower while it is counted which lines run; other tests count them.
pytestmark = pytest.mark.no_cover

WINDOW = 4


class LaggingStore(MemoryOrderStore):
    """Reads that lag: any version that there was, or none yet, and an index that lacks some of the newest."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.lags = True

    def get_many(self, order_ids: Sequence[OrderId], *, consistent: bool = False) -> dict[OrderId, Order]:
        found = super().get_many(order_ids, consistent=consistent)
        if consistent or not self.lags:
            return found
        lagging = {order_id: self.random.choice([*self.history[order_id], None]) for order_id in found}
        return {order_id: order for order_id, order in lagging.items() if order is not None}

    def list_newest(self, limit: int, after: Position | None) -> list[Position]:
        places = super().list_newest(limit + 3, after)
        # The index may lack what it had a moment ago: each read asks another replica. But never more than a few.
        hidden = self.random.sample(places, min(len(places), self.random.randint(0, 2))) if self.lags else []
        return [place for place in places if place not in hidden][:limit]


@dataclass
class Watcher:
    """Comes back with the id of the last event that it has, and keeps account of what it saw."""

    store: LaggingStore
    order_ids: list[str] | None
    cursor: str | None = None
    versions: dict[OrderId, int] = field(default_factory=dict)
    seen: dict[OrderId, list[int]] = field(default_factory=dict)
    missed: dict[OrderId, int] = field(default_factory=dict)
    list_gaps: list[int | None] = field(default_factory=list)
    ended: set[OrderId] = field(default_factory=set)

    def look(self, cut: float = 1) -> Stream:
        """Ask once; of the answer only a part arrives."""
        watched = watch_orders(self.store, self.order_ids, self.cursor, WINDOW)
        events = [event for change in watched.changes for event in change_events(change, watched.scope)]
        text = render_stream(events, 1000)
        stream = read_stream(text[: int(len(text) * cut)], self.cursor or "")
        told: int | None = None
        for event in stream.events:
            if event.name == "order":
                assert event.data["missed"] == (told or 0)
                self._take(event.data)
                told = None
            elif event.data["id"] is None:
                self.list_gaps.append(event.data["missed"])
            else:
                told = event.data["missed"]
            self.cursor = event.last_id or None
        return stream

    def _take(self, data: dict[str, Any]) -> None:
        content, entries, missed = data["order"], data["entries"], data["missed"]
        order_id = OrderId(content["id"])
        self.seen.setdefault(order_id, []).extend(entry.get("attempt", 0) for entry in entries)
        self.missed[order_id] = self.missed.get(order_id, 0) + missed
        # In the fill stands which version it was: no event may show an older one than was shown before.
        assert content["cum_qty"] > self.versions.get(order_id, -1)
        self.versions[order_id] = content["cum_qty"]
        if content["status"] in FINAL:
            self.ended.add(order_id)

    def check(self, order: Order) -> None:
        """Compare the account with the order as it is in the end."""
        seen = self.seen[order.order_id]
        assert seen == sorted(set(seen)), "a step came twice, or out of order"
        assert len(seen) + self.missed[order.order_id] == order.timeline_count


_steps = st.tuples(
    st.sampled_from(["create", "step", "steps", "write", "end", "look", "look", "cut"]), st.integers(0, 99)
)


def play(store: LaggingStore, watcher: Watcher, step: str, number: int) -> None:
    """Let one thing happen."""
    if step == "create" or not store.orders:
        moment = START + timedelta(seconds=len(store.orders) // 2)
        store.create(new_order(moment, str(UUID(int=len(store.orders) * 2 + number % 2)), quantity=10**6))
    elif step in ("look", "cut"):
        watcher.look(number / 100 if step == "cut" else 1)
    else:
        order = list(store.orders.values())[-1 - number % min(len(store.orders), WINDOW + 1)]
        steps = {"step": 1, "steps": number, "write": 0, "end": 1}[step]
        status = OrderStatus.CANCELED if step == "end" and order.status not in FINAL else None
        store.save(replace(add_steps(order, steps, status), cum_qty=order.version))


@settings(max_examples=300, deadline=None)
@given(st.lists(_steps, max_size=40), st.randoms(use_true_random=False))
def test_every_step_of_watched_orders_is_seen_once_or_a_gap_counts_it(
    steps: list[tuple[str, int]], random: Random
) -> None:
    store = LaggingStore(random)
    for number in range(3):
        store.create(new_order(START, str(UUID(int=number)), quantity=10**6))
    watcher = Watcher(store, list(store.orders))

    for step, number in steps:
        if step != "create":
            play(store, watcher, step, number)
    store.lags = False
    watcher.look()

    for order in store.orders.values():
        watcher.check(order)
    assert watcher.list_gaps == []
    assert watcher.look().events == []


@settings(max_examples=600, deadline=None)
@given(st.lists(_steps, max_size=60), st.randoms(use_true_random=False))
def test_of_the_newest_orders_nothing_is_lost_in_silence(steps: list[tuple[str, int]], random: Random) -> None:
    store = LaggingStore(random)
    watcher = Watcher(store, None)

    for step, number in steps:
        play(store, watcher, step, number)
    store.lags = False
    watcher.look()

    newest = [place.order_id for place in store.list_newest(WINDOW, None)]
    for order_id, seen in watcher.seen.items():
        assert seen == sorted(set(seen)), "a step came twice, or out of order"
        order = store.orders[order_id]
        if order_id in newest:
            watcher.check(order)
        elif watcher.versions[order_id] < order.cum_qty and order_id not in watcher.ended:
            # It left the newest ones before its last change: that was told, unless it was seen to be final.
            assert watcher.list_gaps
    assert set(newest) <= set(watcher.seen)
    if set(store.orders) - set(watcher.seen):
        unseen = [order_id for order_id in store.orders if order_id not in watcher.seen]
        began = min((store.orders[each].created_at for each in watcher.seen), default=START)
        assert None in watcher.list_gaps or all(store.orders[each].created_at <= began for each in unseen)
    assert watcher.look().events == []


def changes(orders: Sequence[Order], marks: dict[OrderId, Mark], most: int = WINDOW) -> list[Change]:
    return list(find_changes(orders, marks, most))


def orders_of(count: int, start: int = 0) -> list[Order]:
    return [new_order(START + timedelta(seconds=number), str(UUID(int=number))) for number in range(start, count)]


def test_an_order_drives_out_the_oldest_and_it_is_told_if_that_one_may_still_change() -> None:
    *known, new = orders_of(WINDOW + 1)
    marks = {order.order_id: Mark(1, 1) for order in known}

    (alive,) = changes([*known, new], marks)
    (final,) = changes([replace(known[0], status=OrderStatus.FILLED), *known[1:], new], marks)

    assert (alive.left, final.left) == (1, 0)
    assert set(alive.marks) == {order.order_id for order in [*known[1:], new]}


def test_what_leaves_the_newest_is_told_a_last_time() -> None:
    *known, new = orders_of(WINDOW + 1)
    marks = {order.order_id: Mark(1, 1) for order in known}
    filled = replace(add_steps(known[0], 1, OrderStatus.FILLED), version=2)

    last, first = changes([filled, *known[1:], new], marks)

    assert (last.order, last.entries, last.left) == (filled, filled.timeline[1:], 0)
    assert (first.order, first.left, first.overrun) == (new, 0, False)


def test_an_overrun_is_told_with_the_first_that_came_after_it() -> None:
    known, new = orders_of(2), orders_of(12, 12 - WINDOW)
    marks = {order.order_id: Mark(1, 1) for order in known}
    filled = replace(add_steps(known[0], 1), version=2)

    found = changes([filled, known[1], *new], marks)

    assert [(change.order, change.overrun) for change in found] == [
        (filled, False),
        (new[0], True),
        *((order, False) for order in new[1:]),
    ]


@pytest.mark.parametrize(("steps", "missed"), [(19, 0), (20, 1), (200, 181)])
def test_steps_that_are_not_kept_are_counted(steps: int, missed: int) -> None:
    order = replace(add_steps(orders_of(1)[0], steps), version=9)

    (first,) = changes([order], {})

    assert (first.missed, len(first.entries)) == (missed, min(steps + 1, TIMELINE_LENGTH))
    events: list[Event] = list(change_events(first, "newest"))
    assert [event.name for event in events] == ["gap", "order"][not missed :]
    # A gap without an id: whoever loses the connection behind it gets it again, with its order.
    assert [event.id is None for event in events] == [True, False][not missed :]


def test_a_write_without_a_step_is_a_change_without_entries() -> None:
    order = replace(orders_of(1)[0], version=2)

    (change,) = changes([order], {order.order_id: Mark(1, 1)})

    assert (change.entries, change.missed) == ((), 0)


def test_what_is_read_older_than_it_was_seen_is_no_change() -> None:
    order = replace(orders_of(1)[0], version=2)

    assert changes([order], {order.order_id: Mark(3, 1)}) == []
