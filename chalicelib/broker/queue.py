"""The placements queue: one message for each order that waits for the exchange."""

import json
from collections.abc import Sequence
from typing import Protocol

from chalicelib.broker.order import OrderId
from chalicelib.core.ids import is_id
from chalicelib.core.sqs import SqsQueue


class InvalidMessageError(Exception):
    """Raised when a message names no order: nothing of ours wrote it."""


class PlacementQueue(Protocol):
    """Where orders wait for the worker."""

    def send(self, order_ids: Sequence[OrderId], delay: int = 0) -> None:
        """Put the orders into the queue, hidden for so many seconds. Raises NotTakenError unless all of them are in."""

    def change_visibility(self, delays: dict[str, int]) -> None:
        """Make messages, named by receipt handle, visible again after so many seconds."""


class SqsPlacementQueue(SqsQueue):
    """The queue on SQS."""

    def send(self, order_ids: Sequence[OrderId], delay: int = 0) -> None:
        """Send one message for each order. Raises NotTakenError unless all are in the queue."""
        self.send_bodies([write_body(order_id) for order_id in order_ids], delay)


def write_body(order_id: OrderId, redrives: int = 0) -> str:
    """Return a message body. ``redrives`` counts how often the sweep took it back from the dead letters."""
    content: dict[str, str | int] = {"order_id": order_id}
    if redrives:
        content["redrives"] = redrives
    return json.dumps(content)


def about_order(body: str) -> dict[str, str]:
    """Return the order that a message names, for its log line. Raises InvalidMessageError."""
    return {"order_id": read_body(body)[0]}


def read_body(body: str) -> tuple[OrderId, int]:
    """Return the order and the redrives that a message names.

    Raises:
        InvalidMessageError: if it names no order.
    """
    try:
        content = json.loads(body)
        order_id, redrives = str(content["order_id"]), int(content.get("redrives", 0))
    except (ValueError, ArithmeticError, RecursionError, TypeError, KeyError, AttributeError):
        raise InvalidMessageError("The message names no order.") from None
    if not is_id(order_id):
        raise InvalidMessageError("The message names no order.")
    return OrderId(order_id), redrives
