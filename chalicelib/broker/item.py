"""The DynamoDB item of an order, its sparse indexes, and how a timeline is packed into it."""

from dataclasses import fields
from datetime import timedelta
from typing import Any, ClassVar

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.broker.gaps import read_gaps, write_gaps
from chalicelib.broker.order import Cause, Order, OrderId, TimelineEntry
from chalicelib.core.dynamodb import DecimalAttribute, TimestampAttribute
from chalicelib.core.ids import shard_of
from chalicelib.core.lifecycle import FINAL, OrderStatus

SHARDS = 8
"""Keys over which each index spreads. One takes 1,000 writes a second, so together 8,000 changes a second."""

PENDING = "pending"
WORKING = "working"


def active_key(state: str, shard: int) -> str:
    """Return the key of the active index for a state, PENDING or WORKING, and a shard."""
    return f"{state}#{shard}"


class ActiveIndex(GlobalSecondaryIndex[Any]):
    """Sparse: orders that wait for the exchange or work there, by the time since when."""

    class Meta:
        """Names the index."""

        index_name = "active"
        projection = KeysOnlyProjection()

    active = UnicodeAttribute(hash_key=True)
    active_since = TimestampAttribute(range_key=True)


class ListingIndex(GlobalSecondaryIndex[Any]):
    """All orders by time."""

    class Meta:
        """Names the index."""

        index_name = "listing"
        projection = KeysOnlyProjection()

    shard = UnicodeAttribute(hash_key=True)
    created_at = TimestampAttribute(range_key=True)


class OrderItem(Model):
    """The item of an order. Attributes with nothing to say are absent: the item stays within 1 KB."""

    order_id = UnicodeAttribute(hash_key=True)
    version = NumberAttribute()
    created_at = TimestampAttribute()
    shard = UnicodeAttribute()
    active = UnicodeAttribute(null=True)
    active_since = TimestampAttribute(null=True)
    status = UnicodeAttribute()
    type = UnicodeAttribute()
    side = UnicodeAttribute()
    instrument = UnicodeAttribute()
    limit_price = DecimalAttribute(null=True)
    quantity = NumberAttribute()
    user = UnicodeAttribute(null=True)
    strategy = UnicodeAttribute(null=True)
    # Three bytes less, with which the longest history of a signal's order still fits.
    signal_id = UnicodeAttribute(null=True, attr_name="signal")
    after = UnicodeAttribute(null=True)
    placed_at = TimestampAttribute(null=True)
    cancel_requested_at = TimestampAttribute(null=True)
    reject_reason = UnicodeAttribute(null=True)
    cum_qty = NumberAttribute(null=True)
    avg_px = DecimalAttribute(null=True)
    # Short names: with them the longest history still fits.
    venue_seq = NumberAttribute(null=True, attr_name="vs")
    venue_gaps = UnicodeAttribute(null=True, attr_name="vg")
    venue_at = TimestampAttribute(null=True, attr_name="va")
    attempts = NumberAttribute(null=True)
    failures = NumberAttribute(null=True)
    lease_token = UnicodeAttribute(null=True)
    next_attempt_at = TimestampAttribute(null=True)
    in_doubt = BooleanAttribute(null=True)
    requeues = NumberAttribute(null=True)
    dead_lettered_at = TimestampAttribute(null=True)
    dead_letter_cause = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    timeline_count = NumberAttribute()

    active_index: ClassVar = ActiveIndex()
    listing_index: ClassVar = ListingIndex()


_PLAIN = [field.name for field in fields(Order) if field.name not in ("timeline", "status", "venue_gaps")]


def pack_order(order: Order) -> dict[str, Any]:
    """Return the item's attributes. What equals its default is left out."""
    shard = shard_of(order.order_id, SHARDS)
    attributes: dict[str, Any] = {name: getattr(order, name) or None for name in _PLAIN}
    return {
        **attributes,
        "status": order.status.value,
        "venue_gaps": write_gaps(order.venue_gaps) or None,
        "timeline": [_pack_entry(order, entry) for entry in order.timeline],
        "shard": str(shard),
        **_active_attributes(order, shard),
    }


def unpack_order(item: OrderItem) -> Order:
    """Return the order of an item."""
    present = {name: value for name in _PLAIN if (value := getattr(item, name)) is not None}
    present.setdefault("limit_price", None)
    present["order_id"] = OrderId(item.order_id)
    present["status"] = OrderStatus(item.status)
    present["venue_gaps"] = read_gaps(item.venue_gaps or "")
    if "dead_letter_cause" in present:
        present["dead_letter_cause"] = Cause(present["dead_letter_cause"])
    return Order(**present, timeline=tuple(_unpack_entry(item, packed) for packed in item.timeline))


def _active_attributes(order: Order, shard: int) -> dict[str, Any]:
    if order.status in FINAL:
        return {}
    if order.status is OrderStatus.PENDING_CANCEL:
        return {"active": active_key(PENDING, shard), "active_since": order.cancel_requested_at}
    if order.is_pending:
        return {"active": active_key(PENDING, shard), "active_since": order.created_at}
    return {"active": active_key(WORKING, shard), "active_since": order.placed_at}


# An entry is "<ms since created>|<cause>|<status>|<attempt>|<latency>": about 15 bytes instead of 120.
# The letters are part of what is stored and must never change their meaning.
_CAUSE_CODES = {
    Cause.ACCEPTED: "a",
    Cause.PLACED: "p",
    Cause.FOUND: "f",
    Cause.REFUSED: "r",
    Cause.UNAVAILABLE: "u",
    Cause.UNKNOWN: "k",
    Cause.LOST: "l",
    Cause.CANCEL_REQUESTED: "q",
    Cause.CANCELED: "c",
    Cause.CANCEL_REFUSED: "x",
    Cause.ACKNOWLEDGED: "o",
    Cause.PARTIALLY_FILLED: "h",
    Cause.FILLED: "i",
    Cause.EXPIRED: "e",
    Cause.DEAD_LETTERED: "d",
    Cause.REQUEUED: "w",
    Cause.DEFERRED: "t",
}
_STATUS_CODES = {
    OrderStatus.PENDING_NEW: "A",
    OrderStatus.NEW: "0",
    OrderStatus.PARTIALLY_FILLED: "1",
    OrderStatus.FILLED: "2",
    OrderStatus.CANCELED: "4",
    OrderStatus.PENDING_CANCEL: "6",
    OrderStatus.REJECTED: "8",
    OrderStatus.EXPIRED: "C",
}
"""The values of OrdStatus in FIX 4.4, tag 39."""
_CAUSES = {code: cause for cause, code in _CAUSE_CODES.items()}
_STATUSES = {code: status for status, code in _STATUS_CODES.items()}


def _pack_entry(order: Order, entry: TimelineEntry) -> str:
    offset = (entry.at - order.created_at) // timedelta(milliseconds=1)
    latency = "" if entry.latency_ms is None else str(entry.latency_ms)
    return f"{offset}|{_CAUSE_CODES[entry.cause]}|{_STATUS_CODES[entry.status]}|{entry.attempt or ''}|{latency}"


def _unpack_entry(item: OrderItem, packed: str) -> TimelineEntry:
    offset, cause, status, attempt, latency = packed.split("|")
    return TimelineEntry(
        at=item.created_at + timedelta(milliseconds=int(offset)),
        cause=_CAUSES[cause],
        status=_STATUSES[status],
        attempt=int(attempt or 0),
        latency_ms=int(latency) if latency else None,
    )
