"""Orders in memory, with the stream of their changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.store import NEWEST, OrderExistsError, Position, StaleOrderError
from chalicelib.core.ids import shard_of
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.fakes.faults import Hook, nothing

WORKING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
MILLISECOND = timedelta(milliseconds=1)


class MemoryOrderStore:
    """Keeps orders, every version that was written, and the stream records of the writes."""

    def __init__(self) -> None:
        self.orders: dict[OrderId, Order] = {}
        self.history: dict[OrderId, list[Order]] = {}
        self.writers: dict[OrderId, list[str]] = {}
        self.stream: list[dict[str, Any]] = []

    writer = ""
    """Who has this view on the store; each version is kept with its writer."""

    def create(self, order: Order) -> None:
        existing = self.orders.get(order.order_id)
        if existing is None:
            self._keep(order)
        elif existing.created_at != order.created_at:
            raise OrderExistsError(existing)

    def save(self, order: Order) -> Order:
        changed = replace(order, version=order.version + 1)
        existing = self.orders.get(order.order_id)
        if existing is not None and existing.version == order.version:
            self._keep(changed)
        elif existing != _as_kept(changed):
            raise StaleOrderError(order.order_id)
        return changed

    def get(self, order_id: OrderId) -> Order | None:
        return self.orders.get(order_id)

    def get_many(self, order_ids: Sequence[OrderId], *, consistent: bool = False) -> dict[OrderId, Order]:
        del consistent  # It always is.
        return {order_id: self.orders[order_id] for order_id in order_ids if order_id in self.orders}

    def list_newest(self, limit: int, after: Position | None) -> list[Position]:
        places = sorted(((order.created_at, order.order_id) for order in self.orders.values()), reverse=True)
        return [Position(*place) for place in places if after is None or place < (after.moment, after.order_id)][:limit]

    def list_pending(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        pending = (order for order in self.orders.values() if order.is_pending)
        return _page([(_waits_since(order), order.order_id) for order in pending], shard, limit, after)

    def list_working(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        working = (order for order in self.orders.values() if order.status in WORKING)
        return _page([(order.placed_at or order.created_at, order.order_id) for order in working], shard, limit, after)

    def oldest_pending_since(self) -> datetime | None:
        return min((_waits_since(order) for order in self.orders.values() if order.is_pending), default=None)

    def last_placed_at(self) -> datetime | None:
        newest = [self.orders[place.order_id] for place in self.list_newest(NEWEST, None)]
        working = [order for order in self.orders.values() if order.status in WORKING]
        placed = [order.placed_at for order in newest + working]
        return max((moment for moment in placed if moment is not None), default=None)

    def _keep(self, order: Order) -> None:
        kept, before = _as_kept(order), self.orders.get(order.order_id)
        self.orders[order.order_id] = kept
        self.history.setdefault(order.order_id, []).append(kept)
        self.writers.setdefault(order.order_id, []).append(self.writer)
        self.stream.append(_stream_record(before, kept))


class FaultyOrderStore(MemoryOrderStore):
    """The view of one caller on a store; its calls pass the hook before and after they take effect."""

    def __init__(self, inner: MemoryOrderStore, hook: Hook = nothing, writer: str = "") -> None:
        super().__init__()
        self.orders, self.history, self.stream = inner.orders, inner.history, inner.stream
        self.writers = inner.writers
        self.writer = writer
        self._hook = hook

    def create(self, order: Order) -> None:
        self._hook("before create")
        super().create(order)
        self._hook("after create")

    def save(self, order: Order) -> Order:
        self._hook("before save")
        saved = super().save(order)
        self._hook("after save")
        return saved

    def get(self, order_id: OrderId) -> Order | None:
        self._hook("before get")
        return super().get(order_id)


def _page(places: list[tuple[datetime, OrderId]], shard: int, limit: int, after: Position | None) -> list[Position]:
    behind = [place for place in sorted(places) if after is None or place > (after.moment, after.order_id)]
    return [Position(*place) for place in behind if shard_of(place[1], SHARDS) == shard][:limit]


def _waits_since(order: Order) -> datetime:
    since = order.cancel_requested_at if order.status is OrderStatus.PENDING_CANCEL else order.created_at
    return since or order.created_at


def _as_kept(order: Order) -> Order:
    """Return the order as a store gives it back: timeline times are whole milliseconds since its creation."""
    created = order.created_at
    timeline = (replace(e, at=created + (e.at - created) // MILLISECOND * MILLISECOND) for e in order.timeline)
    return replace(order, timeline=tuple(timeline))


def _stream_record(before: Order | None, after: Order) -> dict[str, Any]:
    images = {"NewImage": {"status": {"S": after.status.value}}}
    if before is not None:
        images["OldImage"] = {"status": {"S": before.status.value}}
    keys = {"order_id": {"S": after.order_id}}
    return {"eventName": "MODIFY" if before else "INSERT", "dynamodb": {"Keys": keys, **images}}
