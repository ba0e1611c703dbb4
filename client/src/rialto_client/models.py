"""What goes into the functions and what comes out. The rules for ids and prices are the market's to check."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, FiniteFloat, Strict

ArtworkId: TypeAlias = int
UserId: TypeAlias = int
OrderId: TypeAlias = str
TransactionId: TypeAlias = str


class Direction(StrEnum):
    """Which side of the market an order is on."""

    BUY = "buy"
    SELL = "sell"


class Sort(StrEnum):
    """The order in which works for sale are browsed."""

    NEWEST = "newest"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Order(_Value):
    """An offer to buy or sell one piece of an artwork."""

    order_id: OrderId
    user_id: UserId
    artwork_id: ArtworkId
    price: float
    direction: Direction
    is_canceled: bool


class Transaction(_Value):
    """A buy and a sell order that met, at the price of the one that was there first."""

    transaction_id: TransactionId
    artwork_id: ArtworkId
    price: float
    buy_order_id: OrderId
    sell_order_id: OrderId


class Listing(_Value):
    """An open sell order as it is browsed; title, artist and picture where they are known."""

    artwork_id: ArtworkId
    price: float
    order_id: OrderId
    user_id: UserId
    listed_at: datetime
    title: str | None = None
    artist: str | None = None
    image_url: str | None = None


class OrderRequest(_Value):
    """The order to send. Ids from 0 to 2^53 - 1; price above 0, at most 10^12, with at most 2 decimals."""

    # Strict: True is an int to Python, and no id.
    user_id: Annotated[UserId, Strict()]
    artwork_id: Annotated[ArtworkId, Strict()]
    price: FiniteFloat
    direction: Direction


class OrderResponse(_Value):
    """The id of the order that was sent."""

    order_id: OrderId


class CancelOrderRequest(_Value):
    """The order to cancel."""

    order_id: OrderId


class CancelOrderResponse(_Value):
    """Whether the order is canceled now. False: it was filled before."""

    is_canceled: bool


class OrderViewRequest(_Value):
    """Whose open orders to view; everybody's without a user."""

    user_id: Annotated[UserId, Strict()] | None = None


class OrderViewResponse(_Value):
    """Open orders: a user's earliest first, everybody's in no particular order."""

    orders: list[Order]


class TransactionViewRequest(_Value):
    """Whose transactions to view, as buyer and as seller."""

    user_id: Annotated[UserId, Strict()]


class TransactionViewResponse(_Value):
    """Transactions, newest first."""

    transactions: list[Transaction]


class ArtworkViewRequest(_Value):
    """A page of the works for sale. ``limit`` from 1 to 100; ``cursor`` is the ``next_cursor`` of the page before."""

    sort: Sort = Sort.NEWEST
    limit: Annotated[int, Strict()] = 50
    cursor: str | None = None


class ArtworkViewResponse(_Value):
    """A page of the works for sale, and the cursor of the next one: None at the end."""

    artworks: list[Listing]
    next_cursor: str | None = None
