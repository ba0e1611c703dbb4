"""What a watcher has still to learn of orders. State-based: nothing is logged for watchers, orders tell by themselves.

An order counts its writes (``version``) and its timeline's entries, of which it keeps the last. A watcher's marks say
which counts it has seen: the difference is what is new, or was not kept and is a gap. Standard library only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.broker.order import Order, OrderId, TimelineEntry
from chalicelib.core.lifecycle import FINAL

MOST_WATCHED = 100
"""Orders that one watcher follows at once: as many as one BatchGet reads."""


@dataclass(frozen=True)
class Mark:
    """How far a watcher knows an order: its version, and the entries that its timeline ever had."""

    version: int
    count: int


Marks = Mapping[OrderId, Mark]
UNKNOWN = Mark(0, 0)


@dataclass(frozen=True)
class Change:
    """One order that a watcher has to learn of, with all that is told together with it.

    ``missed``: entries before ``entries`` that were not kept. ``left``: orders not final that this one drove out of the
    newest ones, and that are followed no longer. ``overrun``: before it others came and went unseen, nobody knows how
    many. ``marks`` are those of a watcher who has learned all this.
    """

    order: Order
    entries: tuple[TimelineEntry, ...]
    missed: int
    left: int
    overrun: bool
    marks: Marks


def find_changes(orders: Sequence[Order], marks: Marks, most: int) -> Iterator[Change]:
    """Yield the changes of the orders since the marks, the oldest order first.

    ``orders`` are all that the marks know, and those that are watched besides, of which the ``most`` newest count. What
    is read older than it was seen is no change: a watcher never goes back in time.
    """
    places = {order.order_id: _place(order) for order in orders}
    newest = set(sorted(places, key=places.__getitem__, reverse=True)[:most])
    seen = {order_id: mark for order_id, mark in marks.items() if order_id in places}
    # Newest is newest without a hole: if one order is known of them, all that are newer than it are among them.
    overrun = bool(seen) and len(newest) == most and newest.isdisjoint(seen)
    finals = {order.order_id for order in orders if order.status in FINAL}
    # The oldest first: were the answer cut off, nothing that was not told would lie behind what was.
    for order in sorted(orders, key=_place):
        is_new = order.order_id not in seen
        known = seen.get(order.order_id, UNKNOWN)
        if (is_new and order.order_id not in newest) or order.version <= known.version:
            continue
        seen[order.order_id] = Mark(order.version, order.timeline_count)
        oldest = min(seen, key=places.__getitem__) if len(seen) > most else None
        if oldest is not None:
            del seen[oldest]
        left = int(oldest is not None and oldest not in finals)
        yield Change(order, *_news(order, known), left=left, overrun=overrun and is_new, marks=dict(seen))
        overrun = overrun and not is_new


def _news(order: Order, known: Mark) -> tuple[tuple[TimelineEntry, ...], int]:
    """Return the entries that are new and kept, and how many new ones are not."""
    new = order.timeline_count - known.count
    kept = min(new, len(order.timeline))
    return order.timeline[len(order.timeline) - kept :], new - kept


def _place(order: Order) -> tuple[datetime, OrderId]:
    return order.created_at, order.order_id
