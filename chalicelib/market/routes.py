"""The art market over HTTP."""

from typing import Any, get_args

from chalice.app import Response

from chalicelib.core.clock import format_timestamp, parse_timestamp, utc_now
from chalicelib.core.errors import InvalidCursorError, InvalidRequestError, NotFoundError
from chalicelib.core.http import Routes, json_response, query_of, read_model, view
from chalicelib.core.idempotency import REPLAYED_HEADER, read_key
from chalicelib.core.pagination import encode_cursor, read_page
from chalicelib.core.telemetry import MetricUnit, put_metrics
from chalicelib.market import service
from chalicelib.market.listing import InvalidPositionError, Sort, sale_position
from chalicelib.market.models import (
    MAX_ID,
    ArtworkRequest,
    OrderRequest,
    artwork_answer,
    listing_answer,
    order_answer,
    transaction_answer,
)
from chalicelib.market.order import Artwork, ArtworkId, UserId
from chalicelib.market.wiring import market

routes = Routes(__name__)

BROKEN_CURSOR = "The cursor is broken. Use next_cursor of an answer as it stands."


@routes.route("/market/orders", methods=["POST"])
@view(lambda: routes.current_request)
def post_market_order() -> Response:
    """Offer to buy or sell: 201 once the order is in its book. Matching follows."""
    request = routes.current_request
    key = read_key(request.headers)
    submission = service.submit_order(market().store, read_model(request, OrderRequest), key, utc_now)
    headers = {"Location": f"/market/orders/{submission.order.order_id}"}
    if submission.replayed:
        headers[REPLAYED_HEADER] = "true"
    else:
        put_metrics([("Offers", MetricUnit.Count, 1)])
    return json_response(service.first_answer(submission.order), 201, headers)


@routes.route("/market/orders", methods=["GET"])
@view(lambda: routes.current_request)
def get_market_orders() -> Response:
    """List open orders: one user's, or everybody's."""
    query = query_of(routes.current_request)
    user_id = None if "user_id" not in query else UserId(_read_id(query["user_id"], ["query", "user_id"]))
    list_name = f"market-orders:{'' if user_id is None else user_id}"
    page = read_page(query, list_name, positions=3)
    after = None if page.after is None else (page.after[0], page.after[1], page.after[2])
    try:
        orders, more = market().listings.open_orders(user_id, page.limit, after)
    except InvalidPositionError:
        raise InvalidCursorError(BROKEN_CURSOR) from None
    cursor = encode_cursor(list_name, more) if more else None
    return json_response({"orders": [order_answer(order) for order in orders], "next_cursor": cursor})


@routes.route("/market/orders/{order_id}", methods=["GET"])
@view(lambda: routes.current_request)
def get_market_order(order_id: str) -> Response:
    """Show one order; with its transaction when it is filled."""
    return json_response(order_answer(*service.view_order(market().store, order_id)))


@routes.route("/market/orders/{order_id}/cancel", methods=["POST"])
@view(lambda: routes.current_request)
def post_market_cancel(order_id: str) -> Response:
    """Take one order out of the market."""
    service.cancel_order(market().store, order_id)
    return json_response({"is_canceled": True})


@routes.route("/market/transactions", methods=["GET"])
@view(lambda: routes.current_request)
def get_market_transactions() -> Response:
    """List the transactions of a user as buyer and as seller, newest first."""
    query = query_of(routes.current_request)
    user_id = UserId(_read_id(query.get("user_id"), ["query", "user_id"]))
    list_name = f"transactions:{user_id}"
    page = read_page(query, list_name, positions=2)
    try:
        before = None if page.after is None else (parse_timestamp(page.after[0]), page.after[1])
    except ValueError:
        raise InvalidCursorError(BROKEN_CURSOR) from None
    found = market().store.transactions_of(user_id, page.limit, before)
    cursor = None
    if len(found) == page.limit:
        cursor = encode_cursor(list_name, (format_timestamp(found[-1].executed_at), found[-1].transaction_id))
    return json_response({"transactions": [transaction_answer(one) for one in found], "next_cursor": cursor})


@routes.route("/market/artworks", methods=["GET"])
@view(lambda: routes.current_request)
def get_artworks() -> Response:
    """Browse everything for sale: one row for each open sell order."""
    query = query_of(routes.current_request)
    sort = _read_sort(query.get("sort"))
    page = read_page(query, f"for-sale:{sort}", positions=2)
    after = None if page.after is None else (page.after[0], page.after[1])
    try:
        orders = market().listings.for_sale(sort, page.limit, after)
    except InvalidPositionError:
        raise InvalidCursorError(BROKEN_CURSOR) from None
    known = market().store.get_artworks([order.artwork_id for order in orders])
    cursor = encode_cursor(f"for-sale:{sort}", sale_position(orders[-1], sort)) if len(orders) == page.limit else None
    rows = [listing_answer(order, known.get(order.artwork_id)) for order in orders]
    return json_response({"artworks": rows, "next_cursor": cursor})


@routes.route("/market/artworks/{artwork_id}", methods=["GET"])
@view(lambda: routes.current_request)
def get_artwork(artwork_id: str) -> Response:
    """Show an artwork's book, best first, its last transactions, and what is known of it."""
    artwork = _read_artwork_id(artwork_id)
    depth = service.view_book(market().store, artwork)
    known = market().store.get_artworks([artwork]).get(artwork)
    answer: dict[str, Any] = {"artwork_id": artwork, "title": None, "artist": None}
    if known:
        answer |= artwork_answer(known)
    answer["asks"] = [order_answer(order) for order in depth.asks]
    answer["bids"] = [order_answer(order) for order in depth.bids]
    answer["last_transactions"] = [transaction_answer(one) for one in depth.last_transactions]
    return json_response(answer)


@routes.route("/market/artworks/{artwork_id}", methods=["PUT"])
@view(lambda: routes.current_request)
def put_artwork(artwork_id: str) -> Response:
    """Replace what is known of an artwork."""
    details = read_model(routes.current_request, ArtworkRequest)
    artwork = Artwork(_read_artwork_id(artwork_id), **details.model_dump())
    market().store.put_artwork(artwork)
    return json_response(artwork_answer(artwork))


def _read_id(text: str | None, loc: list[str]) -> int:
    if text is not None and text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_ID:
        return int(text)
    message = "Field required" if text is None else f"Input should be a whole number from 0 to {MAX_ID}"
    raise InvalidRequestError([{"loc": loc, "msg": message, "type": "missing" if text is None else "id"}])


def _read_artwork_id(text: str) -> ArtworkId:
    try:
        return ArtworkId(_read_id(text, ["path", "artwork_id"]))
    except InvalidRequestError:
        raise NotFoundError(f"There is no artwork {text[:64]!r}.", code="unknown_artwork") from None


def _read_sort(text: str | None) -> Sort:
    if text is None:
        return "newest"
    sorts: tuple[Sort, ...] = get_args(Sort)
    for sort in sorts:
        if text == sort:
            return sort
    message = f"Input should be one of {', '.join(sorts)}"
    raise InvalidRequestError([{"loc": ["query", "sort"], "msg": message, "type": "enum"}])
