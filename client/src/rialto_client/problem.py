"""Problem documents (RFC 9457), read from whatever the server sent."""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

_FORBIDDEN = 403
_NO_ROUTE = "Missing Authentication Token"
"""What API Gateway calls a route that there is not."""


class FieldError(BaseModel):
    """What is wrong with one field: ``loc`` is the path to it, e.g. ("body", "price")."""

    model_config = ConfigDict(frozen=True)

    loc: tuple[str | int, ...]
    msg: str
    type: str


class Problem(BaseModel):
    """Why a request failed, as far as the server told. ``status`` is the HTTP status, ``code`` is stable."""

    model_config = ConfigDict(frozen=True)

    status: int
    title: str = ""
    detail: str = ""
    code: str = ""
    request_id: str = ""
    errors: tuple[FieldError, ...] = ()
    is_canceled: bool | None = None
    """What a refused cancel says of an order of the art market."""
    order_status: str | None = None
    """What a refused cancel says of an order of the broker."""

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.title, self.detail) if part)
        fields = "; ".join(f"{'.'.join(map(str, error.loc))}: {error.msg}" for error in self.errors)
        reference = f"(request {self.request_id})" if self.request_id else ""
        return " ".join(part for part in (str(self.status), self.code, said, fields, reference) if part)


def read_problem(status: int, body: bytes) -> Problem:
    """Return the problem in the body; with the status alone when the body is something else."""
    try:
        content = json.loads(body)
        return Problem.model_validate({**_as_detail(status, dict(content)), **content, "status": status})
    except (ValueError, TypeError, RecursionError, ValidationError):
        return Problem(status=status)


def _as_detail(status: int, content: dict[str, object]) -> dict[str, object]:
    """Return why API Gateway refuses a request that is signed: the signature is wrong, or the caller may not.

    Of a wrong signature it goes on with the headers that it has seen, the session token among them: they are left out.
    """
    said = str(content.get("message", content.get("Message", ""))).partition("\n")[0]
    return {"detail": said} if status == _FORBIDDEN and said != _NO_ROUTE else {}
