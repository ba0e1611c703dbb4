"""The strategies over HTTP."""

from chalice.app import Request, Response
from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.core.errors import InvalidCursorError, InvalidRequestError
from chalicelib.core.http import Routes, json_response, query_of, read_model, view
from chalicelib.core.idempotency import REPLAYED_HEADER, read_key
from chalicelib.core.pagination import encode_cursor, read_page
from chalicelib.core.telemetry import MetricUnit, log_event, put_metrics
from chalicelib.strategies import service
from chalicelib.strategies.listing import Filter, InvalidPlaceError
from chalicelib.strategies.models import (
    MAX_PROFILES,
    CreateOrderRequest,
    Name,
    ProfilesRequest,
    SignalRequest,
    create_order_answer,
    create_order_error,
    position_answer,
    round_trip_answer,
    signal_answer,
    signal_row_answer,
)
from chalicelib.strategies.signal import Result, Terms
from chalicelib.strategies.wiring import strategies

routes = Routes(__name__)

BROKEN_CURSOR = "The cursor is broken. Use next_cursor of an answer as it stands."
FAULT = {"RESPONSE": "ERROR", "REASON": "A fault of ours. It is logged."}
_NAME: TypeAdapter[str] = TypeAdapter(Name, config=ConfigDict(defer_build=True))


@routes.route("/create_order", methods=["POST"])
@view(lambda: routes.current_request, fault_body=FAULT, error_body=create_order_error)
def post_create_order() -> Response:
    """Send a signal, for the existing producer: whatever happens, the answer has a RESPONSE."""
    request = routes.current_request
    result = _send(request, read_model(request, CreateOrderRequest))
    return json_response(create_order_answer(result), 200, _headers(result))


@routes.route("/signals", methods=["POST"])
@view(lambda: routes.current_request)
def post_signal() -> Response:
    """Send a signal, or with ``dry_run=true`` see what it would mean."""
    request = routes.current_request
    dry_run = query_of(request).get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise InvalidRequestError(
            [{"loc": ["query", "dry_run"], "msg": "Input should be true or false", "type": "bool_parsing"}]
        )
    signal_request = read_model(request, SignalRequest)
    if dry_run == "true":
        read_key(request.headers)
        return json_response(signal_answer(service.preview_signal(strategies().desk, _terms(signal_request))))
    result = _send(request, signal_request)
    return json_response(signal_answer(result), 200, _headers(result))


@routes.route("/signals", methods=["GET"])
@view(lambda: routes.current_request)
def get_signals() -> Response:
    """List signals, newest first."""
    page = read_page(query_of(routes.current_request), "signals", positions=2)
    after = None if page.after is None else (page.after[0], page.after[1])
    try:
        rows, more = strategies().listings.signals(page.limit, after)
    except InvalidPlaceError:
        raise InvalidCursorError(BROKEN_CURSOR) from None
    cursor = encode_cursor("signals", more) if more else None
    return json_response({"signals": [signal_row_answer(row) for row in rows], "next_cursor": cursor})


@routes.route("/signals/{signal_id}", methods=["GET"])
@view(lambda: routes.current_request)
def get_signal(signal_id: str) -> Response:
    """Show what came of a signal."""
    return json_response(signal_answer(service.view_signal(strategies().desk, signal_id)))


@routes.route("/strategies/profiles", methods=["PUT"])
@view(lambda: routes.current_request)
def put_profiles() -> Response:
    """Replace the profiles. Open positions stay."""
    request = routes.current_request
    profiles = read_model(request, ProfilesRequest, MAX_PROFILES, names_once=True).root
    generation = service.replace_profiles(strategies().desk, profiles)
    pairs = (strategy for strategies_of in profiles.values() for strategy in strategies_of)
    return json_response({"users": generation.users, "rows": generation.rows, "strategies": len(set(pairs))})


@routes.route("/strategies/profiles", methods=["GET"])
@view(lambda: routes.current_request)
def get_profiles() -> Response:
    """Show the profiles as they were put."""
    return json_response(service.view_profiles(strategies().desk))


@routes.route("/positions", methods=["GET"])
@view(lambda: routes.current_request)
def get_positions() -> Response:
    """List open positions."""
    query = query_of(routes.current_request)
    only = Filter(_read_name(query, "user"), _read_name(query, "strategy"), _read_name(query, "instrument"))
    list_name = f"positions:{only}"
    page = read_page(query, list_name, positions=3)
    after = None if page.after is None else (page.after[0], page.after[1], page.after[2])
    parts = strategies()
    try:
        found, more = parts.listings.positions(only, page.limit, after)
    except InvalidPlaceError:
        raise InvalidCursorError(BROKEN_CURSOR) from None
    orders = service.orders_of(parts.orders, found)
    cursor = encode_cursor(list_name, more) if more else None
    return json_response(
        {"positions": [position_answer(position, orders) for position in found], "next_cursor": cursor}
    )


@routes.route("/order-log", methods=["GET"])
@view(lambda: routes.current_request)
def get_order_log() -> Response:
    """List closed round trips, newest first."""
    query = query_of(routes.current_request)
    only = Filter(_read_name(query, "user"), _read_name(query, "strategy"))
    list_name = f"order-log:{only}"
    page = read_page(query, list_name, positions=2)
    after = None if page.after is None else (page.after[0], page.after[1])
    if after is not None and not all(after):
        raise InvalidCursorError(BROKEN_CURSOR)
    found, more = strategies().listings.round_trips(only, page.limit, after)
    cursor = encode_cursor(list_name, more) if more else None
    return json_response({"entries": [round_trip_answer(trip) for trip in found], "next_cursor": cursor})


def _send(request: Request, signal_request: SignalRequest) -> Result:
    key = read_key(request.headers)
    result = service.send_signal(strategies().desk, _terms(signal_request), key)
    log_event("signal", signal_id=result.signal.signal_id, replayed=result.replayed)
    if not result.replayed:
        accepted = sum(reason.is_accepted for reason in result.signal.reasons)
        put_metrics(
            [
                ("SignalsAccepted" if accepted else "SignalsRejected", MetricUnit.Count, 1),
                ("SignalOrders", MetricUnit.Count, accepted),
            ]
        )
    return result


def _terms(request: SignalRequest) -> Terms:
    parts = strategies()
    return Terms(request.strategy, request.instrument, request.position, parts.scope, parts.quantity)


def _headers(result: Result) -> dict[str, str]:
    return {REPLAYED_HEADER: "true"} if result.replayed else {}


def _read_name(query: dict[str, str], name: str) -> str | None:
    if name not in query:
        return None
    try:
        return _NAME.validate_python(query[name])
    except ValidationError as error:
        entry = error.errors(include_url=False)[0]
        raise InvalidRequestError([{"loc": ["query", name], "msg": entry["msg"], "type": entry["type"]}]) from None
