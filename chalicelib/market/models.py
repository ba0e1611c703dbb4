"""What goes over the wire of the art market."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.core.clock import format_timestamp
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import PRICE_SCHEMA, Price, to_json_number
from chalicelib.market.order import Artwork, MarketOrder, Transaction

if TYPE_CHECKING:
    from chalicelib.market import answers

MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

STATUS_NAMES: dict[OrderStatus, Literal["open", "filled", "canceled"]] = {
    OrderStatus.NEW: "open",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
}


def refuse_text(value: Any) -> Any:
    """Return the value unless it is text: the art market takes prices as JSON numbers only."""
    if isinstance(value, str):
        raise PydanticCustomError("decimal_type", "Input should be a number")
    return value


Id = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
Text = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": r"\S"}),
]


class OrderRequest(BaseModel):
    """The body of ``POST /market/orders``."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    user_id: Id
    artwork_id: Id
    price: Annotated[Price, BeforeValidator(refuse_text), WithJsonSchema(PRICE_SCHEMA)]
    direction: Literal["buy", "sell"]


class ArtworkRequest(BaseModel):
    """The body of ``PUT /market/artworks/{artwork_id}``."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    title: Text
    artist: Text
    description: Annotated[str, StringConstraints(strict=True, max_length=5_000)] | None = None
    image_url: Annotated[str, StringConstraints(strict=True, max_length=2_000, pattern=r"^https?://\S+$")] | None = None


def order_answer(order: MarketOrder, transaction: Transaction | None = None) -> "answers.MarketOrder":
    """Return the order; with its transaction, when it is filled and asked for alone."""
    answer: answers.MarketOrder = {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "artwork_id": order.artwork_id,
        "price": to_json_number(order.price),
        "direction": order.direction,
        "is_canceled": order.status is OrderStatus.CANCELED,
        "status": STATUS_NAMES[order.status],
        "created_at": format_timestamp(order.created_at),
    }
    if transaction is not None:
        answer["transaction"] = transaction_answer(transaction)
    return answer


def transaction_answer(transaction: Transaction) -> "answers.Transaction":
    """Return the transaction. Who bought and sold is told to the two by their own lists only."""
    return {
        "transaction_id": transaction.transaction_id,
        "artwork_id": transaction.artwork_id,
        "price": to_json_number(transaction.price),
        "buy_order_id": transaction.buy_order_id,
        "sell_order_id": transaction.sell_order_id,
        "executed_at": format_timestamp(transaction.executed_at),
    }


def artwork_answer(artwork: Artwork) -> "answers.Artwork":
    """Return what is known of an artwork; what is not known is absent."""
    answer: answers.Artwork = {"artwork_id": artwork.artwork_id, "title": artwork.title, "artist": artwork.artist}
    if artwork.description is not None:
        answer["description"] = artwork.description
    if artwork.image_url is not None:
        answer["image_url"] = artwork.image_url
    return answer


def listing_answer(order: MarketOrder, artwork: Artwork | None) -> "answers.Listing":
    """Return one open sell order as it is browsed."""
    answer: answers.Listing = {
        "artwork_id": order.artwork_id,
        "price": to_json_number(order.price),
        "order_id": order.order_id,
        "user_id": order.user_id,
        "listed_at": format_timestamp(order.created_at),
    }
    if artwork is not None:
        answer |= {"title": artwork.title, "artist": artwork.artist}
        if artwork.image_url is not None:
            answer["image_url"] = artwork.image_url
    return answer
