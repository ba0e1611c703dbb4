"""What goes into the functions and what comes out. The rules for ids and prices are the market's to check."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import FiniteFloat, Strict

from rialto_client.values import PageRequest, PageResponse, Value

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


class Order(Value):
    """An offer to buy or sell one piece of an artwork."""

    order_id: OrderId
    user_id: UserId
    artwork_id: ArtworkId
    price: float
    direction: Direction
    is_canceled: bool


class Transaction(Value):
    """A buy and a sell order that met, at the price of the one that was there first."""

    transaction_id: TransactionId
    artwork_id: ArtworkId
    price: float
    buy_order_id: OrderId
    sell_order_id: OrderId


class ExecutedTransaction(Transaction):
    """A transaction, and when it came about."""

    executed_at: datetime


class OrderState(Order):
    """An order and where it stands: open, filled or canceled. A filled one has its transaction when viewed alone."""

    status: str
    created_at: datetime
    transaction: ExecutedTransaction | None = None


class Listing(Value):
    """An open sell order as it is browsed; title, artist and picture where they are known."""

    artwork_id: ArtworkId
    price: float
    order_id: OrderId
    user_id: UserId
    listed_at: datetime
    title: str | None = None
    artist: str | None = None
    image_url: str | None = None


class OrderRequest(Value):
    """The order to send. Ids from 0 to 2^53 - 1; price above 0, at most 10^12, with at most 2 decimals."""

    # Strict: True is an int to Python, and no id.
    user_id: Annotated[UserId, Strict()]
    artwork_id: Annotated[ArtworkId, Strict()]
    price: FiniteFloat
    direction: Direction


class OrderResponse(Value):
    """The id of the order that was sent."""

    order_id: OrderId


class CancelOrderRequest(Value):
    """The order to cancel."""

    order_id: OrderId


class CancelOrderResponse(Value):
    """Whether the order is canceled now. False: it was filled before."""

    is_canceled: bool


class OrderViewRequest(Value):
    """Whose open orders to view; everybody's without a user."""

    user_id: Annotated[UserId, Strict()] | None = None


class OrderViewResponse(Value):
    """Open orders: a user's earliest first, everybody's in no particular order."""

    orders: list[Order]


class TransactionViewRequest(Value):
    """Whose transactions to view, as buyer and as seller."""

    user_id: Annotated[UserId, Strict()]


class TransactionViewResponse(Value):
    """Transactions, newest first."""

    transactions: list[Transaction]


class ArtworkViewRequest(PageRequest):
    """A page of the works for sale."""

    sort: Sort = Sort.NEWEST


class ArtworkViewResponse(PageResponse):
    """A page of the works for sale."""

    artworks: list[Listing]


class Book(Value):
    """What there is for one artwork: open orders, best first, and the last transactions, newest first."""

    artwork_id: ArtworkId
    title: str | None = None
    artist: str | None = None
    description: str | None = None
    image_url: str | None = None
    asks: list[OrderState]
    bids: list[OrderState]
    last_transactions: list[ExecutedTransaction]


class OrderPageRequest(PageRequest):
    """A page of the open orders, of one user or of everybody."""

    user_id: Annotated[UserId, Strict()] | None = None


class OrderPageResponse(PageResponse):
    """A page of open orders."""

    orders: list[OrderState]


class TransactionPageRequest(PageRequest):
    """A page of a user's transactions."""

    user_id: Annotated[UserId, Strict()]


class TransactionPageResponse(PageResponse):
    """A page of transactions, newest first."""

    transactions: list[ExecutedTransaction]
