"""What each step of an order's way costs, in write units as the emulator counts them, which is as AWS does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chalicelib.broker.execution import fold
from chalicelib.broker.models import OrderRequest
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import (
    Answer,
    Outcome,
    Policy,
    Purpose,
    claim,
    defer,
    record_outcome,
    request_cancel,
    requeue,
)
from chalicelib.broker.service import submit_order
from chalicelib.broker.store import DynamoOrderStore
from chalicelib.core.ids import new_id
from chalicelib.core.lifecycle import OrderStatus
from infra import capacity
from tests.e2e.stack import Stack
from tests.e2e.tables import capacity_of, table_like
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import new_signal_order

pytestmark = pytest.mark.embedded_only("LocalStack counts 1 write unit for each transacted item, and none for indexes")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)
REQUEST = OrderRequest(type="limit", side="sell", instrument="DE0007664039", limit_price=Decimal("10.50"), quantity=5)


@pytest.fixture
def store(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoOrderStore]:
    """A table with the schema of the deployed one and no worker behind it."""
    with table_like("BrokerOrders", stack, monkeypatch) as name:
        yield DynamoOrderStore(name)


def _attempt(store: DynamoOrderStore, order: Order, answer: Answer, purpose: Purpose = Purpose.PLACE) -> Order:
    claimed = store.save(claim(order, "token", NOW, POLICY))
    outcome = Outcome(purpose, answer, latency_ms=123)
    return store.save(record_outcome(claimed, "token", outcome, NOW, last_chance=False, jitter=0.5))


def test_accepting_and_placing_cost(store: DynamoOrderStore) -> None:
    with capacity_of(store._items) as writes:
        order = submit_order(store, REQUEST, None, lambda: NOW).order
    assert writes.units == capacity.ACCEPT.write

    with capacity_of(store._items) as more:
        _attempt(store, order, Answer.WORKING)
    assert more.units == capacity.PLACE.write


def test_an_attempt_that_fails_costs(store: DynamoOrderStore) -> None:
    order = submit_order(store, REQUEST, None, lambda: NOW).order

    with capacity_of(store._items) as writes:
        _attempt(store, order, Answer.UNAVAILABLE)

    assert writes.units == capacity.FAILED_ATTEMPT.write


def test_a_refusal_costs(store: DynamoOrderStore) -> None:
    order = submit_order(store, REQUEST, None, lambda: NOW).order

    with capacity_of(store._items) as writes:
        _attempt(store, order, Answer.REJECTED)

    assert writes.units == capacity.REFUSED_BY_EXCHANGE.write


def test_canceling_what_was_never_sent_costs(store: DynamoOrderStore) -> None:
    order = submit_order(store, REQUEST, None, lambda: NOW).order

    with capacity_of(store._items) as writes:
        store.save(request_cancel(order, NOW, can_cancel=True))

    assert writes.units == capacity.CANCEL_UNSENT.write


def test_canceling_at_the_exchange_costs(store: DynamoOrderStore) -> None:
    order = _attempt(store, submit_order(store, REQUEST, None, lambda: NOW).order, Answer.WORKING)

    with capacity_of(store._items) as writes:
        asked = store.save(request_cancel(order, NOW + timedelta(seconds=1), can_cancel=True))
        _attempt(store, asked, Answer.CANCELED, Purpose.CANCEL)

    assert writes.units == capacity.CANCEL_AT_EXCHANGE.write


def test_reports_cost_by_the_order_and_batch(store: DynamoOrderStore) -> None:
    order = _attempt(store, submit_order(store, REQUEST, None, lambda: NOW).order, Answer.WORKING)
    partial = [report_of(order, seq, OrderStatus.PARTIALLY_FILLED, seq - 1) for seq in (2, 3, 4)]

    with capacity_of(store._items) as writes:
        order = store.save(fold(order, partial, NOW).order)
    assert writes.units == capacity.APPLY_REPORTS.write

    with capacity_of(store._items) as last:
        store.save(fold(order, [report_of(order, 5, OrderStatus.FILLED, order.quantity)], NOW).order)
    assert last.units == capacity.APPLY_LAST_REPORT.write


def test_an_order_that_comes_after_another_costs_1_for_each_time_that_it_is_put_off(store: DynamoOrderStore) -> None:
    order = new_signal_order(NOW, after=OrderId(new_id()))
    store.create(order)

    with capacity_of(store._items) as writes:
        order = store.save(defer(order, NOW + timedelta(seconds=1), NOW))
        store.save(defer(order, NOW + timedelta(seconds=901), NOW + timedelta(seconds=1)))

    assert (writes.units, writes.calls) == (2, 2)


def test_the_fullest_order_still_costs_1_for_each_write(store: DynamoOrderStore) -> None:
    full = submit_order(store, REQUEST, None, lambda: NOW).order
    full = replace(
        full, instrument="W" * 64, attempts=10**6, requeues=9, in_doubt=True, cum_qty=4, avg_px=Decimal("10.49")
    )
    last = NOW + timedelta(days=365)
    for _ in range(30):
        full = requeue(full, last)
    full = replace(full, lease_token="0" * 36, placed_at=last, dead_lettered_at=last)

    with capacity_of(store._items) as writes:
        store.save(replace(full, timeline_count=10**6))

    assert writes.units == 1
