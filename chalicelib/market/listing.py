"""Lists of the art market's open orders: everybody's, one user's, and what is for sale."""

import re
from datetime import datetime
from typing import Any, Literal

from chalicelib.core.clock import format_timestamp, parse_timestamp
from chalicelib.core.dynamodb import bind_table
from chalicelib.core.pagination import MORE, first_behind
from chalicelib.market.item import (
    SHARDS,
    MarketOrderItem,
    SaleNewestIndex,
    SalePriceIndex,
    rank_of,
    unpack_order,
)
from chalicelib.market.order import MarketOrder, MarketOrderId, UserId, artwork_of

Sort = Literal["newest", "price_asc", "price_desc"]
OpenPosition = tuple[str, str, str]
"""User, time and id of the last open order seen."""
SalePosition = tuple[str, str]
"""What the works for sale are sorted by, and id, of the last one seen."""

_USER = re.compile(r"0|[1-9]\d{0,15}", re.ASCII)
_SALE_RANK = re.compile(r"A\d{15}#([^#]+)#([^#]+)", re.ASCII)


class InvalidPositionError(Exception):
    """Raised when a position names no place in the list."""


class Listings:
    """The sparse indexes of the table ``market_orders``. They lag behind the book by moments."""

    def __init__(self, orders: str) -> None:
        self._orders = bind_table(MarketOrderItem, orders)

    def open_orders(
        self, user_id: UserId | None, limit: int, after: OpenPosition | None
    ) -> tuple[list[MarketOrder], OpenPosition | None]:
        """Return open orders, a user's earliest first, and the position to go on from.

        Everybody's come user by user, in no order that means anything.

        Raises:
            InvalidPositionError: if ``after`` names no place in the list.
        """
        index = self._orders.open_by_user
        if after is not None and user_id is not None and after[0] != str(user_id):
            raise InvalidPositionError(after[0])
        start = None if after is None else _open_key(after)
        if user_id is None:
            rows = index.scan(limit=limit, page_size=limit, last_evaluated_key=start)
        else:
            rows = index.query(user_id, limit=limit, page_size=limit, last_evaluated_key=start)
        orders = [unpack_order(row) for row in rows]
        return orders, _next_open(orders, rows.last_evaluated_key)

    def open_segment(
        self, segment: int, segments: int, limit: int, after: OpenPosition | None
    ) -> tuple[list[MarketOrder], OpenPosition | None]:
        """Return everybody's open orders of one of several equal parts, and the position to go on from."""
        rows = self._orders.open_by_user.scan(
            segment=segment,
            total_segments=segments,
            limit=limit,
            page_size=limit,
            last_evaluated_key=None if after is None else _open_key(after),
        )
        orders = [unpack_order(row) for row in rows]
        return orders, _next_open(orders, rows.last_evaluated_key)

    def for_sale(self, sort: Sort, limit: int, after: SalePosition | None) -> list[MarketOrder]:
        """Return open sell orders behind a position: the best ``limit`` of every shard, merged.

        Raises:
            InvalidPositionError: if ``after`` names no place in the list.
        """
        found = [order for shard in range(SHARDS) for order in self._sale_shard(str(shard), sort, limit, after)]
        found.sort(key=lambda order: sale_position(order, sort), reverse=sort != "price_asc")
        return found[:limit]

    def _sale_shard(self, shard: str, sort: Sort, limit: int, after: SalePosition | None) -> list[MarketOrder]:
        forward = sort == "price_asc"
        index: Any = self._orders.sale_newest if sort == "newest" else self._orders.sale_price
        condition = None if after is None else _behind(sort, after[0])
        rows = index.query(shard, condition, scan_index_forward=forward, page_size=limit + MORE)
        orders = (unpack_order(row) for row in rows)
        return first_behind(orders, lambda order: sale_position(order, sort), after, limit, descending=not forward)


def sale_position(order: MarketOrder, sort: Sort) -> SalePosition:
    """Return the place of an order in the works for sale."""
    return (format_timestamp(order.created_at) if sort == "newest" else rank_of(order)), order.order_id


def _behind(sort: Sort, key: str) -> Any:
    if sort == "newest":
        return SaleNewestIndex.created_at <= _read_moment(key)
    parts = _SALE_RANK.fullmatch(key)
    if parts is None or artwork_of(parts[2]) is None:
        raise InvalidPositionError(key)
    _read_moment(parts[1])
    return SalePriceIndex.rank >= key if sort == "price_asc" else SalePriceIndex.rank <= key


def _read_moment(text: str) -> datetime:
    try:
        moment = parse_timestamp(text)
    except ValueError:
        raise InvalidPositionError(text) from None
    if format_timestamp(moment) != text:
        raise InvalidPositionError(text)
    return moment


def _next_open(orders: list[MarketOrder], last_key: object) -> OpenPosition | None:
    if last_key is None or not orders:
        return None
    last = orders[-1]
    return str(last.user_id), format_timestamp(last.created_at), last.order_id


def _open_key(position: OpenPosition) -> dict[str, Any]:
    user_id, created_at, order_id = position
    artwork_id = artwork_of(order_id)
    if artwork_id is None or not _USER.fullmatch(user_id):
        raise InvalidPositionError(order_id)
    _read_moment(created_at)
    return {
        "open_user": {"N": user_id},
        "created_at": {"S": created_at},
        "book": {"S": str(artwork_id)},
        "order_id": {"S": MarketOrderId(order_id)},
    }
