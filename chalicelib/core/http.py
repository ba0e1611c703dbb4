"""HTTP in and out: reads bodies strictly, and maps every error to an RFC 9457 problem in one place."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib.core.errors import (
    BodyTooLargeError,
    FieldError,
    InvalidRequestError,
    RialtoError,
    UnsupportedMediaTypeError,
)
from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics

MAX_BODY = 64 * 1024
MAX_ERRORS = 100
"""Fields that an answer names at most."""

_P = ParamSpec("_P")
_M = TypeVar("_M", bound=BaseModel)
CurrentRequest = Callable[[], Request]
ReadPairs = Callable[[list[tuple[str, Any]]], dict[str, Any]]


class Routes(Blueprint):
    """The routes of one part of the platform; they take any content.

    Chalice's own 415 and 400 have no problem in them, so we look at the body ourselves.
    """

    def route(self, path: str, **options: Any) -> Callable[..., Any]:
        """Decorate a view: it answers requests for the path."""
        return super().route(path, **{"content_types": ["*/*"]} | options)


def view(
    current_request: CurrentRequest,
    fault_body: Mapping[str, Any] | None = None,
    error_body: Callable[[RialtoError], Mapping[str, Any]] | None = None,
) -> Callable[[Callable[_P, Response]], Callable[_P, Response]]:
    """Decorate a view: errors become problems, and each request leaves one log line.

    For routes whose contract fixes another form than a problem: ``fault_body`` is the exact JSON body for faults of
    ours, and ``error_body`` makes the JSON body for an error that was raised on purpose.
    """

    def decorate(handle: Callable[_P, Response]) -> Callable[_P, Response]:
        @wraps(handle)
        def answer(*args: _P.args, **kwargs: _P.kwargs) -> Response:
            meter = Meter()
            request = current_request()
            request_id = str(request.context.get("requestId", ""))
            code = None
            try:
                response = handle(*args, **kwargs)
            except RialtoError as error:
                code = error.code
                response = _answer(error, error_body, request_id)
            except Exception:
                log_failure("request failed", request_id=request_id, route=request.context.get("resourcePath"))
                response = _fault(fault_body, request_id)
            response.headers["X-Request-Id"] = request_id
            _report(request, response, code, meter)
            return response

        return answer

    return decorate


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(
        body=json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")),
        status_code=status,
        headers={"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})},
    )


def read_model(request: Request, model: type[_M], max_bytes: int = MAX_BODY, *, names_once: bool = False) -> _M:
    """Return the request's body as the model. ``names_once``: no name may stand twice in any object of the body.

    Raises:
        BodyTooLargeError: if the body is longer than ``max_bytes``.
        UnsupportedMediaTypeError: if the body is declared as something else than JSON.
        InvalidRequestError: if the body is no JSON object or breaks a rule of the model.
    """
    content = _read_object(request, max_bytes, _refuse_repeated if names_once else None)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ERRORS]
        raise InvalidRequestError([_field_error(entry) for entry in found]) from None


def query_of(request: Request) -> dict[str, str]:
    """Return the query parameters; of a repeated one the last value, as API Gateway does."""
    return dict(request.query_params or {})


def _read_object(request: Request, max_bytes: int, read_pairs: ReadPairs | None) -> dict[str, Any]:
    raw = request.raw_body
    if len(raw) > max_bytes:
        raise BodyTooLargeError(f"The body has {len(raw)} bytes, at most {max_bytes} are taken.")
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaTypeError(f"Send the body as application/json, not as {media_type[:100]!r}.")
    try:
        # Not a float in between: 0.1 stays 0.1, and 1E400 is refused by its rule instead of becoming Infinity.
        content = json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=read_pairs)
    except (ValueError, ArithmeticError, RecursionError):
        raise _body_error("Input should be a JSON object", "json_invalid") from None
    if not isinstance(content, dict):
        raise _body_error("Input should be a JSON object", "object_type")
    return content


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = [name for name, count in counts.items() if count > 1][:MAX_ERRORS]
        errors = [
            {"loc": ["body", _cut(name)], "msg": "Stands twice in one object", "type": "name_repeated"}
            for name in repeated
        ]
        raise InvalidRequestError(errors)
    return content


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _body_error(message: str, kind: str) -> InvalidRequestError:
    return InvalidRequestError([{"loc": ["body"], "msg": message, "type": kind}])


def _field_error(entry: Any) -> FieldError:
    return {"loc": ["body", *map(_cut, entry["loc"])], "msg": entry["msg"], "type": entry["type"]}


def _cut(part: Any) -> Any:
    """Return a part of a location; a client's own long name is cut, and what UTF-8 cannot write is replaced."""
    return part[:100].encode(errors="replace").decode() if isinstance(part, str) else part


def _answer(
    error: RialtoError, error_body: Callable[[RialtoError], Mapping[str, Any]] | None, request_id: str
) -> Response:
    if error_body is not None:
        return json_response(dict(error_body(error)), error.status)
    return _problem(error, request_id)


def _problem(error: RialtoError, request_id: str) -> Response:
    content = {
        "type": f"urn:rialto:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        **error.extensions,
    }
    response = json_response(content, error.status)
    response.headers["Content-Type"] = "application/problem+json"
    return response


def _fault(body: Mapping[str, Any] | None, request_id: str) -> Response:
    if body is not None:
        return json_response(dict(body), 500)
    return _problem(RialtoError("A fault of ours. It is logged under this request_id."), request_id)


def _report(request: Request, response: Response, code: str | None, meter: Meter) -> None:
    log_event(
        "request",
        request_id=response.headers["X-Request-Id"],
        method=request.method,
        route=request.context.get("resourcePath"),
        # What the request was about, or what it made.
        order_id=_order_of(request, response),
        status=response.status_code,
        code=code,
        **meter.fields(),
    )
    if response.status_code >= 500:
        put_metrics([("Faults", MetricUnit.Count, 1)])
    elif code is not None:
        put_metrics([("Rejected", MetricUnit.Count, 1)], code=code)


def _order_of(request: Request, response: Response) -> str | None:
    """Return the order that a request names, or that it made. What a client made up as one is cut."""
    named = (request.uri_params or {}).get("order_id") or str(response.headers.get("Location", "")).rpartition("/")[2]
    return named[:64] or None
