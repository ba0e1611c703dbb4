"""Artworks whose matching failed: they wait in a queue of their own and do not hold up the others."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.core.batches import Again, Done, Message
from chalicelib.market.matching import ContendedBookError, Matcher, match_artwork
from chalicelib.market.order import ArtworkId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
CONTENDED_DELAY = 1.0


class RetryError(Exception):
    """Raised when not every artwork got into the queue."""


class InvalidMessageError(Exception):
    """Raised when a message names no artwork: nothing of ours wrote it."""


class RetryQueue:
    """The queue ``match-retries`` on SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, artwork_ids: Sequence[ArtworkId]) -> None:
        """Queue the artworks. Raises RetryError unless all of them are in."""
        for start in range(0, len(artwork_ids), BATCH):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(at), "MessageBody": json.dumps({"artwork_id": artwork_id})}
                    for at, artwork_id in enumerate(artwork_ids[start : start + BATCH])
                ],
            )
            if failed := answer.get("Failed"):
                raise RetryError(f"{len(failed)} messages not taken: {failed[0].get('Code')}")

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Make messages, named by receipt handle, visible again after so many seconds."""
        answer = self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for at, (handle, seconds) in enumerate(delays.items())
            ],
        )
        if failed := answer.get("Failed"):
            raise RetryError(f"Visibility of {len(failed)} messages not changed: {failed[0].get('Code')}")


def retry_match(matcher: Matcher, message: Message) -> Done | Again:
    """Match the message's artwork again.

    Raises:
        InvalidMessageError: if the message names no artwork.
    """
    artwork_id = _read_artwork(message.body)
    try:
        made = match_artwork(matcher, artwork_id)
    except ContendedBookError:
        return Again("contended", CONTENDED_DELAY)
    return Done(f"{made} trades")


def _read_artwork(body: str) -> ArtworkId:
    try:
        artwork_id = json.loads(body)["artwork_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidMessageError(body[:200]) from None
    if type(artwork_id) is not int:
        raise InvalidMessageError(body[:200])
    return ArtworkId(artwork_id)
