"""What goes over the wire: the order request with its validation table, and the answers."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictInt,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.broker.order import Order, TimelineEntry
from chalicelib.core.clock import format_timestamp
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import Price, to_json_number

if TYPE_CHECKING:
    from chalicelib.broker import answers

MAX_QUANTITY = 10**9
INSTRUMENT_LENGTH = 12
"""Characters of an ISIN (ISO 6166)."""
INSTRUMENT_SCHEMA = {
    "type": "string",
    "minLength": INSTRUMENT_LENGTH,
    "maxLength": INSTRUMENT_LENGTH,
    "pattern": "^[ -~]*[!-~][ -~]*$",
    "description": "An ISIN.",
}
PRICE_BY_TYPE: list[JsonValue] = [
    {
        "title": "A limit order has a price",
        "required": ["limit_price"],
        "properties": {"type": {"const": "limit"}, "limit_price": {"type": ["number", "string"]}},
    },
    {
        "title": "A market order has none",
        "properties": {"type": {"const": "market"}, "limit_price": {"type": "null"}},
    },
]
"""The rule between two fields, as JSON Schema tells it."""


def parse_instrument(value: Any) -> str:
    """Return the instrument: exactly 12 printable ASCII characters, not all blank.

    Raises:
        PydanticCustomError: if the value is no such string; its type tells which rule it breaks.
    """
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a string")
    if len(value) != INSTRUMENT_LENGTH:
        raise PydanticCustomError("string_length", "Input should have exactly 12 characters")
    if not value.strip():
        raise PydanticCustomError("string_blank", "Input should not be blank")
    if not (value.isascii() and value.isprintable()):
        raise PydanticCustomError("string_characters", "Input should have printable ASCII characters only")
    return value


class OrderRequest(BaseModel):
    """The body of ``POST /orders``. Fields it does not know are ignored."""

    model_config = ConfigDict(frozen=True, defer_build=True, json_schema_extra={"oneOf": PRICE_BY_TYPE})

    type: Literal["market", "limit"]
    side: Literal["buy", "sell"]
    instrument: Annotated[str, BeforeValidator(parse_instrument), WithJsonSchema(INSTRUMENT_SCHEMA)]
    limit_price: Price | None = Field(default=None, validate_default=True)
    quantity: Annotated[StrictInt, Field(gt=0, le=MAX_QUANTITY)]

    @field_validator("limit_price", mode="wrap")
    @classmethod
    def _check_against_type(cls, value: Any, parse: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        # `type` stands above and is checked first; it is absent here when it was not valid itself.
        order_type = info.data.get("type")
        if order_type == "limit" and value is None:
            raise PydanticCustomError("limit_price_required", "Attribute `limit_price` is required for type `limit`")
        if order_type == "market" and value is not None:
            message = "Providing a `limit_price` is prohibited for type `market`"
            raise PydanticCustomError("limit_price_prohibited", message)
        return None if value is None else parse(value)


def order_answer(order: Order) -> "answers.BrokerOrder":
    """Return the order as ``GET /orders/{id}`` shows it."""
    progress = {"status": order.status.value, "cum_qty": order.cum_qty, "leaves_qty": order.leaves_qty}
    answer = cast("answers.BrokerOrder", {**accepted_answer(order), **progress})
    if order.user is not None:
        answer["user"] = order.user
    if order.strategy is not None:
        answer["strategy"] = order.strategy
    if order.signal_id is not None:
        answer["signal_id"] = order.signal_id
    if order.placed_at is not None:
        answer["placed_at"] = format_timestamp(order.placed_at)
    if order.reject_reason is not None:
        answer["reject_reason"] = order.reject_reason
    if order.avg_px is not None:
        answer["avg_px"] = to_json_number(order.avg_px)
    return answer


def accepted_answer(order: Order) -> "answers.AcceptedOrder":
    """Return the 201 body: the order as it was accepted, however far it has come since."""
    return {
        "id": order.order_id,
        "created_at": format_timestamp(order.created_at),
        "type": order.type,
        "side": order.side,
        "instrument": order.instrument,
        "limit_price": None if order.limit_price is None else to_json_number(order.limit_price),
        "quantity": order.quantity,
        "status": OrderStatus.PENDING_NEW.value,
    }


def timeline_answer(order: Order) -> "answers.Timeline":
    """Return every transition and attempt that the order keeps, oldest first, and how many there ever were."""
    answer: answers.Timeline = {
        "id": order.order_id,
        "status": order.status.value,
        "attempts": order.attempts,
        "count": order.timeline_count,
        "entries": [entry_answer(entry) for entry in order.timeline],
    }
    if order.is_pending and order.next_attempt_at is not None:
        answer["next_attempt_at"] = format_timestamp(order.next_attempt_at)
    if order.dead_lettered_at is not None:
        answer["dead_lettered_at"] = format_timestamp(order.dead_lettered_at)
    return answer


def entry_answer(entry: TimelineEntry) -> "answers.TimelineEntry":
    """Return one transition or attempt."""
    answer: answers.TimelineEntry = {
        "at": format_timestamp(entry.at),
        "cause": entry.cause.value,
        "status": entry.status.value,
    }
    if entry.attempt:
        answer["attempt"] = entry.attempt
    if entry.latency_ms is not None:
        answer["latency_ms"] = entry.latency_ms
    return answer
