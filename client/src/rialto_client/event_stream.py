"""Server-sent events, read from whole answers (WHATWG HTML, section 9.2.6)."""

import json
from typing import Any

import httpx

from rialto_client.answers import require_success
from rialto_client.errors import UnexpectedAnswerError
from rialto_client.values import Value

EVENT_STREAM = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
_FIRST_RETRY, _SHORTEST_RETRY, _LONGEST_RETRY = 1.0, 0.05, 60.0


class ServerEvent(Value):
    """One event. ``last_id`` is where the stream goes on behind it: its own id, or the last one before it."""

    name: str
    content: dict[str, Any]
    last_id: str


class EventBatch(Value):
    """The events of one answer, and after how many seconds to ask again."""

    events: list[ServerEvent]
    retry: float = _FIRST_RETRY


def read_events(response: httpx.Response) -> EventBatch:
    """Return the events of an answer.

    Raises:
        RefusedError: if the market refuses.
        InconclusiveError: if the answer decides nothing: 429, 5xx, or success that is no stream of events.
    """
    require_success(response)
    if response.headers.get("Content-Type", "").partition(";")[0].strip() != EVENT_STREAM:
        raise UnexpectedAnswerError("The answer is no stream of events.")
    events: list[ServerEvent] = []
    last_id, retry = "", _FIRST_RETRY
    text = response.content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    # What stands behind the last empty line was cut off, and comes once more.
    *blocks, _ = text.split("\n\n")
    for block in blocks:
        fields = _fields(block)
        last_id = fields.get("id", last_id)
        retry = _read_retry(fields.get("retry", ""), retry)
        if "data" in fields:
            content = _read_content(fields["data"])
            events.append(ServerEvent(name=fields.get("event", "message"), content=content, last_id=last_id))
    return EventBatch(events=events, retry=retry)


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
    return fields


def _read_retry(text: str, before: float) -> float:
    if not (text.isascii() and text.isdigit()):
        return before
    return min(_LONGEST_RETRY, max(_SHORTEST_RETRY, int(text[:9]) / 1000))


def _read_content(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UnexpectedAnswerError("An event has no JSON object.")
    return content
