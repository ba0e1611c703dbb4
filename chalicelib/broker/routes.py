"""The broker over HTTP."""

from chalice.app import Response

from chalicelib.broker import service
from chalicelib.broker.models import OrderRequest, accepted_answer, order_answer, timeline_answer
from chalicelib.broker.order import OrderId
from chalicelib.broker.store import Position
from chalicelib.broker.watch import MOST_WATCHED
from chalicelib.broker.watch_answers import change_events
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import format_timestamp, parse_timestamp, utc_now
from chalicelib.core.errors import InvalidCursorError, InvalidRequestError
from chalicelib.core.event_stream import LAST_EVENT_ID, MEDIA_TYPE, render_stream
from chalicelib.core.http import Routes, json_response, query_of, read_model, view
from chalicelib.core.idempotency import REPLAYED_HEADER, read_key
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.pagination import encode_cursor, read_page
from chalicelib.core.telemetry import MetricUnit, put_metrics

routes = Routes(__name__)

FAULT = {"message": "Internal server error while placing the order"}
SOON, LATER = 1_000, 5_000
"""Milliseconds until a watcher asks again: while an order may still change, and when all are final."""


@routes.route("/orders", methods=["POST"])
@view(lambda: routes.current_request, fault_body=FAULT)
def post_order() -> Response:
    """Accept an order: 201 once it is durable. The exchange is not asked."""
    request = routes.current_request
    key = read_key(request.headers)
    order_request = read_model(request, OrderRequest)
    submission = service.submit_order(broker().store, order_request, key, utc_now)
    headers = {"Location": f"/orders/{submission.order.order_id}"}
    if submission.replayed:
        headers[REPLAYED_HEADER] = "true"
    else:
        put_metrics([("Accepted", MetricUnit.Count, 1)])
    return json_response(accepted_answer(submission.order), 201, headers)


@routes.route("/orders", methods=["GET"])
@view(lambda: routes.current_request)
def get_orders() -> Response:
    """List orders, newest first."""
    query = query_of(routes.current_request)
    status = _read_status(query.get("status"))
    list_name = f"orders:{status or ''}"
    page = read_page(query, list_name, positions=2)
    found, more = service.list_orders(broker().store, page.limit, _read_position(page.after), status)
    cursor = encode_cursor(list_name, (format_timestamp(more.moment), more.order_id)) if more else None
    return json_response({"orders": [order_answer(order) for order in found], "next_cursor": cursor})


@routes.route("/orders/events", methods=["GET"])
@view(lambda: routes.current_request)
def get_order_events() -> Response:
    """Watch orders: what changed since the cursor, as server-sent events, and then the end of the answer.

    An `EventSource` comes back by itself after `retry` with the last id as `Last-Event-ID`; other clients may send it
    as `cursor`, the header wins. Without a cursor all orders come as they stand. `order` has the order, the entries
    of its timeline since the cursor, and how many more there were that are not kept; `gap` stands before an `order`
    and tells in words what was missed. Without `ids` the 100 newest orders are watched, new ones as they come. When
    nothing changed there is a comment and no event.
    """
    request = routes.current_request
    query = query_of(request)
    cursor = request.headers.get(LAST_EVENT_ID) or query.get("cursor")
    watched = service.watch_orders(broker().store, _read_ids(query.get("ids")), cursor)
    events = [event for change in watched.changes for event in change_events(change, watched.scope)]
    return Response(
        render_stream(events, LATER if watched.settled else SOON),
        headers={"Content-Type": f"{MEDIA_TYPE}; charset=utf-8", "Cache-Control": "no-store"},
    )


@routes.route("/orders/{order_id}", methods=["GET"])
@view(lambda: routes.current_request)
def get_order(order_id: str) -> Response:
    """Show one order."""
    return json_response(order_answer(service.view_order(broker().store, order_id)))


@routes.route("/orders/{order_id}/timeline", methods=["GET"])
@view(lambda: routes.current_request)
def get_timeline(order_id: str) -> Response:
    """Show every transition and attempt of one order."""
    return json_response(timeline_answer(service.view_order(broker().store, order_id)))


@routes.route("/orders/{order_id}/cancel", methods=["POST"])
@view(lambda: routes.current_request)
def post_cancel(order_id: str) -> Response:
    """Cancel one order. A body is not needed and not read."""
    parts = broker()
    order = service.cancel_order(parts.store, order_id, utc_now, can_cancel=parts.worker.exchange.can_cancel)
    return json_response(order_answer(order))


def _read_ids(text: str | None) -> list[str] | None:
    if text is None:
        return None
    ids = text.split(",")
    if text and len(set(ids)) <= MOST_WATCHED:
        return ids
    message = f"Input should be 1 to {MOST_WATCHED} ids of orders with commas between them"
    raise InvalidRequestError([{"loc": ["query", "ids"], "msg": message, "type": "ids"}])


def _read_status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    try:
        return OrderStatus(text)
    except ValueError:
        message = f"Input should be one of {', '.join(OrderStatus)}"
        raise InvalidRequestError([{"loc": ["query", "status"], "msg": message, "type": "enum"}]) from None


def _read_position(after: tuple[str, ...] | None) -> Position | None:
    if after is None:
        return None
    moment, order_id = after
    try:
        return Position(parse_timestamp(moment), OrderId(order_id))
    except ValueError:
        raise InvalidCursorError("The cursor is broken. Use next_cursor of an answer as it stands.") from None
