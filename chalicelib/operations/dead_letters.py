"""Dead letters in SQS: look at them without hiding them, and move them without losing one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.core.sqs import batches_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
LOOKS = 5
"""Receives of one look: a standard queue shows only a part of its messages at a time."""
HOLD = 60
"""Seconds for which a letter that is being moved is hidden from others."""


@dataclass(frozen=True)
class Letter:
    """One dead letter."""

    message_id: str
    receipt_handle: str
    body: str
    sent_at: datetime
    receive_count: int


@dataclass(frozen=True)
class Depth:
    """How many messages a queue has, roughly as SQS counts: to be received, and being worked on."""

    waiting: int
    in_flight: int


class LetterBox(Protocol):
    """A dead-letter queue, and the queue it belongs to, if there is one."""

    def depth(self) -> Depth:
        """Return the depth of the queue itself."""

    def dead_letters(self) -> int:
        """Return how many dead letters there are, roughly."""

    def look(self) -> list[Letter]:
        """Return a sample of the dead letters; all of them stay visible."""

    def take(self) -> list[Letter]:
        """Receive some dead letters; they are hidden until they are removed, put back or HOLD is over."""

    def send(self, bodies: Sequence[str]) -> list[bool]:
        """Put messages into the queue; return which were taken."""

    def remove(self, letters: Sequence[Letter]) -> None:
        """Delete letters that were taken."""

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Make letters that were taken visible again."""


class SqsLetterBox:
    """A dead-letter queue on SQS. ``queue_url`` is None for the letters of a stream.

    Letters go back to their queue, or to the one at ``back_to``.
    """

    def __init__(
        self, client: "SQSClient", queue_url: str | None, dead_letter_url: str, back_to: str | None = None
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._back_to = back_to or queue_url
        self._dead_letter_url = dead_letter_url

    def depth(self) -> Depth:
        """Ask SQS for the queue's counts."""
        return Depth(0, 0) if self._queue_url is None else self._count(self._queue_url)

    def dead_letters(self) -> int:
        """Ask SQS for the counts of the dead-letter queue."""
        depth = self._count(self._dead_letter_url)
        return depth.waiting + depth.in_flight

    def look(self) -> list[Letter]:
        """Receive a few times with a visibility time-out of 0."""
        seen: dict[str, Letter] = {}
        for _ in range(LOOKS):
            letters = self._receive(0)
            if not letters or all(letter.message_id in seen for letter in letters):
                break
            seen.update({letter.message_id: letter for letter in letters})
        return list(seen.values())

    def take(self) -> list[Letter]:
        """Receive once."""
        return self._receive(HOLD)

    def send(self, bodies: Sequence[str]) -> list[bool]:
        """Send as many as possible in one call."""
        return [taken for batch in batches_of(bodies) for taken in self._send_batch(batch)]

    def remove(self, letters: Sequence[Letter]) -> None:
        """Delete up to a batch. One that is not deleted shows up again: it is moved twice, not lost."""
        for batch in _batches(letters):
            self._client.delete_message_batch(
                QueueUrl=self._dead_letter_url,
                Entries=[{"Id": str(at), "ReceiptHandle": letter.receipt_handle} for at, letter in enumerate(batch)],
            )

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Set the visibility time-out to 0."""
        for batch in _batches(letters):
            self._client.change_message_visibility_batch(
                QueueUrl=self._dead_letter_url,
                Entries=[
                    {"Id": str(at), "ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": 0}
                    for at, letter in enumerate(batch)
                ],
            )

    def _send_batch(self, bodies: Sequence[str]) -> list[bool]:
        if self._back_to is None:
            raise ValueError("The letters of a stream have no queue to go back to")
        answer = self._client.send_message_batch(
            QueueUrl=self._back_to,
            Entries=[{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)],
        )
        taken = {entry["Id"] for entry in answer.get("Successful", [])}
        return [str(at) in taken for at in range(len(bodies))]

    def _count(self, url: str) -> Depth:
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes: dict[Any, str] = dict(
            self._client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        )
        return Depth(*(int(attributes[name]) for name in names))

    def _receive(self, hold: int) -> list[Letter]:
        answer: dict[str, Any] = dict(
            self._client.receive_message(
                QueueUrl=self._dead_letter_url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=hold,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        )
        return [_letter(message) for message in answer.get("Messages", [])]


def _batches(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    return (letters[start : start + BATCH] for start in range(0, len(letters), BATCH))


def _letter(message: dict[str, Any]) -> Letter:
    attributes = message["Attributes"]
    return Letter(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        int(attributes["ApproximateReceiveCount"]),
    )


def content_of(letter: Letter) -> dict[str, Any]:
    """Return the JSON object in the letter, empty if there is none."""
    try:
        content = json.loads(letter.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
