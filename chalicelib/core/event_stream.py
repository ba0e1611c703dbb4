"""Server-sent events as text (WHATWG HTML, section 9.2), in short answers: the client comes back after ``retry``."""

from collections.abc import Sequence
from dataclasses import dataclass

MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
NOTHING = ": nothing new\n\n"
"""A comment: whoever stands in between sees bytes, and the client no event."""


@dataclass(frozen=True)
class Event:
    """One event. With an id the client's place in the stream moves behind it; without one it stays."""

    name: str
    data: str
    id: str | None = None


def render_stream(events: Sequence[Event], retry_ms: int) -> str:
    """Return the answer: how long to wait before the next request, then the events, or a comment if there are none."""
    return f"retry: {retry_ms}\n\n{''.join(map(_render, events)) or NOTHING}"


def _render(event: Event) -> str:
    # An id before its event: it counts for the event whose block it stands in.
    lines = [] if event.id is None else [f"id: {event.id}"]
    lines.append(f"event: {event.name}")
    # Lines end with CR, LF or both, and nothing else ends one: U+2028 stays within a line.
    text = event.data.replace("\r\n", "\n").replace("\r", "\n")
    lines += [f"data: {line}" for line in text.split("\n")]
    return "\n".join(lines) + "\n\n"
