"""Queues on SQS, and the functions' client for them."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


BATCH = 10
"""SQS takes no more entries in one batch call."""
MAX_BATCH_BYTES = 240_000
"""Bytes of the messages in one batch call: below what SQS ever took."""
MAX_SEND_DELAY = 900
"""Seconds; SQS takes no more in SendMessage."""


class NotTakenError(Exception):
    """Raised when SQS did not take all that it was told. Telling it everything again is safe."""


class SqsQueue:
    """A queue that is written to in batches."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send_bodies(self, bodies: Sequence[str], delay: int = 0) -> None:
        """Send in batches, hidden for ``delay`` seconds; stop at the first batch that is not taken whole.

        Raises:
            NotTakenError: unless all messages are in the queue.
        """
        for batch in batches_of(bodies):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(at), "MessageBody": body, "DelaySeconds": delay} for at, body in enumerate(batch)],
            )
            if failed := answer.get("Failed"):
                raise NotTakenError(f"{len(failed)} of {len(batch)} messages not taken: {failed[0].get('Code')}")

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Make up to a batch of messages, named by receipt handle, visible again after so many seconds.

        Raises:
            NotTakenError: if one was not changed.
        """
        answer = self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for at, (handle, seconds) in enumerate(delays.items())
            ],
        )
        if failed := answer.get("Failed"):
            raise NotTakenError(f"Visibility of {len(failed)} messages not changed: {failed[0].get('Code')}")


def batches_of(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Yield the messages in order, as many at a time as one batch call takes."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


@cache
def sqs_client() -> "SQSClient":
    """Return the process's SQS client. Endpoint, region and credentials come from the environment."""
    config = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
    # Not by boto3: it takes as long to import as a twelfth of everything else, for what is one call of botocore.
    return cast("SQSClient", get_session().create_client("sqs", config=config))
