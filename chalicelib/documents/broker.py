"""The broker's routes, described."""

from chalicelib.broker.answers import AcceptedOrder, BrokerOrder, BrokerOrderList, Timeline
from chalicelib.broker.models import OrderRequest
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.documents.description import Answer, Body, Link, Parameter, Route, Routes
from chalicelib.documents.problems import OrderFault

ID = "0b0f6e0e-3b7e-4c5a-9d53-5a4b3f3c8a11"
LIMIT_ORDER = {
    "type": "limit",
    "side": "buy",
    "instrument": "DE0007664039",
    "limit_price": 101.25,
    "quantity": 3,
}
ACCEPTED = {"id": ID, "created_at": "2026-11-21T12:00:00.000000Z", **LIMIT_ORDER, "status": "PENDING_NEW"}
PLACED = {
    **ACCEPTED,
    "status": "NEW",
    "cum_qty": 0,
    "leaves_qty": 3,
    "placed_at": "2026-11-21T12:00:00.104512Z",
}
TIMELINE = {
    "id": ID,
    "status": "NEW",
    "attempts": 1,
    "count": 2,
    "entries": [
        {"at": "2026-11-21T12:00:00.000000Z", "cause": "accepted", "status": "PENDING_NEW"},
        {
            "at": "2026-11-21T12:00:00.104512Z",
            "cause": "placed",
            "status": "NEW",
            "attempt": 1,
            "latency_ms": 12,
        },
    ],
}

ORDER_ID = Parameter("order_id", {"type": "string", "format": "uuid"}, "The order's id.", ID, required=True)
STATUS = Parameter("status", {"type": "string", "enum": list(OrderStatus)}, "Orders with this status only.", "NEW")
LINKS = tuple(Link(name, {"order_id": "$response.body#/id"}) for name in ("get_order", "get_timeline", "post_cancel"))

ROUTES: Routes = {
    ("POST", "/orders"): Route(
        "Place an order",
        Answer(201, AcceptedOrder, ACCEPTED, headers=("Location",)),
        body=Body(
            OrderRequest,
            {
                "A limit order": LIMIT_ORDER,
                "A market order": {"type": "market", "side": "sell", "instrument": "US0378331005", "quantity": 1},
                "A price in text": {**LIMIT_ORDER, "limit_price": "101.25"},
            },
        ),
        errors=(Answer(500, OrderFault, {"message": "Internal server error while placing the order"}),),
        keyed=True,
        links=LINKS,
    ),
    ("GET", "/orders"): Route(
        "List orders",
        Answer(200, BrokerOrderList, {"orders": [PLACED], "next_cursor": None}),
        query=(STATUS,),
        paged=True,
    ),
    ("GET", "/orders/{order_id}"): Route(
        "View an order", Answer(200, BrokerOrder, PLACED), path=(ORDER_ID,), problems=("unknown_order",)
    ),
    ("GET", "/orders/{order_id}/timeline"): Route(
        "View an order's timeline", Answer(200, Timeline, TIMELINE), path=(ORDER_ID,), problems=("unknown_order",)
    ),
    ("POST", "/orders/{order_id}/cancel"): Route(
        "Cancel an order",
        Answer(200, BrokerOrder, {**PLACED, "status": "PENDING_CANCEL"}),
        path=(ORDER_ID,),
        problems=("unknown_order", "order_final", "signal_order", "cancel_unsupported", "busy"),
        links=LINKS[:2],
    ),
}
