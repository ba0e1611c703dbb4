"""Everything that the functions raise on purpose.

RialtoClientError
├── RefusedError               the market said no (4xx); asking again would not help
│   ├── InvalidRequestError    400, 413, 415, 422: the request breaks a rule; ``errors`` names the fields
│   ├── NotFoundError          404: there is nothing with this id
│   └── ConflictError          409: the state of the thing forbids it
├── SigningError               requests are to be signed, and there is no botocore, or no credentials
├── UnavailableError           no answer that decides, after all attempts; ``__cause__`` is the last cause
└── InconclusiveError          an answer that decides nothing: asked again, then the cause of an UnavailableError
    ├── ThrottledError         429: too many requests
    ├── ServerFaultError       5xx: a fault of the market
    └── UnexpectedAnswerError  success, but not what the market promises to send

Not among them: what pydantic raises when a request model is made from the wrong types, and ValueError for settings.
"""

from rialto_client.problem import FieldError, Problem

_INVALID_STATUSES = (400, 413, 415, 422)


class RialtoClientError(Exception):
    """Any of the errors of this package."""


class RefusedError(RialtoClientError):
    """Raised when the market refuses the request. ``problem`` is what it says about it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The machine-readable reason, "" if there is none."""
        return self.problem.code


class InvalidRequestError(RefusedError):
    """Raised when the request breaks a rule of its form."""

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What is wrong, field by field."""
        return self.problem.errors


class NotFoundError(RefusedError):
    """Raised when there is nothing with this id."""


class ConflictError(RefusedError):
    """Raised when the state of the thing forbids what was asked."""


class SigningError(RialtoClientError):
    """Raised when requests are to be signed and cannot be. Nothing was sent."""


class InconclusiveError(RialtoClientError):
    """Raised when an answer leaves open what happened. ``retry_after``: seconds that the server asks to wait."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ThrottledError(InconclusiveError):
    """Raised when the market asks for fewer requests."""


class ServerFaultError(InconclusiveError):
    """Raised when the market, or something in front of it, has a fault."""


class UnexpectedAnswerError(InconclusiveError):
    """Raised when an answer is not what the market promises. Perhaps the URL is not Rialto's."""


class UnavailableError(RialtoClientError):
    """Raised when no attempt got an answer that decides. What was asked may have happened or not.

    ``idempotency_key`` is the key of an order or a signal: send the same with it to find out, without a second one.
    ``connected`` is False if no attempt got a connection: then nothing happened.
    """

    def __init__(self, message: str, attempts: int, idempotency_key: str | None = None, connected: bool = True) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.idempotency_key = idempotency_key
        self.connected = connected


def refusal(problem: Problem) -> RefusedError:
    """Return the error for an answer that is neither success nor worth another attempt."""
    if problem.status in _INVALID_STATUSES:
        return InvalidRequestError(problem)
    return {404: NotFoundError, 409: ConflictError}.get(problem.status, RefusedError)(problem)
