"""How an order changes: each transition and attempt leaves an entry, of which the last are kept. Pure."""

from dataclasses import replace
from datetime import datetime

from chalicelib.broker.order import TIMELINE_LENGTH, Cause, Order, TimelineEntry
from chalicelib.core.lifecycle import OrderStatus, check_transition

MAX_REASON = 160
"""Bytes that an order keeps of the exchange's reason."""


def add_entry(order: Order, at: datetime, cause: Cause, attempt: int = 0, latency_ms: int | None = None) -> Order:
    """Return the order, as it stands, with one more entry."""
    entry = TimelineEntry(at, cause, order.status, attempt, latency_ms)
    return replace(
        order,
        timeline=(*order.timeline, entry)[-TIMELINE_LENGTH:],
        timeline_count=order.timeline_count + 1,
    )


def add_to_run(order: Order, at: datetime, cause: Cause) -> Order:
    """Return the order with an entry, unless its last one has the same cause: a run is one, and pushes no other out."""
    if order.timeline and order.timeline[-1].cause is cause:
        return order
    return add_entry(order, at, cause)


def move(
    order: Order, status: OrderStatus, at: datetime, cause: Cause, attempt: int = 0, latency_ms: int | None = None
) -> Order:
    """Return the order in another status, with the entry that tells why.

    Raises:
        IllegalTransitionError: if an order cannot go there from where it stands.
    """
    moved = replace(order, status=check_transition(order.status, status))
    return add_entry(moved, at, cause, attempt, latency_ms)


def cut_reason(reason: str) -> str:
    """Return the reason cut to its limit in UTF-8, with "?" for what UTF-8 cannot write."""
    return reason.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")
