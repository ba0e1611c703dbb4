"""The answers of the broker, field by field. For the type checker and the API's document only."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from chalicelib.broker.order import TIMELINE_LENGTH, Cause, OrderType, Side
from chalicelib.core.answers import Amount, Count, Cursor, Status, Timestamp, Uuid

Instrument = Annotated[
    str, Field(min_length=1, max_length=64, description="An ISIN; in the orders of signals the symbol they named.")
]


class OrderTerms(TypedDict):
    """What was ordered."""

    id: Uuid
    created_at: Timestamp
    type: OrderType
    side: Side
    instrument: Instrument
    limit_price: Annotated[Amount | None, Field(description="null for market orders")]
    quantity: Annotated[int, Field(ge=1)]


class AcceptedOrder(OrderTerms):
    """The order as it was accepted, however far it has come since."""

    status: Literal["PENDING_NEW"]


class BrokerOrder(OrderTerms):
    """The order as it stands."""

    status: Status
    cum_qty: Annotated[Count, Field(description="What was filled so far.")]
    leaves_qty: Annotated[Count, Field(description="What may still be filled: 0 once the order is final.")]
    user: NotRequired[str]
    strategy: NotRequired[str]
    signal_id: NotRequired[Annotated[Uuid, Field(description="The signal that ordered it.")]]
    placed_at: NotRequired[Timestamp]
    reject_reason: NotRequired[str]
    avg_px: NotRequired[Annotated[float, Field(ge=0, description="The average price of what was filled.")]]


class BrokerOrderList(TypedDict):
    """One page of orders, newest first."""

    orders: list[BrokerOrder]
    next_cursor: Cursor


class TimelineEntry(TypedDict):
    """One transition or attempt."""

    at: Timestamp
    cause: Annotated[str, WithJsonSchema({"type": "string", "enum": list(Cause)})]
    status: Status
    attempt: NotRequired[Annotated[int, Field(ge=1)]]
    latency_ms: NotRequired[Annotated[Count, Field(description="How long the exchange took.")]]


class OrderEvent(TypedDict):
    """The data of an event `order`: the order as it stands, and what was added to its timeline since the cursor."""

    order: BrokerOrder
    entries: list[TimelineEntry]
    missed: Annotated[Count, Field(description="Entries before these that were added, too, and are not kept.")]


class GapEvent(TypedDict):
    """The data of an event `gap`: what a watcher missed and cannot get any more."""

    id: Annotated[Uuid | None, Field(description="The order; null for the list of the newest ones.")]
    missed: Annotated[Count | None, Field(description="How many entries, or orders; null where nobody can tell.")]
    detail: Annotated[str, Field(description="The same in words.")]


class Timeline(TypedDict):
    """The last transitions and attempts of an order, oldest first."""

    id: Uuid
    status: Status
    attempts: Annotated[Count, Field(description="Times that the order was taken to the exchange.")]
    count: Annotated[Count, Field(description=f"Entries ever written, of which the last {TIMELINE_LENGTH} are kept.")]
    entries: list[TimelineEntry]
    next_attempt_at: NotRequired[Timestamp]
    dead_lettered_at: NotRequired[Timestamp]
