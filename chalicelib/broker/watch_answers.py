"""Changes of orders as the events that a watcher gets."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.broker.models import entry_answer, order_answer
from chalicelib.broker.watch import MOST_WATCHED, Change
from chalicelib.broker.watch_cursor import encode_marks
from chalicelib.core.event_stream import Event

if TYPE_CHECKING:
    from chalicelib.broker import answers

ORDER, GAP = "order", "gap"
OVERRUN = f"More than {MOST_WATCHED} orders came since the last look. Those between may have come and gone unseen."
LEFT = f"An order that may still change is no longer among the {MOST_WATCHED} newest. It is not followed any more."


def change_events(change: Change, scope: str) -> Iterator[Event]:
    """Yield the events of a change. Only its last one moves the cursor: gaps and order arrive together or once more."""
    for gap in _gaps(change):
        yield Event(GAP, _dump(gap))
    told: answers.OrderEvent = {
        "order": order_answer(change.order),
        "entries": [entry_answer(entry) for entry in change.entries],
        "missed": change.missed,
    }
    yield Event(ORDER, _dump(told), encode_marks(scope, change.marks))


def _gaps(change: Change) -> "Iterator[answers.GapEvent]":
    if change.overrun:
        yield {"id": None, "missed": None, "detail": OVERRUN}
    if change.left:
        yield {"id": None, "missed": change.left, "detail": LEFT}
    if change.missed:
        steps = "1 step is" if change.missed == 1 else f"{change.missed} steps are"
        detail = f"{steps} not kept any more. What the order came to is in the event that follows."
        yield {"id": change.order.order_id, "missed": change.missed, "detail": detail}


def _dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
