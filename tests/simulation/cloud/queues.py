"""Queues as SQS has them: visibility, delays, receive counts, stale handles, dead letters, retention, groups."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.cloud.errors import refusal

Params = dict[str, Any]
Answer = dict[str, Any]
URL = "https://sqs.test/000000000000/"
RETENTION = 14 * 24 * 3600.0
MAX_BATCH = 10
MAX_DELAY = 900
DEDUPLICATION = 300.0
"""Seconds in which a FIFO queue takes a message of a group once."""


@dataclass
class Message:
    """A message. ``visible_at`` is when it can be received (again); ``receives`` counts how often it was."""

    message_id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    first_received_at: float | None = None
    group: str | None = None
    """In a FIFO queue: its messages are received one after the other."""

    @property
    def handle(self) -> str:
        """The handle of the last receive; those of earlier ones do nothing any more."""
        return f"{self.message_id}/{self.receives}"


class Queue:
    """One queue. ``dead`` takes what was received too often."""

    def __init__(self, name: str, attributes: dict[str, str], clock: Callable[[], float]) -> None:
        self.name = name
        self.visibility = float(attributes.get("VisibilityTimeout", "30"))
        self.max_receives: int | None = None
        self.dead: Queue | None = None
        self.messages: list[Message] = []
        self.changed: Callable[[Queue], None] = lambda _: None
        """Told when a message comes or is hidden for another time."""
        self.watch: Callable[[str], None] = lambda _: None
        """Told of the body of each message that comes, the other of each that is deleted."""
        self.watch_deleted: Callable[[str], None] = lambda _: None
        self.is_fifo = attributes.get("FifoQueue") == "true"
        self._clock = clock
        self._sent = 0
        self._taken: dict[tuple[str, str], float] = {}

    def now(self) -> float:
        """Return the present moment, as messages have it."""
        return self._clock()

    def put(self, body: str, delay: float = 0.0, group: str | None = None) -> Message:
        """Take a message, hidden for so many seconds."""
        self._sent += 1
        now = self._clock()
        message = Message(f"{self.name}-{self._sent}", body, now, now + delay, group=group)
        self.messages.append(message)
        self.watch(body)
        self.changed(self)
        return message

    def put_once(self, body: str, group: str, deduplication_id: str) -> None:
        """Take a message of a group, unless it was taken within the last minutes."""
        now = self._clock()
        if self._taken.get((group, deduplication_id), now - DEDUPLICATION) + DEDUPLICATION > now:
            return
        self._taken[group, deduplication_id] = now
        self.put(body, group=group)

    def bury(self) -> None:
        """Move what was received too often to the dead letters, and forget what is too old."""
        now = self._clock()
        self.messages = [message for message in self.messages if message.sent_at + RETENTION > now]
        if self.dead is None or self.max_receives is None:
            return
        for message in list(self.messages):
            if message.visible_at <= now and message.receives >= self.max_receives:
                self.messages.remove(message)
                self.dead.messages.append(Message(message.message_id, message.body, message.sent_at, now))
                self.dead.watch(message.body)
                self.dead.changed(self.dead)

    def visible(self) -> list[Message]:
        """Return what can be received now."""
        self.bury()
        now = self._clock()
        hidden = self._busy_groups(now)
        return [message for message in self.messages if message.visible_at <= now and message.group not in hidden]

    def next_visible_at(self) -> float:
        """Return when the first message can be received; there is one."""
        now = self._clock()
        busy = self._busy_groups(now)
        return min(
            message.visible_at for message in self.messages if message.group not in busy or message.visible_at > now
        )

    def _busy_groups(self, now: float) -> set[str]:
        """Return the groups of which somebody has a message: the others of those wait."""
        return {message.group for message in self.messages if message.visible_at > now and message.group is not None}

    def deliver(self, message: Message, visibility: float | None = None) -> dict[str, Any]:
        """Hide the message, and return it as a record of a Lambda event."""
        now = self._clock()
        message.receives += 1
        message.first_received_at = message.first_received_at or now
        message.visible_at = now + (self.visibility if visibility is None else visibility)
        self.changed(self)
        return {
            "messageId": message.message_id,
            "receiptHandle": message.handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.receives),
                "SentTimestamp": str(round(message.sent_at * 1000)),
                "ApproximateFirstReceiveTimestamp": str(round(message.first_received_at * 1000)),
            },
            "eventSource": "aws:sqs",
        }

    def delete(self, handle: str) -> None:
        """Delete the message, if the handle is that of its last receive."""
        for message in self.messages:
            if message.handle == handle:
                self.watch_deleted(message.body)
        self.messages = [message for message in self.messages if message.handle != handle]

    def hide(self, handle: str, seconds: float) -> bool:
        """Make the message visible after so many seconds; tell whether there is one with this handle."""
        for message in self.messages:
            if message.handle == handle:
                message.visible_at = self._clock() + seconds
                self.changed(self)
                return True
        return False


class Sqs:
    """The queues of an account. ``fails`` may refuse single entries of a batch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.queues: dict[str, Queue] = {}
        self.fails: Callable[[str], bool] = lambda _: False
        self._clock = clock

    def call(self, operation: str, params: Params) -> Answer:
        """Carry out an operation.

        Raises:
            ClientError: as SQS refuses it.
        """
        answer: Answer = getattr(self, f"_{operation}")(params)
        return answer

    def _CreateQueue(self, params: Params) -> Answer:
        name, attributes = params["QueueName"], params.get("Attributes", {})
        queue = self.queues[URL + name] = Queue(name, attributes, self._clock)
        if "RedrivePolicy" in attributes:
            policy = json.loads(attributes["RedrivePolicy"])
            queue.dead = self.queues[URL + policy["deadLetterTargetArn"].split(":")[-1]]
            queue.max_receives = int(policy["maxReceiveCount"])
        return {"QueueUrl": URL + name}

    def _GetQueueAttributes(self, params: Params) -> Answer:
        queue = self._queue("GetQueueAttributes", params)
        now = self._clock()
        visible = len(queue.visible())
        delayed = sum(message.visible_at > now and not message.receives for message in queue.messages)
        known = {
            "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{queue.name}",
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
            "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - visible - delayed),
        }
        return {"Attributes": {name: known[name] for name in params["AttributeNames"]}}

    def _SendMessage(self, params: Params) -> Answer:
        queue = self._queue("SendMessage", params)
        return {"MessageId": queue.put(params["MessageBody"], params.get("DelaySeconds", 0)).message_id}

    def _SendMessageBatch(self, params: Params) -> Answer:
        queue = self._queue("SendMessageBatch", params)

        def send(entry: Params) -> bool:
            if not 0 <= entry.get("DelaySeconds", 0) <= MAX_DELAY:
                return False
            if queue.is_fifo:
                queue.put_once(entry["MessageBody"], entry["MessageGroupId"], entry["MessageDeduplicationId"])
            else:
                queue.put(entry["MessageBody"], entry.get("DelaySeconds", 0))
            return True

        return self._batch("SendMessageBatch", params, send)

    def _ReceiveMessage(self, params: Params) -> Answer:
        queue = self._queue("ReceiveMessage", params)
        found = queue.visible()[: params.get("MaxNumberOfMessages", 1)]
        records = [queue.deliver(message, params.get("VisibilityTimeout")) for message in found]
        return {
            "Messages": [
                {
                    "MessageId": record["messageId"],
                    "ReceiptHandle": record["receiptHandle"],
                    "Body": record["body"],
                    "Attributes": record["attributes"],
                }
                for record in records
            ]
        }

    def _ChangeMessageVisibility(self, params: Params) -> Answer:
        self._queue("ChangeMessageVisibility", params).hide(params["ReceiptHandle"], params["VisibilityTimeout"])
        return {}

    def _ChangeMessageVisibilityBatch(self, params: Params) -> Answer:
        queue = self._queue("ChangeMessageVisibilityBatch", params)
        return self._batch(
            "ChangeMessageVisibilityBatch",
            params,
            lambda entry: queue.hide(entry["ReceiptHandle"], entry["VisibilityTimeout"]),
        )

    def _DeleteMessageBatch(self, params: Params) -> Answer:
        queue = self._queue("DeleteMessageBatch", params)

        def delete(entry: Params) -> bool:
            queue.delete(entry["ReceiptHandle"])
            return True

        return self._batch("DeleteMessageBatch", params, delete)

    def _batch(self, operation: str, params: Params, act: Callable[[Params], bool]) -> Answer:
        entries = params["Entries"]
        if not 1 <= len(entries) <= MAX_BATCH:
            raise refusal(operation, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
        done = {entry["Id"]: not self.fails(operation) and act(entry) for entry in entries}
        failed = [
            {"Id": one, "Code": "InternalError", "SenderFault": False} for one, taken in done.items() if not taken
        ]
        answer: Answer = {"Successful": [{"Id": one} for one, taken in done.items() if taken]}
        return {**answer, "Failed": failed} if failed else answer

    def _queue(self, operation: str, params: Params) -> Queue:
        queue = self.queues.get(params["QueueUrl"])
        if queue is None:
            raise refusal(operation, "AWS.SimpleQueueService.NonExistentQueue")
        return queue
