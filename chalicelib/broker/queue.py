"""The placements queue: one message for each order that waits for the exchange."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.broker.order import OrderId
from chalicelib.core.ids import is_id

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
"""SQS takes no more entries in one batch call."""


class HandOverError(Exception):
    """Raised when not every order got into the queue. Sending all of them again is safe."""


class InvalidMessageError(Exception):
    """Raised when a message names no order: nothing of ours wrote it."""


class PlacementQueue(Protocol):
    """Where orders wait for the worker."""

    def send(self, order_ids: Sequence[OrderId]) -> None:
        """Put the orders into the queue. Raises HandOverError unless all of them are in."""

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Make messages, named by receipt handle, visible again after so many seconds."""


class SqsPlacementQueue:
    """The queue on SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, order_ids: Sequence[OrderId]) -> None:
        """Send in batches; stop at the first batch that is not taken whole."""
        for start in range(0, len(order_ids), BATCH):
            batch = order_ids[start : start + BATCH]
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(at), "MessageBody": write_body(order_id)} for at, order_id in enumerate(batch)],
            )
            if failed := answer.get("Failed"):
                raise HandOverError(f"{len(failed)} of {len(batch)} messages not taken: {failed[0].get('Code')}")

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Change up to a batch of messages in one call. Raises HandOverError if one was not changed."""
        answer = self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for at, (handle, seconds) in enumerate(delays.items())
            ],
        )
        if failed := answer.get("Failed"):
            raise HandOverError(f"Visibility of {len(failed)} messages not changed: {failed[0].get('Code')}")


def write_body(order_id: OrderId, redrives: int = 0) -> str:
    """Return a message body. ``redrives`` counts how often the sweep took it back from the dead letters."""
    content: dict[str, str | int] = {"order_id": order_id}
    if redrives:
        content["redrives"] = redrives
    return json.dumps(content)


def read_body(body: str) -> tuple[OrderId, int]:
    """Return the order and the redrives that a message names.

    Raises:
        InvalidMessageError: if it names no order.
    """
    try:
        content = json.loads(body)
        order_id, redrives = str(content["order_id"]), int(content.get("redrives", 0))
    except (ValueError, ArithmeticError, RecursionError, TypeError, KeyError, AttributeError):
        raise InvalidMessageError(body[:200]) from None
    if not is_id(order_id):
        raise InvalidMessageError(body[:200])
    return OrderId(order_id), redrives
