"""Reads answers: a model, a refusal, or nothing that decides."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from rialto_client.errors import ServerFaultError, ThrottledError, UnexpectedAnswerError, refusal
from rialto_client.problem import read_problem

M = TypeVar("M", bound=BaseModel)


def read_answer(response: httpx.Response, model: type[M]) -> M:
    """Return the content of an answer.

    Raises:
        RefusedError: if the market refuses.
        InconclusiveError: if the answer decides nothing: 429, 5xx, or success without the content.
    """
    require_success(response)
    return _read_content(response.content, model)


def require_success(response: httpx.Response) -> None:
    """Check that an answer has what was asked for, see :func:`read_answer` for what is raised otherwise."""
    if response.is_success:
        return
    problem = read_problem(response.status_code, response.content)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise ThrottledError(str(problem), read_retry_after(response.headers))
    if response.is_server_error:
        raise ServerFaultError(str(problem), read_retry_after(response.headers))
    raise refusal(problem)


def read_reply(response: httpx.Response, model: type[M]) -> M:
    """Return the content of an answer that has it whatever its status; see :func:`read_answer` where it has not."""
    try:
        return _read_content(response.content, model)
    except UnexpectedAnswerError:
        return read_answer(response, model)


def read_retry_after(headers: httpx.Headers, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110, section 10.2.3), 0 if it asks for nothing."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:  # What "-0000" gives: UTC, from nowhere in particular.
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())


def _read_content(content: bytes, model: type[M]) -> M:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        fields = sorted({".".join(map(str, entry["loc"])) or "body" for entry in error.errors()})
    # Where it is wrong, not what it says, and outside of the except: an answer's content stays out of tracebacks.
    raise UnexpectedAnswerError(f"The answer is not what the market promises, at: {', '.join(fields)}.")
