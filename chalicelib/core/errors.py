"""Every error that Rialto raises on purpose, each with its code and its HTTP status (RFC 9457).

RialtoError
├── InvalidRequestError          422 validation_failed
├── UnsupportedMediaTypeError    415 unsupported_media_type
├── BodyTooLargeError            413 body_too_large
├── InvalidCursorError           400 invalid_cursor
├── NotFoundError                404 not_found
├── ConflictError                409 conflict
├── KeyReusedError               422 idempotency_key_reused
├── BusyError                    503 busy
└── UnfinishedError              503 unfinished
"""

from typing import Any, ClassVar

FieldError = dict[str, Any]
"""One entry of ``errors`` in a problem: ``loc`` (path to the field), ``msg``, ``type``."""


class RialtoError(Exception):
    """Any fault that has a place in the answer. What is not one of these is a fault of ours: 500."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"
    code: str = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions
        if code is not None:
            self.code = code


class InvalidRequestError(RialtoError):
    """The request breaks a rule of its form. ``errors`` names each field."""

    status, title, code = 422, "Unprocessable Content", "validation_failed"

    def __init__(self, errors: list[FieldError]) -> None:
        fields = ", ".join(".".join(str(part) for part in error["loc"]) for error in errors)
        super().__init__(f"The request is not valid: {fields}.", errors=errors)


class UnsupportedMediaTypeError(RialtoError):
    """The body is declared as something else than JSON."""

    status, title, code = 415, "Unsupported Media Type", "unsupported_media_type"


class BodyTooLargeError(RialtoError):
    """The body is longer than the route takes."""

    status, title, code = 413, "Content Too Large", "body_too_large"


class InvalidCursorError(RialtoError):
    """The cursor is broken, or belongs to another list or filter."""

    status, title, code = 400, "Bad Request", "invalid_cursor"


class NotFoundError(RialtoError):
    """There is nothing with this id."""

    status, title, code = 404, "Not Found", "not_found"


class ConflictError(RialtoError):
    """The state of the thing forbids what was asked."""

    status, title, code = 409, "Conflict", "conflict"


class KeyReusedError(RialtoError):
    """The Idempotency-Key was used before, with another body."""

    status, title, code = 422, "Unprocessable Content", "idempotency_key_reused"


class BusyError(RialtoError):
    """Others changed the same thing again and again meanwhile. Nothing was changed; try again."""

    status, title, code = 503, "Service Unavailable", "busy"


class UnfinishedError(RialtoError):
    """Something was begun, cannot be told to have happened or not, and is completed later. Not safe to send anew."""

    status, title, code = 503, "Service Unavailable", "unfinished"
