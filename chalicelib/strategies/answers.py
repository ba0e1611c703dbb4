"""The answers of the strategies, field by field. For the type checker and the API's document only."""

from typing import Annotated, Literal, NotRequired, get_args

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from chalicelib.core.answers import Count, Cursor, Status, Timestamp, Uuid
from chalicelib.strategies.signal import Reason, Side

Name = Annotated[str, Field(min_length=1, max_length=64)]
SignalStatus = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "enum": ["OPEN", "ACCEPTED", "REJECTED"],
            "description": "OPEN while it is being carried out; then whether it was valid for anybody.",
        }
    ),
]


class UserVerdict(TypedDict):
    """What a signal means for one user, and why."""

    user: Name
    verdict: Literal["ACCEPTED", "REJECTED"]
    reason: Annotated[str, WithJsonSchema({"type": "string", "enum": list(Reason)})]
    order_id: NotRequired[Annotated[Uuid, Field(description="The order it gave, at /orders.")]]


class Signal(TypedDict):
    """A signal with the verdict for each user."""

    signal_id: Annotated[Uuid | None, Field(description="null for a preview")]
    status: SignalStatus
    strategy: Name
    instrument: Name
    position: Side
    created_at: Timestamp
    users: list[UserVerdict]


class SignalRow(TypedDict):
    """A signal as the list shows it; the counts of users are null while it is open."""

    signal_id: Uuid
    created_at: Timestamp
    strategy: Name
    instrument: Name
    position: Annotated[str, WithJsonSchema({"type": "string", "enum": list(get_args(Side))})]
    status: SignalStatus
    accepted: Count | None
    rejected: Count | None


class SignalList(TypedDict):
    """One page of signals, newest first."""

    signals: list[SignalRow]
    next_cursor: Cursor


class CreateOrderAnswer(TypedDict):
    """What came of the signal: REJECTED means that nothing was done."""

    RESPONSE: Annotated[str, WithJsonSchema({"type": "string", "enum": ["ACCEPTED", "REJECTED"]})]
    ORDER_ID: Annotated[Uuid, Field(description="The signal's id, at /signals.")]
    REASON: str
    USERS: Annotated[list[Name], Field(description="The users it was valid for.")]


class CreateOrderRefusal(TypedDict):
    """The request was not valid: nothing was done."""

    RESPONSE: Literal["REJECTED"]
    REASON: str


class CreateOrderFault(TypedDict):
    """A fault of ours. With an ORDER_ID the signal was begun and is completed later."""

    RESPONSE: Literal["ERROR"]
    REASON: str
    ORDER_ID: NotRequired[Uuid]


class ProfileCounts(TypedDict):
    """What the profiles in force have in all."""

    users: Count
    rows: Annotated[Count, Field(description="Pairs of user and strategy.")]
    strategies: Count


class Position(TypedDict):
    """An open position, with the order that bought."""

    user: Name
    strategy: Name
    instrument: Name
    opened_at: Timestamp
    signal_id: Uuid
    order_id: Uuid
    order_status: Status | None


class PositionList(TypedDict):
    """One page of open positions."""

    positions: list[Position]
    next_cursor: Cursor


class RoundTrip(TypedDict):
    """A closed position; ``closed_by`` is the strategy that sold."""

    user: Name
    strategy: Name
    instrument: Name
    bought_at: Timestamp
    buy_signal_id: Uuid
    sold_at: Timestamp
    sell_signal_id: Uuid
    closed_by: Name


class OrderLog(TypedDict):
    """One page of closed round trips, newest first."""

    entries: list[RoundTrip]
    next_cursor: Cursor
