"""Orders and transactions of the art market as values. Standard library only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NewType

from chalicelib.core.ids import is_id
from chalicelib.core.lifecycle import OrderStatus

ArtworkId = NewType("ArtworkId", int)
UserId = NewType("UserId", int)
MarketOrderId = NewType("MarketOrderId", str)
TransactionId = NewType("TransactionId", str)
Direction = Literal["buy", "sell"]


@dataclass(frozen=True)
class MarketOrder:
    """An offer to buy or sell one piece of one artwork. Open while NEW; then FILLED or CANCELED, for good."""

    order_id: MarketOrderId
    artwork_id: ArtworkId
    user_id: UserId
    direction: Direction
    price: Decimal
    created_at: datetime
    status: OrderStatus = OrderStatus.NEW
    transaction_id: TransactionId | None = None


@dataclass(frozen=True)
class Transaction:
    """Two orders that met: immutable. The price is that of the order that rested."""

    transaction_id: TransactionId
    artwork_id: ArtworkId
    price: Decimal
    buy_order_id: MarketOrderId
    sell_order_id: MarketOrderId
    buyer: UserId
    seller: UserId
    executed_at: datetime


@dataclass(frozen=True)
class Artwork:
    """What is known of an artwork beside its orders."""

    artwork_id: ArtworkId
    title: str
    artist: str
    description: str | None = None
    image_url: str | None = None


def make_order_id(artwork_id: ArtworkId, unique: str) -> MarketOrderId:
    """Return an order id. It carries the artwork, so that an order is found by its id without an index."""
    return MarketOrderId(f"{artwork_id}-{unique}")


def artwork_of(order_id: str) -> ArtworkId | None:
    """Return the artwork that an order id carries, None if it is no order id."""
    artwork, dash, unique = order_id.partition("-")
    digits = artwork.isascii() and artwork.isdigit() and len(artwork) <= 16 and str(int(artwork)) == artwork
    return ArtworkId(int(artwork)) if digits and dash and is_id(unique) else None
