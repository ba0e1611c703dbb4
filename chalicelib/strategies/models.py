"""What goes over the wire of the strategies."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from chalicelib.broker.order import Order
from chalicelib.core.clock import format_timestamp
from chalicelib.core.errors import BodyTooLargeError, RialtoError
from chalicelib.strategies.signal import Position, Reason, Result, RoundTrip, SignalRow, Terms, order_id_of

if TYPE_CHECKING:
    from chalicelib.strategies import answers

MAX_NAME = 64
NAME_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "pattern": r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*[\p{L}\p{M}\p{N}\p{P}\p{S}][\p{L}\p{M}\p{N}\p{P}\p{S} ]*$",
}
"""What :func:`check_name` takes, as JSON Schema tells it."""
MAX_INSTRUMENTS = 1_000
"""Instruments that a user trades with one strategy, at most."""
MAX_STRATEGIES = 5_000
"""Different strategies in all profiles together, at most: each is at least one item under the generation's one key."""
MAX_ROWS = 50_000
"""Pairs of user and strategy in all profiles together, at most. A user without any strategy takes one, too."""
MAX_PROFILES = 4 * 1024 * 1024
"""Bytes of the profiles as they are sent."""


def check_name(name: str) -> str:
    """Return the name: printable, so that it is fit for keys and for people, and not all blank.

    Raises:
        PydanticCustomError: if it is no such name; its type tells which rule it breaks.
    """
    if not name.strip():
        raise PydanticCustomError("string_blank", "Input should not be blank")
    if not name.isprintable():
        raise PydanticCustomError("string_characters", "Input should have printable characters only")
    return name


Name = TypeAliasType(
    "Name",
    Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=MAX_NAME),
        AfterValidator(check_name),
        WithJsonSchema(NAME_SCHEMA),
    ],
)
"""The name of a user, a strategy or an instrument."""


class SignalRequest(BaseModel):
    """The body of ``POST /signals``."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    strategy: Name
    instrument: Name
    position: Literal["BUY", "SELL"]


class CreateOrderRequest(SignalRequest):
    """The body of ``POST /create_order``: the same in capitals."""

    strategy: Name = Field(alias="STRATEGY")
    instrument: Name = Field(alias="INSTRUMENT")
    position: Literal["BUY", "SELL"] = Field(alias="POSITION")


# Of a list the first wrong name is told: each error takes a kilobyte, and a body has room for two million.
Instruments = Annotated[list[Name], Field(max_length=MAX_INSTRUMENTS, fail_fast=True)]


class ProfilesRequest(RootModel[dict[Name, dict[Name, Instruments]]]):
    """The body of ``PUT /strategies/profiles``: user → strategy → instruments."""

    model_config = ConfigDict(defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _check_rows(cls, content: Any) -> Any:
        # Before any name is looked at, so that there are no more errors than rows.
        parts = content.values() if isinstance(content, dict) else ()
        rows = sum(max(1, len(part)) if isinstance(part, dict) else 1 for part in parts)
        if rows > MAX_ROWS:
            raise BodyTooLargeError(f"There are {rows} pairs of user and strategy, at most {MAX_ROWS} are taken.")
        names = {name for part in parts if isinstance(part, dict) for name in part}
        if len(names) > MAX_STRATEGIES:
            raise BodyTooLargeError(f"There are {len(names)} strategies, at most {MAX_STRATEGIES} are taken.")
        return content


def signal_answer(result: Result) -> "answers.Signal":
    """Return the signal with the verdict for each user. Without an id it was a preview."""
    signal = result.signal
    rows = [] if result.users is None else zip(result.users, signal.reasons, strict=True)
    return {
        "signal_id": signal.signal_id or None,
        "status": status_of(result),
        "strategy": signal.terms.strategy,
        "instrument": signal.terms.instrument,
        "position": signal.terms.side,
        "created_at": format_timestamp(signal.created_at),
        "users": [_user_answer(signal.signal_id, user, reason) for user, reason in rows],
    }


def create_order_answer(result: Result) -> "answers.CreateOrderAnswer":
    """Return what the producer reads."""
    signal = result.signal
    users = [
        user
        for user, reason in zip(result.users or [], signal.reasons, strict=result.users is not None)
        if reason.is_accepted
    ]
    return {
        "RESPONSE": status_of(result),
        "ORDER_ID": signal.signal_id,
        "REASON": _explain(signal.terms, signal.reasons),
        "USERS": users,
    }


def create_order_error(error: RialtoError) -> dict[str, Any]:
    """Return an error as the producer can read it. REJECTED only if nothing can have happened."""
    fields = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.extensions.get("errors", [])]
    answer = {
        "RESPONSE": "REJECTED" if error.status < 500 else "ERROR",
        "REASON": " ".join([error.detail, "; ".join(fields)]).strip(),
    }
    if "signal_id" in error.extensions:
        answer["ORDER_ID"] = error.extensions["signal_id"]
    return answer


def status_of(result: Result) -> str:
    """Return OPEN while a signal is being carried out, then whether it was valid for anybody."""
    if not result.signal.is_complete:
        return "OPEN"
    return "ACCEPTED" if any(reason.is_accepted for reason in result.signal.reasons) else "REJECTED"


def signal_row_answer(row: SignalRow) -> "answers.SignalRow":
    """Return a signal as a list shows it."""
    status = "OPEN" if not row.is_complete else "ACCEPTED" if row.accepted else "REJECTED"
    return {
        "signal_id": row.signal_id,
        "created_at": format_timestamp(row.created_at),
        "strategy": row.strategy,
        "instrument": row.instrument,
        "position": row.side,
        "status": status,
        "accepted": row.accepted,
        "rejected": None if row.candidates is None else row.candidates - (row.accepted or 0),
    }


def position_answer(position: Position, orders: Mapping[str, Order]) -> "answers.Position":
    """Return an open position with the status of the order that bought."""
    order = orders.get(position.order_id)
    return {
        "user": position.user,
        "strategy": position.strategy,
        "instrument": position.instrument,
        "opened_at": format_timestamp(position.opened_at),
        "signal_id": position.signal_id,
        "order_id": position.order_id,
        "order_status": None if order is None else order.status.value,
    }


def round_trip_answer(trip: RoundTrip) -> "answers.RoundTrip":
    """Return a row of the order log."""
    return {
        "user": trip.user,
        "strategy": trip.strategy,
        "instrument": trip.instrument,
        "bought_at": format_timestamp(trip.bought_at),
        "buy_signal_id": trip.buy_signal_id,
        "sold_at": format_timestamp(trip.sold_at),
        "sell_signal_id": trip.sell_signal_id,
        "closed_by": trip.closed_by,
    }


def _user_answer(signal_id: str, user: str, reason: Reason) -> "answers.UserVerdict":
    answer: answers.UserVerdict = {
        "user": user,
        "verdict": "ACCEPTED" if reason.is_accepted else "REJECTED",
        "reason": reason.value,
    }
    if reason.is_accepted and signal_id:
        answer["order_id"] = order_id_of(signal_id, user)
    return answer


def _explain(terms: Terms, reasons: tuple[Reason, ...]) -> str:
    accepted = sum(reason.is_accepted for reason in reasons)
    if accepted:
        return f"Valid for {accepted} user{'s' if accepted > 1 else ''}."
    if terms.side == "SELL":
        return f"No user of {terms.strategy} holds {terms.instrument}."
    if Reason.ALREADY_HELD in reasons:
        return f"Every user who trades {terms.instrument} with {terms.strategy} holds it already."
    return f"No user trades {terms.instrument} with {terms.strategy}."
