"""Reports into messages, messages into calls, within the queue's limits. Pure."""

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

PARTITIONS = 32
MOST_REPORTS = 200
"""In one message."""
MOST_BYTES = 200_000
"""Of one message's body."""
MOST_MESSAGES = 10
"""In one call; SQS takes no more."""
MOST_BYTES_AT_ONCE = 240_000
"""Of all bodies of one call; SQS takes 256 KiB, attributes included."""
SHOWN = 1_000
"""Characters that are kept of a report which no message can hold."""

_OPEN, _CLOSE = '{"reports":[', "]}"
_FRAME = len(_OPEN) + len(_CLOSE)


class Origin(Protocol):
    """Whoever waits until a report is in the queue."""

    def settle(self, number: int, /) -> None:
        """Note that the report with this number is in the queue."""


class Report(NamedTuple):
    """A report as it came, as ASCII JSON, and who waits for it under which number."""

    text: str
    partition: int
    origin: Origin
    number: int


@dataclass(frozen=True)
class Message:
    """One message of the queue."""

    reports: tuple[Report, ...]
    body: str

    @property
    def group(self) -> str:
        """The message group: the partition of its orders."""
        return str(self.reports[0].partition)

    @property
    def deduplication_id(self) -> str:
        """The same content within five minutes is the same message."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def partition_of(report: Any) -> int:
    """Return the partition of the report's order; 0 if it names none."""
    order_id = report.get("client_order_id") if isinstance(report, dict) else None
    if not isinstance(order_id, str) or not order_id:
        return 0
    return zlib.crc32(order_id.encode(errors="surrogatepass")) % PARTITIONS


def pack_report(content: Any, text: str, origin: Origin, number: int = 0) -> Report:
    """Return a report ready to be sent; of one that no message can hold its beginning, which the applier refuses."""
    if len(text) + _FRAME > MOST_BYTES:
        return Report(json.dumps({"oversized": text[:SHOWN]}), 0, origin, number)
    return Report(text, partition_of(content), origin, number)


class Backlog:
    """Reports that wait to be sent, by partition; partitions take turns."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Report]] = {}
        self.size = 0
        """Bytes."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, reports: Iterable[Report]) -> None:
        """Put reports behind those of their partition."""
        for report in reports:
            self._waiting.setdefault(report.partition, deque()).append(report)
            self.size += len(report.text)

    def take(self) -> list[Message]:
        """Take the messages of one call: of each partition in turn as much as there is and fits."""
        messages: list[Message] = []
        room = MOST_BYTES_AT_ONCE
        for partition in list(self._waiting)[:MOST_MESSAGES]:
            message = self._take_message(partition, min(room, MOST_BYTES))
            if message is None:
                break
            messages.append(message)
            room -= len(message.body)
        return messages

    def _take_message(self, partition: int, room: int) -> Message | None:
        waiting = self._waiting[partition]
        taken: list[Report] = []
        length = _FRAME - 1
        while waiting and len(taken) < MOST_REPORTS and length + 1 + len(waiting[0].text) <= room:
            taken.append(waiting.popleft())
            length += 1 + len(taken[-1].text)
        if not taken:
            return None
        self.size -= sum(len(report.text) for report in taken)
        del self._waiting[partition]
        if waiting:
            self._waiting[partition] = waiting  # Its next turn is after all others.
        return Message(tuple(taken), _OPEN + ",".join(report.text for report in taken) + _CLOSE)
