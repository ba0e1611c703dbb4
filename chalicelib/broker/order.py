"""The order as the broker knows it: a value that only placement.py and execution.py change. Standard library only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NewType

from chalicelib.broker.gaps import Gaps
from chalicelib.core.lifecycle import PENDING, OrderStatus

OrderId = NewType("OrderId", str)
OrderType = Literal["market", "limit"]
Side = Literal["buy", "sell"]

TIMELINE_LENGTH = 20
"""Entries that an order keeps. With them it stays within 1 KB, so that each of its writes costs 1 unit."""


class Cause(StrEnum):
    """Why a timeline entry was written."""

    ACCEPTED = "accepted"
    PLACED = "placed"
    FOUND = "found"
    """The exchange knew the order from an attempt whose answer was lost."""
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    """The exchange took nothing: safe to send again."""
    UNKNOWN = "unknown"
    """No answer: it may or may not have arrived."""
    LOST = "lost"
    """A worker took the order and never told what came of it."""
    CANCEL_REQUESTED = "cancel_requested"
    CANCELED = "canceled"
    CANCEL_REFUSED = "cancel_refused"
    ACKNOWLEDGED = "acknowledged"
    """A report told that the exchange has the order, before the answer to the attempt was recorded."""
    PARTIALLY_FILLED = "partially_filled"
    """A run of partial fills is one entry, however many."""
    FILLED = "filled"
    EXPIRED = "expired"
    DEAD_LETTERED = "dead_lettered"
    REQUEUED = "requeued"
    """The sweep found that it waited too long and queued it again."""
    DEFERRED = "deferred"
    """The order that it comes after is not at the exchange yet. A wait is one entry, however long."""


@dataclass(frozen=True)
class TimelineEntry:
    """One transition or attempt. ``attempt`` is 0 for what was no attempt; ``latency_ms`` is the exchange's."""

    at: datetime
    cause: Cause
    status: OrderStatus
    attempt: int = 0
    latency_ms: int | None = None


@dataclass(frozen=True)
class Order:
    """One order. ``version`` counts its writes: every change is conditional on the version it read."""

    order_id: OrderId
    created_at: datetime
    type: OrderType
    side: Side
    instrument: str
    limit_price: Decimal | None
    quantity: int
    status: OrderStatus = OrderStatus.PENDING_NEW
    version: int = 1

    user: str | None = None
    strategy: str | None = None
    signal_id: str | None = None
    """The signal that ordered it, by its strategy, for this user. Orders of clients have none of the three."""
    after: OrderId | None = None
    """A closing order names the one that opened the position: it is placed only once that one is NEW or final."""

    placed_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    reject_reason: str | None = None
    cum_qty: int = 0
    avg_px: Decimal | None = None

    venue_seq: int = 0
    """The highest of the exchange's reports about this order that was applied, 0 if none was."""
    venue_gaps: Gaps = ()
    """The reports below it that never came."""
    venue_at: datetime | None = None
    """When the exchange made the newest report that was applied."""

    attempts: int = 0
    """Times that a worker took the order to the exchange."""
    failures: int = 0
    """Attempts without an answer since the last progress: the exponent of the backoff."""
    lease_token: str | None = None
    """The worker that has the order, or had it when it died."""
    next_attempt_at: datetime | None = None
    """End of the lease while claimed, else of the backoff."""
    in_doubt: bool = False
    """An earlier attempt had no answer: the exchange may have the order."""
    requeues: int = 0
    """Times that the sweep had to queue it since the last attempt."""
    dead_lettered_at: datetime | None = None
    dead_letter_cause: Cause | None = None

    timeline: tuple[TimelineEntry, ...] = ()
    timeline_count: int = 0
    """Entries ever written, of which the timeline holds the last."""

    @property
    def is_pending(self) -> bool:
        """Whether an answer of the exchange is still owed."""
        return self.status in PENDING

    @property
    def leaves_qty(self) -> int:
        """Quantity that may still be filled: 0 once the order is final (FIX tag 151)."""
        live = self.is_pending or self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        return self.quantity - self.cum_qty if live else 0
