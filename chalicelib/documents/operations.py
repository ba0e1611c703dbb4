"""The routes of operations, and of the document itself, described."""

from typing import Any

from chalicelib.documents.description import Answer, Body, Parameter, Route, Routes
from chalicelib.operations.answers import DeadLetterList, Health, InvariantList, QueueList, RedriveResult
from chalicelib.operations.models import RedriveRequest
from chalicelib.operations.service import HAND_OVER, MATCH, MATCH_RETRIES, PLACEMENTS, REPORT_RETRIES, REPORTS

QUEUES = [PLACEMENTS, HAND_OVER, MATCH_RETRIES, MATCH, REPORTS, REPORT_RETRIES]
ORDER_ID = "0b0f6e0e-3b7e-4c5a-9d53-5a4b3f3c8a11"
PLACEMENTS_QUEUE = {
    "name": PLACEMENTS,
    "depth": 0,
    "in_flight": 0,
    "oldest_age_seconds": 0.0,
    "dead_letters": 1,
}
LETTER = {
    "message_id": "8f14e45f-ceea-467f-a0e6-5b3a1f0a2b40",
    "sent_at": "2026-11-21T12:00:00.000000Z",
    "reason": "unavailable",
    "body": f'{{"order_id": "{ORDER_ID}"}}',
    "order_id": ORDER_ID,
    "order_status": "PENDING_NEW",
    "attempts": 20,
    "dead_lettered_at": "2026-11-21T15:00:00.000000Z",
}
INVARIANTS = {
    "invariants": [{"name": "no_order_is_forgotten", "checked": 12, "in_flight": 1, "violations": []}],
    "as_of": "2026-11-21T12:00:00.000000Z",
    "complete": True,
}


def _health(status: str, table: str) -> dict[str, Any]:
    return {"status": status, "tables": {"broker_orders": table}}


QUEUE = Parameter("queue", {"type": "string", "enum": QUEUES}, "The queue.", PLACEMENTS, required=True)

ROUTES: Routes = {
    ("GET", "/health"): Route(
        "Check the tables",
        Answer(200, Health, _health("ok", "ok")),
        errors=(Answer(503, Health, _health("unavailable", "ResourceNotFoundException")),),
    ),
    ("GET", "/operations/queues"): Route("View the queues", Answer(200, QueueList, {"queues": [PLACEMENTS_QUEUE]})),
    ("GET", "/operations/dead-letters"): Route(
        "View dead letters",
        Answer(200, DeadLetterList, {"queue": PLACEMENTS, "count": 1, "letters": [LETTER]}),
        query=(QUEUE,),
        problems=("unknown_queue", "validation_failed"),
    ),
    ("POST", "/operations/dead-letters/redrive"): Route(
        "Move dead letters back",
        Answer(200, RedriveResult, {"queue": PLACEMENTS, "redriven": 1, "remaining": 0}),
        body=Body(RedriveRequest, {"Placements": {"queue": PLACEMENTS}}),
        problems=("unknown_queue",),
    ),
    ("GET", "/operations/invariants"): Route("View the last check", Answer(200, InvariantList, INVARIANTS)),
    ("POST", "/operations/invariants/run"): Route("Begin a check", Answer(202, InvariantList, INVARIANTS)),
}

UNCHANGED = Answer(304, None, media_type="")
OWN_ROUTES: Routes = {
    ("GET", "/openapi.json"): Route("This document", Answer(200, dict[str, Any]), errors=(UNCHANGED,)),
    ("GET", "/docs"): Route("This document as a page", Answer(200, None, media_type="text/html"), errors=(UNCHANGED,)),
}
