"""The answers of the art market, field by field. For the type checker and the API's document only."""

from typing import Annotated, Literal, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from chalicelib.core.answers import UUID_PATTERN, Amount, Cursor, Timestamp
from chalicelib.market.order import Direction

Id = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**53 - 1})]
MarketOrderId = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^[0-9]{{1,16}}-{UUID_PATTERN}$"})]


class Transaction(TypedDict):
    """A buy and a sell order that met, at the price of the one that rested."""

    transaction_id: str
    artwork_id: Id
    price: Amount
    buy_order_id: MarketOrderId
    sell_order_id: MarketOrderId
    executed_at: Timestamp


class MarketOrder(TypedDict):
    """An offer to buy or sell one artwork; with its transaction when it is filled and asked for alone."""

    order_id: MarketOrderId
    user_id: Id
    artwork_id: Id
    price: Amount
    direction: Direction
    is_canceled: bool
    status: Literal["open", "filled", "canceled"]
    created_at: Timestamp
    transaction: NotRequired[Transaction]


class MarketOrderList(TypedDict):
    """One page of open orders."""

    orders: list[MarketOrder]
    next_cursor: Cursor


class CancelResult(TypedDict):
    """The order will never trade."""

    is_canceled: Literal[True]


class TransactionList(TypedDict):
    """One page of transactions, newest first."""

    transactions: list[Transaction]
    next_cursor: Cursor


class Artwork(TypedDict):
    """What is known of an artwork; what is not known is absent."""

    artwork_id: Id
    title: str
    artist: str
    description: NotRequired[str]
    image_url: NotRequired[str]


class Book(TypedDict):
    """The open orders of an artwork, best first, with its last transactions and what is known of it."""

    artwork_id: Id
    title: str | None
    artist: str | None
    description: NotRequired[str]
    image_url: NotRequired[str]
    asks: list[MarketOrder]
    bids: list[MarketOrder]
    last_transactions: list[Transaction]


class Listing(TypedDict):
    """One artwork for sale: an open sell order."""

    artwork_id: Id
    price: Amount
    order_id: MarketOrderId
    user_id: Id
    listed_at: Timestamp
    title: NotRequired[str]
    artist: NotRequired[str]
    image_url: NotRequired[str]


class ListingList(TypedDict):
    """One page of what is for sale."""

    artworks: list[Listing]
    next_cursor: Cursor
