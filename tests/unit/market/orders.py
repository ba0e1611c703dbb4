"""Orders and transactions of the art market for tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from chalicelib.core.clock import format_timestamp
from chalicelib.market.order import (
    ArtworkId,
    Direction,
    MarketOrder,
    Transaction,
    TransactionId,
    UserId,
    make_order_id,
)

START = datetime(2026, 3, 2, 9, 30, 0, 123_456, UTC)
ARTWORK = ArtworkId(7)
_strangers = count(1_000)


def at(seconds: float) -> datetime:
    """Return a moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def new_order(
    direction: Direction,
    price: str | int,
    seconds: float = 0,
    user_id: int | None = None,
    artwork_id: int = ARTWORK,
) -> MarketOrder:
    """Return an open order, of a new user unless told."""
    artwork = ArtworkId(artwork_id)
    return MarketOrder(
        order_id=make_order_id(artwork, str(uuid4())),
        artwork_id=artwork,
        user_id=UserId(next(_strangers) if user_id is None else user_id),
        direction=direction,
        price=Decimal(price).quantize(Decimal("0.01")),
        created_at=at(seconds),
    )


def trade_of(sell: MarketOrder, buy: MarketOrder, executed_at: datetime | None = None) -> Transaction:
    """Return the transaction of two orders at the price of the earlier one."""
    maker, taker = sorted((sell, buy), key=lambda order: (order.created_at, order.order_id))
    return Transaction(
        transaction_id=TransactionId(f"{format_timestamp(taker.created_at)}#{buy.order_id}#{sell.order_id}"),
        artwork_id=sell.artwork_id,
        price=maker.price,
        buy_order_id=buy.order_id,
        sell_order_id=sell.order_id,
        buyer=buy.user_id,
        seller=sell.user_id,
        executed_at=executed_at or taker.created_at,
    )
