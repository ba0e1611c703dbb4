"""The art market's routes, described."""

from typing import Any, get_args

from chalicelib.documents.description import Answer, Body, Link, Parameter, Route, Routes
from chalicelib.market.answers import (
    Artwork,
    Book,
    CancelResult,
    ListingList,
    MarketOrder,
    MarketOrderList,
    TransactionList,
)
from chalicelib.market.listing import Sort
from chalicelib.market.models import MAX_ID, ArtworkRequest, OrderRequest

SELL_ID = "42-3f0f6e0e-3b7e-4c5a-9d53-5a4b3f3c8a22"
BUY_ID = "42-7a9d1f52-0c0f-4a3e-b1c7-1d1f2e6b9c33"
MOMENT = "2026-11-21T12:00:00.000000Z"
SELL: dict[str, Any] = {"user_id": 1, "artwork_id": 42, "price": 120, "direction": "sell"}
BUY: dict[str, Any] = {"user_id": 2, "artwork_id": 42, "price": 130.5, "direction": "buy"}
OPEN = {"order_id": SELL_ID, **SELL, "is_canceled": False, "status": "open", "created_at": MOMENT}
TRADE = {
    "transaction_id": "c5b0a8e2-19d4-5d4b-8b0a-6f2d8f1f7e44",
    "artwork_id": 42,
    "price": 120,
    "buy_order_id": BUY_ID,
    "sell_order_id": SELL_ID,
    "executed_at": "2026-11-21T12:00:00.214000Z",
}
FILLED = {
    "order_id": BUY_ID,
    **BUY,
    "is_canceled": False,
    "status": "filled",
    "created_at": MOMENT,
    "transaction": TRADE,
}
NOCTURNE = {"title": "Nocturne", "artist": "A. Painter"}
LISTING = {
    "artwork_id": 42,
    "price": 120,
    "order_id": SELL_ID,
    "user_id": 1,
    "listed_at": MOMENT,
    **NOCTURNE,
}
BOOK = {"artwork_id": 42, **NOCTURNE, "asks": [OPEN], "bids": [], "last_transactions": [TRADE]}

NUMBER = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
ORDER_ID = Parameter("order_id", {"type": "string"}, "The order's id: the artwork's, and a UUID.", SELL_ID, True)
ARTWORK_ID = Parameter("artwork_id", NUMBER, "The artwork's id.", 42, required=True)
USER_ID = Parameter("user_id", NUMBER, "Orders of this user only.", 1)
PARTY_ID = Parameter("user_id", NUMBER, "The user who bought or sold.", 2, required=True)
SORT = Parameter("sort", {"type": "string", "enum": list(get_args(Sort)), "default": "newest"}, "What comes first.")
LINKS = tuple(
    Link(name, {"order_id": "$response.body#/order_id"}) for name in ("get_market_order", "post_market_cancel")
)

ROUTES: Routes = {
    ("POST", "/market/orders"): Route(
        "Offer to buy or sell",
        Answer(201, MarketOrder, OPEN, headers=("Location",)),
        body=Body(OrderRequest, {"An offer": SELL, "A bid above it": BUY}),
        problems=("busy",),
        keyed=True,
        links=(*LINKS, Link("get_artwork", {"artwork_id": "$response.body#/artwork_id"})),
    ),
    ("GET", "/market/orders"): Route(
        "List open orders",
        Answer(200, MarketOrderList, {"orders": [OPEN], "next_cursor": None}),
        query=(USER_ID,),
        paged=True,
    ),
    ("GET", "/market/orders/{order_id}"): Route(
        "View an order", Answer(200, MarketOrder, FILLED), path=(ORDER_ID,), problems=("unknown_order",)
    ),
    ("POST", "/market/orders/{order_id}/cancel"): Route(
        "Cancel an order",
        Answer(200, CancelResult, {"is_canceled": True}),
        path=(ORDER_ID,),
        problems=("unknown_order", "order_filled", "busy"),
    ),
    ("GET", "/market/transactions"): Route(
        "List a user's transactions",
        Answer(200, TransactionList, {"transactions": [TRADE], "next_cursor": None}),
        query=(PARTY_ID,),
        paged=True,
    ),
    ("PUT", "/market/artworks/{artwork_id}"): Route(
        "Describe an artwork",
        Answer(200, Artwork, {"artwork_id": 42, **NOCTURNE}),
        path=(ARTWORK_ID,),
        body=Body(ArtworkRequest, {"A painting": NOCTURNE}),
        problems=("unknown_artwork",),
        links=(Link("get_artwork", {"artwork_id": "$response.body#/artwork_id"}),),
    ),
    ("GET", "/market/artworks/{artwork_id}"): Route(
        "View an artwork's book", Answer(200, Book, BOOK), path=(ARTWORK_ID,), problems=("unknown_artwork",)
    ),
    ("GET", "/market/artworks"): Route(
        "Browse what is for sale",
        Answer(200, ListingList, {"artworks": [LISTING], "next_cursor": None}),
        query=(SORT,),
        paged=True,
    ),
}
