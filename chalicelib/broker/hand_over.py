"""The hand-over: from the stream of the orders' table to the placements queue. The outbox without a second write."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.broker.order import OrderId
from chalicelib.broker.queue import PlacementQueue
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import log_event


def hand_over(records: Iterable[Mapping[str, Any]], queue: PlacementQueue) -> None:
    """Queue the orders of a stream batch that wait for the exchange.

    Raises:
        NotTakenError: if one was not taken; the stream then delivers the whole batch again, which is harmless.
    """
    meter = Meter()
    orders = dict.fromkeys(order_id for record in records if (order_id := _waiting_order(record)))
    queue.send(list(orders))
    log_event("handed over", order_ids=list(orders), **meter.fields())


def _waiting_order(record: Mapping[str, Any]) -> OrderId | None:
    """Return the order of a record that asks for a worker: a new one, or one that turned PENDING_CANCEL.

    The event source filters the same way; this holds where a filter is not applied.
    """
    change = record["dynamodb"]
    status = _status(change, "NewImage")
    if record["eventName"] == "INSERT" and status == OrderStatus.PENDING_NEW:
        return OrderId(change["Keys"]["order_id"]["S"])
    turned = status == OrderStatus.PENDING_CANCEL and _status(change, "OldImage") != OrderStatus.PENDING_CANCEL
    if record["eventName"] == "MODIFY" and turned:
        return OrderId(change["Keys"]["order_id"]["S"])
    return None


def _status(change: Mapping[str, Any], image: str) -> str | None:
    status: str | None = change.get(image, {}).get("status", {}).get("S")
    return status
