"""The broker's routes, described."""

import json

from chalicelib.broker.answers import AcceptedOrder, BrokerOrder, BrokerOrderList, GapEvent, OrderEvent, Timeline
from chalicelib.broker.models import OrderRequest
from chalicelib.broker.routes import SOON
from chalicelib.broker.watch import MOST_WATCHED
from chalicelib.broker.watch_answers import GAP, ORDER
from chalicelib.core.answers import UUID_PATTERN
from chalicelib.core.event_stream import LAST_EVENT_ID, MEDIA_TYPE, Event, render_stream
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

CHANGE = {"order": PLACED, "entries": TIMELINE["entries"], "missed": 0}
CHANGES = render_stream([Event(ORDER, json.dumps(CHANGE), "AXr1o0R4mYyJCw9uDjt-TFqdU1pLPzyKEQIC")], SOON)

ORDER_ID = Parameter("order_id", {"type": "string", "format": "uuid"}, "The order's id.", ID, required=True)
STATUS = Parameter("status", {"type": "string", "enum": list(OrderStatus)}, "Orders with this status only.", "NEW")
IDS = Parameter(
    "ids",
    {"type": "string", "pattern": f"^{UUID_PATTERN}(,{UUID_PATTERN}){{0,{MOST_WATCHED - 1}}}$"},
    f"The orders, 1 to {MOST_WATCHED} ids with commas between them; without it the {MOST_WATCHED} newest.",
    ID,
)
SEEN = {"type": "string"}
LAST_SEEN = Parameter(LAST_EVENT_ID, SEEN, "The id of the last event of the same watch; empty to begin anew.", "")
SEEN_UP_TO = Parameter("cursor", SEEN, f"The same, for clients that cannot send `{LAST_EVENT_ID}`.")
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
    # Before the path that it would fit, too.
    ("GET", "/orders/events"): Route(
        "Watch orders",
        Answer(200, None, CHANGES, MEDIA_TYPE, events={ORDER: OrderEvent, GAP: GapEvent}),
        query=(IDS, SEEN_UP_TO),
        headers=(LAST_SEEN,),
        problems=("validation_failed", "invalid_cursor", "unknown_orders"),
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
