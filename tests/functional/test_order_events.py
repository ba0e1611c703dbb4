"""GET /orders/events: what changed since the cursor, over HTTP and on the real table."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chalicelib.broker.order import TIMELINE_LENGTH, OrderId
from chalicelib.broker.watch import MOST_WATCHED
from chalicelib.broker.wiring import broker
from chalicelib.core.lifecycle import OrderStatus
from tests.event_stream import Stream, read_stream
from tests.functional.conftest import LIMIT_ORDER, Orders, problem_of
from tests.functional.gateway import Answer, Gateway
from tests.unit.broker.orders import add_steps, new_order

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
UNKNOWN = "7b7a8f8e-0000-4000-8000-000000000000"


class Watcher:
    """An EventSource: comes back with the id of the last event."""

    def __init__(self, gateway: Gateway, *order_ids: str) -> None:
        self._gateway = gateway
        self.path = "/orders/events" + (f"?ids={','.join(order_ids)}" if order_ids else "")
        self.last_id = ""

    def ask(self) -> Answer:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        return self._gateway.send("GET", self.path, headers={"Accept": "text/event-stream", **headers})

    def look(self) -> Stream:
        answer = self.ask()
        assert answer.status == 200, answer.text
        stream = read_stream(answer.text, self.last_id)
        self.last_id = stream.events[-1].last_id if stream.events else self.last_id
        return stream


def make(orders: Orders, count: int, status: OrderStatus = OrderStatus.NEW, start: int = 0) -> list[str]:
    """Store so many orders, a second apart; return their ids, the oldest first."""
    moments = [START + timedelta(seconds=start + number) for number in range(count)]
    made = [new_order(moment, status=status, placed_at=moment) for moment in moments]
    orders.put(*made)
    return [order.order_id for order in made]


def change(orders: Orders, order_id: str, steps: int = 1, status: OrderStatus | None = None) -> None:
    """Write the order once more, with so many new entries."""
    broker().store.save(add_steps(orders.get(order_id), steps, status))


class TestAnswer:
    def test_it_is_an_event_stream_that_nobody_keeps(self, gateway: Gateway) -> None:
        order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]

        answer = Watcher(gateway, order_id).ask()

        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.text.startswith("retry: 1000\n\n")

    def test_first_all_orders_come_as_they_stand(self, gateway: Gateway) -> None:
        ids = [gateway.post("/orders", LIMIT_ORDER).content["id"] for _ in range(3)]

        stream = Watcher(gateway, *ids[1:]).look()

        for told, order_id in zip(stream.named("order"), ids[1:], strict=True):
            timeline = gateway.get(f"/orders/{order_id}/timeline").content
            order = gateway.get(f"/orders/{order_id}").content
            assert told == {"order": order, "entries": timeline["entries"], "missed": 0}

    def test_then_only_what_changed(self, gateway: Gateway, orders: Orders) -> None:
        ids = make(orders, 3)
        watcher = Watcher(gateway, *ids)
        watcher.look()

        change(orders, ids[1], status=OrderStatus.PARTIALLY_FILLED)
        stream = watcher.look()

        (told,) = stream.named("order")
        assert (told["order"]["id"], told["order"]["status"]) == (ids[1], "PARTIALLY_FILLED")
        assert [entry["attempt"] for entry in told["entries"]] == [1]

    def test_when_nothing_changed_there_are_bytes_and_no_event(self, gateway: Gateway, orders: Orders) -> None:
        watcher = Watcher(gateway, *make(orders, 2))
        watcher.look()

        assert watcher.ask().text == "retry: 1000\n\n: nothing new\n\n"

    def test_a_write_without_a_step_is_told(self, gateway: Gateway, orders: Orders) -> None:
        (order_id,) = make(orders, 1)
        watcher = Watcher(gateway, order_id)
        watcher.look()

        broker().store.save(replace(orders.get(order_id), cum_qty=2))

        (told,) = watcher.look().named("order")
        assert (told["order"]["cum_qty"], told["entries"], told["missed"]) == (2, [], 0)

    @pytest.mark.parametrize("listed", [True, False])
    def test_who_watches_final_orders_comes_back_later(self, gateway: Gateway, orders: Orders, listed: bool) -> None:
        ids = [*make(orders, 1, OrderStatus.FILLED), *make(orders, 1, OrderStatus.REJECTED)]
        watcher = Watcher(gateway) if listed else Watcher(gateway, *ids)
        assert [watcher.look().retry, watcher.look().retry] == [5000, 5000]

        make(orders, 1, start=9)
        assert watcher.look().retry == (1000 if listed else 5000)

    def test_steps_that_are_not_kept_are_a_gap_before_the_order(self, gateway: Gateway, orders: Orders) -> None:
        (order_id,) = make(orders, 1)
        watcher = Watcher(gateway, order_id)
        watcher.look()
        before = watcher.last_id

        change(orders, order_id, 33)
        gap, told = watcher.look().events

        assert (gap.name, gap.data["id"], gap.data["missed"]) == ("gap", order_id, 13)
        assert gap.data["detail"].startswith("13 steps are not kept any more.")
        assert (told.name, told.data["missed"], len(told.data["entries"])) == ("order", 13, TIMELINE_LENGTH)
        # Who has the gap and not yet the order gets both again.
        assert gap.last_id == before != told.last_id


class TestCursor:
    def test_a_client_that_sets_no_header_sends_it_in_the_query_and_the_header_wins(
        self, gateway: Gateway, orders: Orders
    ) -> None:
        (order_id,) = make(orders, 1)
        watcher = Watcher(gateway, order_id)
        watcher.look()
        old = watcher.last_id
        change(orders, order_id)
        watcher.look()

        by_query = read_stream(gateway.get(f"{watcher.path}&cursor={old}").text)
        watcher.path += f"&cursor={old}"

        assert len(by_query.events) == 1
        assert watcher.look().events == []

    def test_an_empty_header_begins_anew(self, gateway: Gateway, orders: Orders) -> None:
        (order_id,) = make(orders, 1)
        answer = gateway.send("GET", f"/orders/events?ids={order_id}", headers={"Last-Event-ID": ""})
        assert len(read_stream(answer.text).events) == 1

    def test_the_same_orders_are_the_same_watch_however_they_are_put(self, gateway: Gateway, orders: Orders) -> None:
        ids = make(orders, 3)
        watcher = Watcher(gateway, *ids)
        watcher.look()
        watcher.path = Watcher(gateway, *ids[::-1], ids[0]).path
        assert watcher.look().events == []

    def test_a_cursor_of_other_orders_is_refused(self, gateway: Gateway, orders: Orders) -> None:
        one, other = make(orders, 2)
        watcher = Watcher(gateway, one)
        watcher.look()
        for path in (Watcher(gateway, other).path, Watcher(gateway, one, other).path, Watcher(gateway).path):
            watcher.path = path
            answer = watcher.ask()
            assert (answer.status, answer.content["code"]) == (400, "invalid_cursor")

    @pytest.mark.parametrize("cursor", ["x", "%E2%82%AC", "A" * 5_000, ""])
    def test_a_broken_cursor_is_refused(self, gateway: Gateway, cursor: str) -> None:
        answer = gateway.get(f"/orders/events?cursor={cursor}")
        assert (answer.status, answer.content["code"]) == (400, "invalid_cursor")

    def test_a_hundred_orders_and_their_cursor_fit_into_the_headers_of_a_request(
        self, gateway: Gateway, orders: Orders
    ) -> None:
        watcher = Watcher(gateway, *make(orders, MOST_WATCHED))

        stream = watcher.look()

        assert len(stream.events) == MOST_WATCHED
        assert len(watcher.last_id) <= 4_096
        # API Gateway takes 10,240 bytes for the request line and all headers.
        assert len(watcher.path) + len(watcher.last_id) < 8_192
        assert watcher.look().events == []


class TestIds:
    @pytest.mark.parametrize("ids", ["", ",".join(str(uuid4()) for _ in range(MOST_WATCHED + 1))], ids=["0", "101"])
    def test_1_to_100_ids_are_taken(self, gateway: Gateway, ids: str) -> None:
        answer = gateway.get(f"/orders/events?ids={ids}")
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "ids"), "ids")})

    def test_unknown_ids_are_named(self, gateway: Gateway, orders: Orders) -> None:
        (known,) = make(orders, 1)
        answer = gateway.get(f"/orders/events?ids={UNKNOWN},{known},no-id,,{'x' * 500}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_orders")
        assert answer.content["ids"] == [UNKNOWN, "no-id", "", "x" * 64]
        assert UNKNOWN in answer.content["detail"]
        assert known not in answer.text

    def test_of_many_unknown_ids_a_sentence_names_the_first(self, gateway: Gateway) -> None:
        ids = [str(uuid4()) for _ in range(MOST_WATCHED)]
        answer = gateway.get(f"/orders/events?ids={','.join(ids)}")
        assert answer.content["detail"].endswith(f"{ids[4]!r} and 95 more.")
        assert answer.content["ids"] == ids

    def test_an_order_is_not_shadowed_by_the_events(self, gateway: Gateway) -> None:
        for path in ("/orders/events/timeline", "/orders/event"):
            assert gateway.get(path).content["code"] == "unknown_order"


class TestNewest:
    def test_of_no_orders_there_is_nothing_and_new_ones_are_included_as_they_come(self, gateway: Gateway) -> None:
        watcher = Watcher(gateway)
        assert watcher.look().events == []
        ids = [gateway.post("/orders", LIMIT_ORDER).content["id"] for _ in range(2)]
        assert [told["order"]["id"] for told in watcher.look().named("order")] == ids
        ids = [gateway.post("/orders", LIMIT_ORDER).content["id"]]
        assert [told["order"]["id"] for told in watcher.look().named("order")] == ids

    def test_more_orders_than_are_watched_begin_with_the_newest(self, gateway: Gateway, orders: Orders) -> None:
        ids = make(orders, MOST_WATCHED + 7)
        assert [told["order"]["id"] for told in Watcher(gateway).look().named("order")] == ids[7:]

    def test_an_order_that_is_driven_out_is_a_gap_if_it_may_still_change(
        self, gateway: Gateway, orders: Orders
    ) -> None:
        final, *alive = [*make(orders, 1, OrderStatus.FILLED), *make(orders, MOST_WATCHED - 1, start=1)]
        watcher = Watcher(gateway)
        watcher.look()

        make(orders, 1, start=200)
        assert watcher.look().named("gap") == []
        change(orders, alive[0], status=OrderStatus.PARTIALLY_FILLED)
        make(orders, 1, start=201)
        stream = watcher.look()

        assert [event.name for event in stream.events] == ["order", "gap", "order"]
        assert stream.events[0].data["order"]["id"] == alive[0]
        (gap,) = stream.named("gap")
        assert (gap["id"], gap["missed"]) == (None, 1)
        change(orders, alive[0], status=OrderStatus.FILLED)
        assert watcher.look().events == []
        assert final not in str(stream.events)

    @pytest.mark.no_cover
    def test_orders_that_came_and_went_between_two_looks_are_a_gap(self, gateway: Gateway, orders: Orders) -> None:
        make(orders, MOST_WATCHED)
        watcher = Watcher(gateway)
        watcher.look()

        newest = make(orders, MOST_WATCHED + 1, start=200)[1:]
        stream = watcher.look()

        assert [told["order"]["id"] for told in stream.named("order")] == newest
        assert stream.named("gap")[0]["missed"] is None
        assert stream.named("gap")[0]["detail"].startswith("More than 100 orders came")
        assert watcher.look().events == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.no_cover
def test_a_watch_that_is_resumed_sees_every_step_once_or_hears_how_many_are_gone(
    gateway: Gateway, orders: Orders, seed: int
) -> None:
    chance = random.Random(seed)
    ids = make(orders, 4)
    watcher = Watcher(gateway, *ids)
    seen: dict[str, list[int]] = {order_id: [] for order_id in ids}
    missed = dict.fromkeys(ids, 0)

    for _ in range(25):
        for _ in range(chance.randint(0, 3)):
            change(orders, chance.choice(ids), chance.choice([0, 1, 1, 2, 7, 30]))
        whole = watcher.ask().text
        # The connection breaks anywhere.
        events = read_stream(
            whole[: chance.choice([len(whole), chance.randint(0, len(whole))])], watcher.last_id
        ).events
        for event in events:
            watcher.last_id = event.last_id
            if event.name == "order":
                order_id = event.data["order"]["id"]
                seen[order_id] += [entry.get("attempt", 0) for entry in event.data["entries"]]
                missed[order_id] += event.data["missed"]
    for told in watcher.look().named("order"):
        seen[told["order"]["id"]] += [entry.get("attempt", 0) for entry in told["entries"]]
        missed[told["order"]["id"]] += told["missed"]

    for order_id in ids:
        assert seen[order_id] == sorted(set(seen[order_id]))
        assert len(seen[order_id]) + missed[order_id] == orders.get(OrderId(order_id)).timeline_count
    assert sum(missed.values()) > 0
