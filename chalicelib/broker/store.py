"""Orders in DynamoDB: the only place of the broker that knows pynamodb.

One item per order, written whole. Creation is conditional on absence, every change on the version that was read.
A write whose answer is lost is repeated by the client and then meets itself: both cases are told apart here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from pynamodb.exceptions import PutError
from pynamodb.transactions import TransactWrite

from chalicelib.broker.item import (
    PENDING,
    SHARDS,
    WORKING,
    ActiveIndex,
    ListingIndex,
    OrderItem,
    active_key,
    pack_order,
    unpack_order,
)
from chalicelib.broker.order import Order, OrderId
from chalicelib.core.dynamodb import bind_table, is_condition_failure
from chalicelib.core.pagination import MORE, first_behind

NEWEST = 50
"""Orders whose placement tells that the exchange takes orders, even where none of them works for long."""


class OrderExistsError(Exception):
    """Raised when another request created an order with this id. ``existing`` is that order."""

    def __init__(self, existing: Order) -> None:
        super().__init__(existing.order_id)
        self.existing = existing


class StaleOrderError(Exception):
    """Raised when the order was changed since it was read. Read it again and decide anew."""


@dataclass(frozen=True)
class Position:
    """A place in a list of orders: behind the order with this time and id."""

    moment: datetime
    order_id: OrderId


class OrderStore(Protocol):
    """Where orders are kept."""

    def create(self, order: Order) -> None:
        """Store a new order. Raises OrderExistsError if another request used its id."""

    def save(self, order: Order) -> Order:
        """Store the changed order; return it with its new version. Raises StaleOrderError."""

    def get(self, order_id: OrderId) -> Order | None:
        """Return the order, read consistently."""

    def get_many(self, order_ids: Sequence[OrderId], *, consistent: bool = False) -> dict[OrderId, Order]:
        """Return those of the orders that exist, by default read eventually consistently."""

    def list_newest(self, limit: int, after: Position | None) -> list[Position]:
        """Return the positions of the newest orders, newest first, behind a position."""

    def list_pending(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        """Return the positions of a shard's orders that wait for the exchange, oldest first."""

    def list_working(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        """Return the positions of a shard's orders that work at the exchange, by the time since when."""

    def oldest_pending_since(self) -> datetime | None:
        """Return since when the order waits that waits longest for the exchange, None if none waits."""

    def last_placed_at(self) -> datetime | None:
        """Return when an order that still works, or one of the newest orders, was placed last."""


class DynamoOrderStore:
    """Orders in the table ``broker_orders``."""

    def __init__(self, table: str) -> None:
        self._items = bind_table(OrderItem, table)

    def create(self, order: Order) -> None:
        """Put the item unless there is one: the only write before the client's 201."""
        try:
            self._items(**pack_order(order)).save(condition=OrderItem.order_id.does_not_exist())
        except PutError as error:
            if not is_condition_failure(error):
                raise
            existing = self.get(order.order_id)
            if existing is None:
                raise
            # The same moment to the microsecond under the same id is this very request: its first try took
            # effect and the answer was lost.
            if existing.created_at != order.created_at:
                raise OrderExistsError(existing) from None

    def join(self, transaction: TransactWrite, order: Order) -> None:
        """Add the new order to the caller's transaction, which is refused if there is an order with its id."""
        transaction.save(self._items(**pack_order(order)), condition=OrderItem.order_id.does_not_exist())

    def save(self, order: Order) -> Order:
        """Put the item on condition of the version that was read."""
        changed = replace(order, version=order.version + 1)
        try:
            self._items(**pack_order(changed)).save(condition=OrderItem.version == order.version)
        except PutError as error:
            if not is_condition_failure(error):
                raise
            # A stored order that equals ours in everything, random token and microseconds included, is ours.
            if _as_stored(changed) != self.get(order.order_id):
                raise StaleOrderError(order.order_id) from None
        return changed

    def get(self, order_id: OrderId) -> Order | None:
        """Get the item consistently."""
        try:
            return unpack_order(self._items.get(order_id, consistent_read=True))
        except self._items.DoesNotExist:
            return None

    def get_many(self, order_ids: Sequence[OrderId], *, consistent: bool = False) -> dict[OrderId, Order]:
        """Get the items in batches of 100."""
        orders = (unpack_order(item) for item in self._items.batch_get(order_ids, consistent_read=consistent))
        return {order.order_id: order for order in orders}

    def list_newest(self, limit: int, after: Position | None) -> list[Position]:
        """Merge the newest of each shard."""
        found: list[Position] = []
        for shard in range(SHARDS):
            found += self._query_listing(str(shard), limit, after)
        return sorted(found, key=_place, reverse=True)[:limit]

    def list_pending(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        """Query one key of the active index."""
        return self._query_active(active_key(PENDING, shard), limit, after)

    def list_working(self, shard: int, limit: int, after: Position | None) -> list[Position]:
        """Query one key of the active index."""
        return self._query_active(active_key(WORKING, shard), limit, after)

    def oldest_pending_since(self) -> datetime | None:
        """Take the earliest over all shards."""
        return min(self._first_of_each_shard(PENDING, forward=True), default=None)

    def last_placed_at(self) -> datetime | None:
        """Take the latest over all shards, and of the newest orders, whatever became of them."""
        newest = self.get_many([place.order_id for place in self.list_newest(NEWEST, None)]).values()
        # Where everything fills or is refused at once, no order works.
        placed = [order.placed_at for order in newest if order.placed_at is not None]
        return max([*placed, *self._first_of_each_shard(WORKING, forward=False)], default=None)

    def _first_of_each_shard(self, status: str, *, forward: bool) -> Iterator[datetime]:
        for shard in range(SHARDS):
            rows = self._items.active_index.query(active_key(status, shard), scan_index_forward=forward, limit=1)
            yield from (row.active_since for row in rows)

    def _query_active(self, key: str, limit: int, after: Position | None) -> list[Position]:
        condition = None if after is None else ActiveIndex.active_since >= after.moment
        rows = self._items.active_index.query(key, range_key_condition=condition, page_size=limit + MORE)
        positions = (Position(row.active_since, OrderId(row.order_id)) for row in rows)
        return first_behind(positions, _place, _place(after) if after else None, limit)

    def _query_listing(self, shard: str, limit: int, after: Position | None) -> list[Position]:
        condition = None if after is None else ListingIndex.created_at <= after.moment
        rows = self._items.listing_index.query(
            shard, range_key_condition=condition, scan_index_forward=False, page_size=limit + MORE
        )
        positions = (Position(row.created_at, OrderId(row.order_id)) for row in rows)
        return first_behind(positions, _place, _place(after) if after else None, limit, descending=True)


def _place(position: Position) -> tuple[datetime, OrderId]:
    return position.moment, position.order_id


def _as_stored(order: Order) -> Order:
    """Return the order as it comes back: timeline times are kept in whole milliseconds."""
    return unpack_order(OrderItem(**pack_order(order)))
