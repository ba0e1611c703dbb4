"""The store contract, on the fake and on DynamoDB; and how answers of DynamoDB that get lost are met."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.broker.execution import fold
from chalicelib.broker.order import TIMELINE_LENGTH, Order, OrderId
from chalicelib.broker.placement import Answer, Outcome, Purpose, claim, record_outcome, request_cancel
from chalicelib.broker.store import DynamoOrderStore, OrderStore, StaleOrderError
from chalicelib.broker.timeline import MAX_REASON
from chalicelib.core.ids import new_id
from chalicelib.core.lifecycle import OrderStatus
from tests.client_calls import noted_calls
from tests.client_faults import ClientFaults
from tests.moto_stack import dynamodb
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.broker.item_size import item_size
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import new_order, new_signal_order
from tests.unit.broker.store_contract import POLICY, OrderStoreContract, all_pending, at, place_of, stored

PUT = "dynamodb.PutItem"


class TestMemoryOrderStore(OrderStoreContract):
    @pytest.fixture
    def store(self) -> OrderStore:
        return MemoryOrderStore()


class TestDynamoOrderStore(OrderStoreContract):
    @pytest.fixture
    def store(self, aws: dict[str, str]) -> OrderStore:
        return DynamoOrderStore(aws["BROKER_ORDERS_TABLE"])


@pytest.fixture
def store(aws: dict[str, str]) -> DynamoOrderStore:
    return DynamoOrderStore(aws["BROKER_ORDERS_TABLE"])


@pytest.fixture
def table(aws: dict[str, str]) -> str:
    return aws["BROKER_ORDERS_TABLE"]


def read_item(table: str, order: Order) -> dict[str, dict[str, Any]]:
    answer: dict[str, Any] = dict(dynamodb().get_item(TableName=table, Key={"order_id": {"S": order.order_id}}))
    item: dict[str, dict[str, Any]] = answer["Item"]
    return item


def test_create_whose_answer_is_lost_is_done(store: DynamoOrderStore, client_faults: ClientFaults) -> None:
    order = new_order()
    client_faults.loses_answer(PUT)
    store.create(order)
    assert store.get(order.order_id) == order
    assert client_faults.calls.count(PUT) == 2


def test_create_that_never_arrived_is_repeated(store: DynamoOrderStore, client_faults: ClientFaults) -> None:
    order = new_order()
    client_faults.never_arrives(PUT)
    store.create(order)
    assert store.get(order.order_id) == order


def test_create_whose_every_answer_is_lost_raises(store: DynamoOrderStore, client_faults: ClientFaults) -> None:
    client_faults.loses_answer(PUT, times=3)
    with pytest.raises(PutError):
        store.create(new_order())
    assert client_faults.calls.count(PUT) == 3


def test_save_whose_answer_is_lost_is_done(store: DynamoOrderStore, client_faults: ClientFaults) -> None:
    (order,) = stored(store, at(0))
    client_faults.loses_answer(PUT)
    saved = store.save(claim(order, new_id(), at(1), POLICY))
    assert store.get(order.order_id) == saved


def test_save_that_never_arrives_raises_and_changes_nothing(
    store: DynamoOrderStore, client_faults: ClientFaults
) -> None:
    (order,) = stored(store, at(0))
    client_faults.never_arrives(PUT, times=3)
    with pytest.raises(PutError):
        store.save(claim(order, new_id(), at(1), POLICY))
    assert store.get(order.order_id) == order


def test_save_whose_answer_is_lost_is_stale_when_somebody_changed_the_order_before_the_retry(
    store: DynamoOrderStore, client_faults: ClientFaults
) -> None:
    (order,) = stored(store, at(0))
    change = claim(order, "first", at(1), POLICY)

    def take_over() -> None:
        found = store.get(order.order_id)
        assert found is not None
        store.save(claim(found, "second", at(40), POLICY))

    client_faults.loses_answer(PUT, then=take_over)
    with pytest.raises(StaleOrderError):
        store.save(change)


class TestJoin:
    def commit(self, store: DynamoOrderStore, *orders: Order) -> None:
        with TransactWrite(connection=store._items._get_connection().connection) as write:
            for order in orders:
                store.join(write, order)

    def test_joined_order_is_stored_as_created_ones_are(self, store: DynamoOrderStore, table: str) -> None:
        joined = new_signal_order(after=OrderId(new_id()))
        created = replace(joined, order_id=OrderId(new_id()))
        self.commit(store, joined)
        store.create(created)
        assert store.get(joined.order_id) == joined
        assert set(read_item(table, joined)) == set(read_item(table, created))
        assert place_of(joined) in all_pending(store)

    def test_nothing_is_stored_before_the_caller_commits(self, store: DynamoOrderStore) -> None:
        order = new_signal_order()
        store.join(TransactWrite(connection=store._items._get_connection().connection), order)
        assert store.get(order.order_id) is None

    def test_second_order_with_the_same_id_is_refused_with_all_the_others(self, store: DynamoOrderStore) -> None:
        first = new_signal_order()
        self.commit(store, first)
        taken = store.save(claim(first, "token", at(1), POLICY))
        another = new_signal_order()
        with pytest.raises(TransactWriteError) as raised:
            self.commit(store, another, new_order(order_id=first.order_id))
        reasons = [reason and reason.code for reason in raised.value.cancellation_reasons]
        assert reasons == [None, "ConditionalCheckFailed"]
        assert (store.get(first.order_id), store.get(another.order_id)) == (taken, None)


@pytest.mark.parametrize("consistent", [False, True])
def test_get_many_reads_as_it_is_told(store: DynamoOrderStore, consistent: bool) -> None:
    (order,) = stored(store, at(0))
    with noted_calls(store._items._get_connection().connection.client, "dynamodb.BatchGetItem") as calls:
        store.get_many([order.order_id], consistent=consistent)
    tables = [table for call in calls for table in call["RequestItems"].values()]
    assert [table.get("ConsistentRead", False) for table in tables] == [consistent]


def test_attributes_with_nothing_to_say_are_absent(store: DynamoOrderStore, table: str) -> None:
    (order,) = stored(store, at(0))
    assert set(read_item(table, order)) == {
        *("order_id", "version", "created_at", "shard", "active", "active_since", "status"),
        *("type", "side", "instrument", "limit_price", "quantity", "timeline", "timeline_count"),
    }


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.FILLED])
def test_final_item_has_no_key_of_the_active_index(store: DynamoOrderStore, table: str, status: OrderStatus) -> None:
    (order,) = stored(store, at(0))
    final = store.save(replace(order, status=status))
    assert not {"active", "active_since"} & set(read_item(table, final))


def test_price_is_stored_as_an_exact_number(store: DynamoOrderStore, table: str) -> None:
    (order,) = stored(store, at(0))
    assert read_item(table, order)["limit_price"] == {"N": "10.25"}


LONGEST = new_order(instrument="~" * 12, quantity=10**9, limit_price="999999999999.99", type="market", side="sell")


def longest_history(reason: str, order: Order = LONGEST) -> list[Order]:
    """Return the order with the longest fields at each stage of a placement that fails for weeks, then is refused."""
    stages, now = [order], order.created_at
    for attempt in range(TIMELINE_LENGTH + 10):
        now += timedelta(days=1, milliseconds=1)
        token = new_id()
        order = claim(replace(order, attempts=10_000 + attempt, version=30_000 + attempt), token, now, POLICY)
        stages.append(order)
        now += timedelta(seconds=3)
        last = attempt > TIMELINE_LENGTH
        outcome = Outcome(Purpose.PLACE, Answer.UNKNOWN, 30_000)
        order = record_outcome(order, token, outcome, now, last_chance=last, jitter=0.5)
        stages.append(order)
    token = new_id()
    order = claim(order, token, now, POLICY)
    refused = Outcome(Purpose.PLACE, Answer.REJECTED, 30_000, reason)
    return [*stages, record_outcome(order, token, refused, now, last_chance=False, jitter=0.5)]


def with_reports(order: Order) -> Iterator[Order]:
    """Yield the working order with the longest fields at each stage of reports of which many are missing."""
    now = order.created_at + timedelta(days=29)
    token = new_id()
    order = claim(replace(order, attempts=10_000, quantity=10**9), token, now, POLICY)
    order = record_outcome(
        order, token, Outcome(Purpose.PLACE, Answer.WORKING, 30_000), now, last_chance=False, jitter=0
    )
    price = Decimal("999999999999.123456")
    for order_seq in (2, 5, 9, 13, 17, 10**9 + 1, 10**9 + 4, 10**9 + 8):
        report = report_of(order, order_seq, OrderStatus.PARTIALLY_FILLED, 10**9 - 1, avg_px=price, at=now)
        order = fold(order, [report], now + timedelta(microseconds=1)).order
        assert order.venue_seq == order_seq
        yield order
    if order.signal_id is None:
        order = request_cancel(order, now, can_cancel=True)
        for _ in range(2):
            order = claim(order, token, now, POLICY)
            yield order
            outcome = Outcome(Purpose.CANCEL, Answer.UNKNOWN, 30_000)
            order = record_outcome(order, token, outcome, now, last_chance=True, jitter=0.5)
            yield order
    for status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        yield fold(order, [report_of(order, 2 * 10**9, status, 10**9 - 1, avg_px=price, at=now)], now).order


def sizes_of(stages: list[Order], store: DynamoOrderStore, table: str) -> dict[tuple[OrderStatus, bool], int]:
    """Return the greatest size of the orders as stored, by status and whether a worker has it."""
    sizes: dict[tuple[OrderStatus, bool], int] = {}
    for stage in stages:
        order = replace(stage, order_id=OrderId(new_id()))
        store.create(order)
        kind = order.status, order.lease_token is not None
        sizes[kind] = max(sizes.get(kind, 0), item_size(read_item(table, order)))
    return sizes


@pytest.mark.parametrize("reason", ["r" * 300, "é" * 300, "€" * 300, "😀" * 300])
def test_longest_order_fits_into_one_write_unit(store: DynamoOrderStore, table: str, reason: str) -> None:
    sizes = sizes_of(longest_history(reason), store, table)
    assert max(sizes.values()) <= 1024, sizes


def test_order_of_a_signal_fits_into_one_write_unit(store: DynamoOrderStore, table: str) -> None:
    sizes = sizes_of(longest_history("r" * 300, new_signal_order(after=OrderId(new_id()))), store, table)
    assert max(sizes.values()) <= 1024, sizes


@pytest.mark.parametrize("order", [LONGEST, new_signal_order(after=OrderId(new_id()))], ids=["client", "signal"])
def test_longest_history_of_reports_fits_into_one_write_unit(store: DynamoOrderStore, table: str, order: Order) -> None:
    waiting = [stage for stage in longest_history("", order) if stage.status is OrderStatus.PENDING_NEW][-1]
    sizes = sizes_of(list(with_reports(replace(waiting, lease_token=None))), store, table)
    assert max(sizes.values()) <= 1024, sizes


def test_reason_of_the_exchange_is_cut(store: DynamoOrderStore) -> None:
    refused = longest_history("r" * 300)[-1]
    assert refused.reject_reason == "r" * MAX_REASON
