"""The given stock exchange: slow, unreliable, and without any idea of idempotency."""

import random
import time
from typing import Any


class OrderPlacementError(Exception):
    """Raised when the order could not be placed: the exchange took nothing."""


def place_order(order: Any, *, failure_rate: float = 0.1, latency: float = 0.5) -> None:
    """Place the order: fails at once with the given probability, else blocks for ``latency`` seconds.

    Raises:
        ValueError: if there is no order.
        OrderPlacementError: if the exchange cannot be reached.
    """
    if not order:
        raise ValueError("Required order parameter not provided")
    if random.random() >= 1 - failure_rate:  # noqa: S311 - a simulated fault, no secret
        raise OrderPlacementError("Failed to place order at stock exchange. Connection not available")
    time.sleep(latency)
