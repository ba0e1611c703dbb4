"""A queue as SQS has it: visibility, receive counts, dead letters; driven by a fake clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from chalicelib.broker.order import OrderId
from chalicelib.broker.queue import write_body
from chalicelib.core.sqs import MAX_SEND_DELAY, NotTakenError
from chalicelib.operations.dead_letters import HOLD, Depth, Letter
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.faults import Hook, nothing

_numbers = count(1)


@dataclass
class QueuedMessage:
    """A message; ``visible_at`` is when it can be received (again)."""

    message_id: str
    body: str
    sent_at: datetime
    visible_at: datetime
    receive_count: int = 0

    @property
    def receipt_handle(self) -> str:
        """The handle of the last receive; those of earlier ones do nothing any more."""
        return f"{self.message_id}/{self.receive_count}"


class MemoryQueue:
    """A queue with its dead-letter queue."""

    def __init__(self, clock: FakeClock, visibility: timedelta, max_receives: int) -> None:
        self._clock = clock
        self._visibility = visibility
        self._max_receives = max_receives
        self.messages: list[QueuedMessage] = []
        self.dead: list[QueuedMessage] = []
        self.sent = 0

    def put(self, body: str, delay: int = 0) -> None:
        """Take a message, hidden for so many seconds."""
        assert 0 <= delay <= MAX_SEND_DELAY
        now = self._clock()
        self.messages.append(QueuedMessage(f"m{next(_numbers)}", body, now, now + timedelta(seconds=delay)))
        self.sent += 1

    def receive(self) -> dict[str, Any] | None:
        """Return the first visible message as a Lambda record, None if there is none."""
        self.bury()
        for message in self.messages:
            if message.visible_at <= self._clock():
                return self.deliver(message)
        return None

    def deliver(self, message: QueuedMessage) -> dict[str, Any]:
        """Return this message as a Lambda record, and hide it."""
        message.receive_count += 1
        message.visible_at = self._clock() + self._visibility
        return {
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
        }

    def bury(self) -> None:
        """Move every visible message that was received often enough to the dead letters."""
        for message in list(self.messages):
            if message.visible_at <= self._clock() and message.receive_count >= self._max_receives:
                self.messages.remove(message)
                self.dead.append(message)

    def delete(self, receipt_handle: str) -> None:
        """Delete the message of the handle, if it is the handle of its last receive."""
        self.messages = [message for message in self.messages if message.receipt_handle != receipt_handle]

    def change_visibility(self, delays: dict[str, int]) -> None:
        for message in self.messages:
            if message.receipt_handle in delays:
                message.visible_at = self._clock() + timedelta(seconds=delays[message.receipt_handle])

    def next_visible_at(self) -> datetime | None:
        """Return when the next message can be received."""
        return min((message.visible_at for message in self.messages), default=None)


class QueueSender:
    """The PlacementQueue of one caller, whose calls pass the hook. ``refuse`` counts batches to be refused."""

    def __init__(self, queue: MemoryQueue, hook: Hook = nothing) -> None:
        self._queue = queue
        self._hook = hook
        self.refuse = 0

    def send(self, order_ids: Sequence[OrderId], delay: int = 0) -> None:
        self._hook("before send")
        if self.refuse:
            self.refuse -= 1
            raise NotTakenError("1 of 1 messages not taken: InternalError")
        for order_id in order_ids:
            self._queue.put(write_body(order_id), delay)
        self._hook("after send")

    def change_visibility(self, delays: dict[str, int]) -> None:
        self._hook("before change_visibility")
        for seconds in delays.values():
            assert seconds == math.ceil(seconds)
        self._queue.change_visibility(delays)


class MemoryLetterBox:
    """The dead letters of a queue, as one caller sees them, whose calls pass the hook."""

    def __init__(self, queue: MemoryQueue, clock: FakeClock, hook: Hook = nothing) -> None:
        self._queue = queue
        self._clock = clock
        self._hook = hook

    def depth(self) -> Depth:
        visible = sum(message.visible_at <= self._clock() for message in self._queue.messages)
        return Depth(visible, len(self._queue.messages) - visible)

    def dead_letters(self) -> int:
        self._queue.bury()
        return len(self._queue.dead)

    def look(self) -> list[Letter]:
        return [_letter(message) for message in self._queue.dead if message.visible_at <= self._clock()]

    def take(self) -> list[Letter]:
        now = self._clock()
        taken = [message for message in self._queue.dead if message.visible_at <= now][:10]
        for message in taken:
            message.receive_count += 1
            message.visible_at = now + timedelta(seconds=HOLD)
        return [_letter(message) for message in taken]

    def send(self, bodies: Sequence[str]) -> list[bool]:
        self._hook("before letter send")
        for body in bodies:
            self._queue.put(body)
        self._hook("after letter send")
        return [True] * len(bodies)

    def remove(self, letters: Sequence[Letter]) -> None:
        self._hook("before letter remove")
        handles = {letter.receipt_handle for letter in letters}
        self._queue.dead = [message for message in self._queue.dead if message.receipt_handle not in handles]

    def put_back(self, letters: Sequence[Letter]) -> None:
        handles = {letter.receipt_handle for letter in letters}
        for message in self._queue.dead:
            if message.receipt_handle in handles:
                message.visible_at = self._clock()


def _letter(message: QueuedMessage) -> Letter:
    return Letter(message.message_id, message.receipt_handle, message.body, message.sent_at, message.receive_count)
