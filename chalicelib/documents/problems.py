"""Every problem by its code, and the answers of the gateway itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from chalicelib.broker.watch import MOST_WATCHED
from chalicelib.core import errors
from chalicelib.core.answers import Status, Uuid
from chalicelib.documents.description import Form


class FieldProblem(TypedDict):
    """What is wrong with one field."""

    loc: Annotated[list[str | int], Field(description="The path to it, from body, query, path or header on.")]
    msg: str
    type: Annotated[str, Field(description="The rule that it breaks; stable.")]


class Problem(TypedDict):
    """An error as RFC 9457 has it. The code is stable and made for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


class ValidationProblem(Problem):
    """A request that breaks a rule of its form, field by field."""

    errors: Annotated[list[FieldProblem], Field(min_length=1, max_length=100)]


class FinalOrderProblem(Problem):
    """An order that cannot change any more, with its status."""

    order_status: Status


class FilledOrderProblem(Problem):
    """An order of the art market that was filled: the trade won."""

    is_canceled: Literal[False]


class UnfinishedSignalProblem(Problem):
    """A signal that was begun. Its id shows what came of it."""

    signal_id: Uuid


class UnknownOrdersProblem(Problem):
    """Orders that do not exist, among those that were asked for."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MOST_WATCHED)]


class GatewayProblem(Problem):
    """A problem that the gateway may tell before any code of ours runs, in a form that every client can read."""

    RESPONSE: NotRequired[Literal["REJECTED", "ERROR"]]


class GatewayFault(TypedDict):
    """The gateway's own answer when a function dies or hangs."""

    message: Literal["Internal server error while placing the order"]
    RESPONSE: Literal["ERROR"]


@with_config(ConfigDict(extra="forbid"))
class OrderFault(TypedDict):
    """Exactly this, whatever the fault."""

    message: Literal["Internal server error while placing the order"]


@dataclass(frozen=True)
class Code:
    """What stands behind a code. ``extensions``: an example of what it has beside the fields of every problem."""

    error: type[errors.RialtoError]
    detail: str
    form: Form = Problem
    extensions: tuple[tuple[str, Any], ...] = ()


class ThrottledError(errors.RialtoError):
    """Only the gateway tells this one."""

    status, title, code = 429, "Too Many Requests", "throttled"


CODES: Mapping[str, Code] = {
    "validation_failed": Code(
        errors.InvalidRequestError,
        "The request is not valid: body.quantity.",
        ValidationProblem,
        (("errors", [{"loc": ["body", "quantity"], "msg": "Input should be greater than 0", "type": "greater_than"}]),),
    ),
    "idempotency_key_reused": Code(errors.KeyReusedError, "This Idempotency-Key was used before, with another order."),
    "invalid_cursor": Code(
        errors.InvalidCursorError, "The cursor is broken. Use next_cursor of an answer as it stands."
    ),
    "body_too_large": Code(
        errors.BodyTooLargeError, "The body has 70000 bytes, at most 65536 are taken.", GatewayProblem
    ),
    "unsupported_media_type": Code(
        errors.UnsupportedMediaTypeError, "Send the body as application/json, not as 'text/plain'."
    ),
    "unknown_order": Code(errors.NotFoundError, "There is no order '42'."),
    "unknown_orders": Code(errors.NotFoundError, "There are no orders '42'.", UnknownOrdersProblem, (("ids", ["42"]),)),
    "unknown_artwork": Code(errors.NotFoundError, "There is no artwork 'x'."),
    "unknown_signal": Code(errors.NotFoundError, "There is no signal '42'."),
    "unknown_queue": Code(
        errors.NotFoundError, "There is no queue 'x'. There are: placements, hand-over, match-retries, match."
    ),
    "order_final": Code(
        errors.ConflictError,
        "The order is FILLED and cannot be canceled any more.",
        FinalOrderProblem,
        (("order_status", "FILLED"),),
    ),
    "signal_order": Code(
        errors.ConflictError,
        "The order belongs to a signal: its position is closed by a SELL signal, not by canceling.",
    ),
    "cancel_unsupported": Code(
        errors.ConflictError, "The order may be at the exchange, and this exchange cannot cancel."
    ),
    "order_filled": Code(
        errors.ConflictError,
        "The order was filled and cannot be canceled any more.",
        FilledOrderProblem,
        (("is_canceled", False),),
    ),
    "too_many_users": Code(
        errors.ConflictError,
        "The signal concerns 10001 users, and one signal takes at most 10000. Nothing was done.",
    ),
    "profiles_replaced": Code(
        errors.ConflictError,
        "Other profiles came into force meanwhile. Look at them, and send yours again if they are still wanted.",
    ),
    "busy": Code(errors.BusyError, "The order is being changed by others. Nothing was changed; try again."),
    "signal_unfinished": Code(
        errors.UnfinishedError,
        "The signal was begun and has not come to its end. It is completed by itself; its id shows what came of it.",
        UnfinishedSignalProblem,
        (("signal_id", "5d1f7a52-6d0f-4f0e-8f7e-2f8a3c9b1d10"),),
    ),
    "internal_error": Code(errors.RialtoError, "A fault of ours. It is logged under this request_id."),
    "throttled": Code(ThrottledError, "Too many requests at once. Nothing was done; try again.", GatewayProblem),
}


def example_of(code: str) -> dict[str, Any]:
    """Return a problem with this code as an answer has it."""
    known = CODES[code]
    return {
        "type": f"urn:rialto:problem:{code}",
        "title": known.error.title,
        "status": known.error.status,
        "detail": known.detail,
        "code": code,
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        **dict(known.extensions),
    }
