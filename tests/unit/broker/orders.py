"""Orders for tests: one by hand, and all that there can be by Hypothesis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from chalicelib.broker.order import TIMELINE_LENGTH, Cause, Order, OrderId, Side, TimelineEntry
from chalicelib.broker.placement import accept
from chalicelib.broker.service import SignalTerms, signal_order
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.fakes.clock import START

ISIN = "DE0007664039"


def new_order(created_at: datetime = START, order_id: str | None = None, **changes: Any) -> Order:
    """Return an order as it is accepted."""
    order = Order(
        order_id=OrderId(order_id or str(uuid4())),
        created_at=created_at,
        type="limit",
        side="buy",
        instrument=ISIN,
        limit_price=Decimal("10.25"),
        quantity=3,
    )
    return accept(replace(order, **changes))


def new_signal_order(created_at: datetime = START, after: OrderId | None = None) -> Order:
    """Return an order of a signal as it is accepted: one that closes a position, if it comes after another."""
    side: Side = "sell" if after else "buy"
    terms = SignalTerms("user-of-20-character", "strategy-of-", str(uuid4()), side, "SYMBOL-10C", 1, after)
    return signal_order(OrderId(str(uuid4())), created_at, terms)


def add_steps(order: Order, steps: int, status: OrderStatus | None = None) -> Order:
    """Return the order with so many more entries, each with its own number in place of an attempt."""
    status = status or order.status
    numbers = range(order.timeline_count, order.timeline_count + steps)
    new = [TimelineEntry(order.created_at, Cause.UNAVAILABLE, status, number) for number in numbers]
    timeline = (*order.timeline, *new)[-TIMELINE_LENGTH:]
    return replace(order, status=status, timeline=timeline, timeline_count=order.timeline_count + steps)


_moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it adds the zone
_counts = st.integers(0, 10**6)
_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
_prices = st.decimals(Decimal("0.01"), 10**12, places=2)
_gaps = st.lists(st.integers(1, 10**6), max_size=6, unique=True).map(
    lambda ends: tuple(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)


@st.composite
def any_order(draw: st.DrawFn) -> Order:
    """Draw an order with every field that a store has to keep."""
    created_at = draw(_moments)
    status = draw(st.sampled_from(OrderStatus))
    working = status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
    quantity = draw(st.integers(1, 10**9))
    return Order(
        order_id=OrderId(str(draw(st.uuids(version=4)))),
        created_at=created_at,
        type=draw(st.sampled_from(["market", "limit"])),
        side=draw(st.sampled_from(["buy", "sell"])),
        instrument=draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)),
        limit_price=draw(st.none() | _prices),
        quantity=quantity,
        status=status,
        version=draw(st.integers(1, 10**6)),
        user=draw(st.none() | _texts),
        strategy=draw(st.none() | _texts),
        signal_id=draw(st.none() | _texts),
        after=draw(st.none() | st.uuids(version=4).map(lambda each: OrderId(str(each)))),
        placed_at=draw(_moments if working else st.none() | _moments),
        cancel_requested_at=draw(_moments if status is OrderStatus.PENDING_CANCEL else st.none() | _moments),
        reject_reason=draw(st.none() | _texts),
        cum_qty=draw(st.integers(0, quantity)),
        avg_px=draw(st.none() | _prices),
        venue_seq=draw(_counts),
        venue_gaps=draw(_gaps),
        venue_at=draw(st.none() | _moments),
        attempts=draw(_counts),
        failures=draw(_counts),
        lease_token=draw(st.none() | st.uuids().map(str)),
        next_attempt_at=draw(st.none() | _moments),
        in_doubt=draw(st.booleans()),
        requeues=draw(_counts),
        dead_lettered_at=draw(st.none() | _moments),
        dead_letter_cause=draw(st.none() | st.sampled_from(Cause)),
        timeline=tuple(draw(st.lists(_entries(created_at), min_size=1, max_size=TIMELINE_LENGTH))),
        timeline_count=draw(st.integers(1, 10**6)),
    )


def _entries(created_at: datetime) -> st.SearchStrategy[TimelineEntry]:
    return st.builds(
        TimelineEntry,
        at=st.integers(0, 10**11).map(lambda milliseconds: created_at + timedelta(milliseconds=milliseconds)),
        cause=st.sampled_from(Cause),
        status=st.sampled_from(OrderStatus),
        attempt=_counts,
        latency_ms=st.none() | _counts,
    )
