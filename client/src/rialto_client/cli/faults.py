"""What went wrong between the command line and Rialto, in words, and what to do about it."""

import textwrap
from http import HTTPStatus

import httpx

from rialto_client.errors import (
    RefusedError,
    RialtoClientError,
    ServerFaultError,
    SigningError,
    ThrottledError,
    UnavailableError,
    UnexpectedAnswerError,
)
from rialto_client.problem import Problem

_MOST_FIELDS = 20
_LONGEST_DETAIL = 400
_ADVICE: dict[int | str, str] = {
    "not_signed": "`--sign REGION` signs it with your AWS credentials.",
    401: "Whoever runs it knows how to get in.",
    409: "Look at what is there now, and try again.",
    413: "Send less at once.",
    429: "Wait a little, and try again.",
}
_LASTING = ("order_final", "signal_order", "cancel_unsupported", "too_many_users")


def describe(error: RialtoClientError, url: str) -> str:
    """Return what went wrong and what to do: a line, and one for each field that is wrong."""
    if isinstance(error, RefusedError):
        return "\n".join([_with_advice(error.problem, url), *_fields(error.problem)])
    told = summarize(error, url)
    if isinstance(error, UnavailableError) and error.idempotency_key and error.connected:
        told += f" It may have happened: --key {error.idempotency_key} asks for it again without doing it twice."
    return told


def summarize(error: RialtoClientError, url: str) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, RefusedError):
        return _with_advice(error.problem, url)
    match error.__cause__ if isinstance(error, UnavailableError) else error:
        case httpx.ConnectError() | httpx.ConnectTimeout() as cause if "SSL" not in str(cause):
            told = f"Nothing answers at {url}. Start Rialto with `make up`, or give --url."
        case TimeoutError() | httpx.TimeoutException():
            told = f"No answer from {url} in time. Try again."
        case ServerFaultError() as cause:
            told = f"Rialto has a fault: {cause}. Its log knows more: `make logs`."
        case ThrottledError() as cause:
            told = f"Too many requests: {cause}. {_ADVICE[429]}"
        case UnexpectedAnswerError() as cause:
            told = f"Unexpected answer from {url}: {cause} If that is not Rialto, give --url."
        case SigningError() as cause:
            told = f"{cause} `--sign none` sends requests without a signature."
        case cause:
            told = f"The connection to {url} broke: {str(cause) or type(cause).__name__}. Try again."
    return " ".join(told.split())


def _with_advice(problem: Problem, url: str) -> str:
    # The gateway's own answers have no code, and 403 is what it says of a route that there is not.
    if problem.status in (403, 404, 405) and not (problem.code or problem.detail):
        return (
            f"{url} does not know this ({problem.status}). Is it Rialto, and as new as this command? Else give --url."
        )
    reason = problem.detail or problem.title or _phrase(problem.status)
    said = textwrap.shorten(reason, _LONGEST_DETAIL, placeholder=" …")
    reference = f" (request {problem.request_id})" if problem.request_id else ""
    told = f"Refused, {problem.status}: {said.rstrip('.')}{reference}."
    # Where a conflict will be the same again, it says all that there is to say.
    advice = "" if problem.code in _LASTING else _ADVICE.get(problem.code, _ADVICE.get(problem.status, ""))
    return f"{told} {advice}".rstrip()


def _fields(problem: Problem) -> list[str]:
    lines = [f"  {'.'.join(map(str, error.loc))}: {error.msg}" for error in problem.errors[:_MOST_FIELDS]]
    more = len(problem.errors) - _MOST_FIELDS
    return [*lines, f"  … and {more} more"] if more > 0 else lines


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"
