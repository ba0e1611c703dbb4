"""The strategies' routes, described."""

from typing import Any

from chalicelib.documents.description import Answer, Body, Link, Parameter, Route, Routes
from chalicelib.strategies.answers import (
    CreateOrderAnswer,
    CreateOrderFault,
    CreateOrderRefusal,
    OrderLog,
    PositionList,
    ProfileCounts,
    Signal,
    SignalList,
)
from chalicelib.strategies.models import (
    MAX_PROFILES,
    NAME_SCHEMA,
    CreateOrderRequest,
    ProfilesRequest,
    SignalRequest,
)
from chalicelib.strategies.routes import FAULT

SIGNAL_ID = "5d1f7a52-6d0f-4f0e-8f7e-2f8a3c9b1d10"
ORDER_ID = "9c2e4b1a-77aa-5d0c-9b3e-4f1d2a6c8e20"
MOMENT, LATER = "2026-11-21T12:00:00.000000Z", "2026-11-21T12:05:00.000000Z"
USER = "Holland Proctor"
BUY: dict[str, Any] = {"strategy": "STRATEGY_B", "instrument": "MINDA", "position": "BUY"}
HELD = {"user": USER, "strategy": "STRATEGY_B", "instrument": "MINDA"}
PROFILES = {
    USER: {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}
SIGNAL = {
    "signal_id": SIGNAL_ID,
    "status": "ACCEPTED",
    **BUY,
    "created_at": MOMENT,
    "users": [{"user": USER, "verdict": "ACCEPTED", "reason": "opened", "order_id": ORDER_ID}],
}
ROW = {
    "signal_id": SIGNAL_ID,
    "created_at": MOMENT,
    **BUY,
    "status": "ACCEPTED",
    "accepted": 1,
    "rejected": 0,
}
POSITION = {
    **HELD,
    "opened_at": MOMENT,
    "signal_id": SIGNAL_ID,
    "order_id": ORDER_ID,
    "order_status": "NEW",
}
ROUND_TRIP = {
    **HELD,
    "bought_at": MOMENT,
    "buy_signal_id": SIGNAL_ID,
    "sold_at": LATER,
    "sell_signal_id": "1e8a0c94-52cd-4b7f-a1de-0b9c7d5e6f30",
    "closed_by": "STRATEGY_A",
}
ACCEPTED = {"RESPONSE": "ACCEPTED", "ORDER_ID": SIGNAL_ID, "REASON": "Valid for 1 user.", "USERS": [USER]}
REFUSED = {
    "RESPONSE": "REJECTED",
    "REASON": "The request is not valid: body.POSITION. body.POSITION: Input should be 'BUY' or 'SELL'",
}
UNFINISHED = {
    "RESPONSE": "ERROR",
    "REASON": "The signal was begun and has not come to its end.",
    "ORDER_ID": SIGNAL_ID,
}


def _filter(name: str, example: str) -> Parameter:
    return Parameter(name, NAME_SCHEMA, f"Of this {name} only.", example)


DRY_RUN = Parameter("dry_run", {"type": "boolean", "default": False}, "Whether to show only what it would mean.", True)
ID = Parameter("signal_id", {"type": "string", "format": "uuid"}, "The signal's id.", SIGNAL_ID, required=True)
OF_USER, OF_STRATEGY = _filter("user", USER), _filter("strategy", "STRATEGY_B")

ROUTES: Routes = {
    ("PUT", "/strategies/profiles"): Route(
        "Replace all profiles",
        Answer(200, ProfileCounts, {"users": 2, "rows": 3, "strategies": 3}),
        body=Body(ProfilesRequest, {"Two users": PROFILES}, MAX_PROFILES),
        problems=("profiles_replaced",),
    ),
    ("GET", "/strategies/profiles"): Route("View all profiles", Answer(200, ProfilesRequest, PROFILES)),
    ("POST", "/signals"): Route(
        "Send a signal",
        Answer(200, Signal, SIGNAL),
        query=(DRY_RUN,),
        body=Body(SignalRequest, {"Buy": BUY, "Sell": {**BUY, "position": "SELL"}}),
        problems=("too_many_users", "signal_unfinished"),
        keyed=True,
        links=(Link("get_signal", {"signal_id": "$response.body#/signal_id"}),),
    ),
    ("POST", "/create_order"): Route(
        "Send a signal, in the form of the existing producer",
        Answer(200, CreateOrderAnswer, ACCEPTED),
        body=Body(CreateOrderRequest, {"Buy": {name.upper(): value for name, value in BUY.items()}}),
        errors=(
            *(Answer(status, CreateOrderRefusal, REFUSED) for status in (409, 413, 415, 422)),
            Answer(500, CreateOrderFault, FAULT),
            Answer(503, CreateOrderFault, UNFINISHED),
        ),
        keyed=True,
        links=(Link("get_signal", {"signal_id": "$response.body#/ORDER_ID"}),),
    ),
    ("GET", "/signals"): Route(
        "List signals", Answer(200, SignalList, {"signals": [ROW], "next_cursor": None}), paged=True
    ),
    ("GET", "/signals/{signal_id}"): Route(
        "View a signal", Answer(200, Signal, SIGNAL), path=(ID,), problems=("unknown_signal",)
    ),
    ("GET", "/positions"): Route(
        "List open positions",
        Answer(200, PositionList, {"positions": [POSITION], "next_cursor": None}),
        query=(OF_USER, OF_STRATEGY, _filter("instrument", "MINDA")),
        paged=True,
    ),
    ("GET", "/order-log"): Route(
        "List closed positions",
        Answer(200, OrderLog, {"entries": [ROUND_TRIP], "next_cursor": None}),
        query=(OF_USER, OF_STRATEGY),
        paged=True,
    ),
}
