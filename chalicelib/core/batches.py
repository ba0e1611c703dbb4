"""The batch loops: queue messages one by one with partial failures, stream records until the first failure."""

import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import log_event, log_failure

MAX_VISIBILITY = 43_200
"""Seconds; SQS takes no more in ChangeMessageVisibility."""


@dataclass(frozen=True)
class Message:
    """One queue message: its body, how often it was received (1 the first time), and its handle."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int


@dataclass(frozen=True)
class Done:
    """The message has been dealt with and is deleted."""

    outcome: str


@dataclass(frozen=True)
class Again:
    """The message goes back to its queue and shows up again after so many seconds."""

    outcome: str
    after: float


About = Callable[[str], Mapping[str, Any]]
"""Returns, as fields of a log line, what the body of a message is about; the body itself is not logged."""


class Visibility(Protocol):
    """The part of a queue that the loop needs."""

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Make messages, named by receipt handle, visible again after so many seconds."""


def read_messages(records: Iterable[dict[str, Any]]) -> list[Message]:
    """Return the messages of a Lambda SQS event."""
    return [
        Message(
            record["messageId"],
            record["receiptHandle"],
            record["body"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in records
    ]


def work_queue(
    messages: list[Message],
    handle: Callable[[Message], Done | Again],
    queue: Visibility,
    parallel: int,
    about: About = lambda _: {},
) -> dict[str, Any]:
    """Handle up to ``parallel`` messages at once; return Lambda's partial batch response.

    A message whose handler raises is logged and comes back after the queue's own visibility time-out.
    """
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        results = list(pool.map(lambda message: _handle(message, handle, about), messages))
    delays = {
        message.receipt_handle: min(math.ceil(result.after), MAX_VISIBILITY)
        for message, result in zip(messages, results, strict=True)
        if isinstance(result, Again)
    }
    if delays:
        _return_later(queue, delays)
    failed = [m.message_id for m, result in zip(messages, results, strict=True) if not isinstance(result, Done)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handle(message: Message, handle: Callable[[Message], Done | Again], about: About) -> Done | Again | None:
    meter = Meter(alone=False)
    told = {"message_id": message.message_id, "receive_count": message.receive_count, **_subject(message, about)}
    try:
        result = handle(message)
    except Exception:
        log_failure("message failed", **told, **meter.fields())
        return None
    log_event("message", **told, outcome=result.outcome, **meter.fields())
    return result


def _subject(message: Message, about: About) -> Mapping[str, Any]:
    try:
        return about(message.body)
    except Exception:
        return {}  # It names nothing: the handler is the one to say so.


def _return_later(queue: Visibility, delays: dict[str, int]) -> None:
    try:
        queue.change_visibility(delays)
    except Exception:
        # Nothing is lost: the messages come back after the queue's own visibility time-out instead.
        log_failure("visibility not changed", messages=len(delays))
