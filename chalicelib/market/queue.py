"""Artworks whose matching failed: they wait in a queue of their own and do not hold up the others."""

import json
from collections.abc import Sequence

from chalicelib.core.batches import Again, Done, Message
from chalicelib.core.sqs import SqsQueue
from chalicelib.market.matching import ContendedBookError, Matcher, match_artwork
from chalicelib.market.order import ArtworkId

CONTENDED_DELAY = 1.0


class InvalidMessageError(Exception):
    """Raised when a message names no artwork: nothing of ours wrote it."""


class RetryQueue(SqsQueue):
    """The queue ``match-retries`` on SQS."""

    def send(self, artwork_ids: Sequence[ArtworkId]) -> None:
        """Send one message for each artwork. Raises NotTakenError unless all are in the queue."""
        self.send_bodies([json.dumps({"artwork_id": artwork_id}) for artwork_id in artwork_ids])


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


def about_artwork(body: str) -> dict[str, int]:
    """Return the artwork that a message names, for its log line. Raises InvalidMessageError."""
    return {"artwork_id": _read_artwork(body)}


def _read_artwork(body: str) -> ArtworkId:
    try:
        artwork_id = json.loads(body)["artwork_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidMessageError("The message names no artwork.") from None
    if type(artwork_id) is not int:
        raise InvalidMessageError("The message names no artwork.")
    return ArtworkId(artwork_id)
