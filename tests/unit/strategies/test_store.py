"""The store contract, on the fake and on DynamoDB; and how refusals and answers that get lost are met."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.exceptions import PutError, TransactWriteError

from chalicelib.broker.store import DynamoOrderStore, OrderStore
from chalicelib.core.ids import new_id
from chalicelib.strategies.listing import Filter, Listings
from chalicelib.strategies.signal import Reason
from chalicelib.strategies.store import (
    ConflictingWriteError,
    DynamoStrategyStore,
    RefusedError,
    SignalExistsError,
    StaleSignalError,
    StrategyStore,
)
from tests.client_faults import ClientFaults
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.market.tables import refused, transaction_canceled
from tests.unit.strategies.fakes.store import MemoryStrategyStore
from tests.unit.strategies.signals import at, closing, new_position, new_signal, opening
from tests.unit.strategies.store_contract import ReadLog, StrategyStoreContract, all_positions
from tests.unit.strategies.tables import listings_of, store_of

PUT, TRANSACT = "dynamodb.PutItem", "dynamodb.TransactWriteItems"
CONFLICT, CONDITION = "TransactionConflict", "ConditionalCheckFailed"


class TestMemoryStrategyStore(StrategyStoreContract):
    @pytest.fixture
    def orders(self) -> MemoryOrderStore:
        return MemoryOrderStore()

    @pytest.fixture
    def store(self, orders: MemoryOrderStore) -> StrategyStore:
        return MemoryStrategyStore(orders, FakeClock())

    @pytest.fixture
    def read_log(self, store: MemoryStrategyStore) -> ReadLog:
        return lambda: list(store.log.values())


@pytest.fixture
def orders(aws: dict[str, str]) -> OrderStore:
    return DynamoOrderStore(aws["BROKER_ORDERS_TABLE"])


@pytest.fixture
def store(aws: dict[str, str]) -> DynamoStrategyStore:
    return store_of(aws)


@pytest.fixture
def listings(aws: dict[str, str]) -> Listings:
    return listings_of(aws)


@pytest.fixture
def read_log(listings: Listings) -> ReadLog:
    return lambda: listings.round_trips(Filter(), 100, None)[0]


class TestDynamoStrategyStore(StrategyStoreContract):
    """On the fixtures of this module."""


class TestCreate:
    def test_create_whose_answer_is_lost_is_done(self, store: DynamoStrategyStore, client_faults: ClientFaults) -> None:
        signal = new_signal()
        client_faults.loses_answer(PUT)
        store.create(signal)
        assert store.get(signal.signal_id) == signal
        assert client_faults.calls.count(PUT) == 2

    def test_create_whose_answer_is_lost_is_done_though_another_took_the_signal_to_its_end(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        signal = new_signal()
        completed = replace(signal, is_complete=True, reasons=(Reason.OPENED,))
        client_faults.loses_answer(PUT, then=lambda: store.save(completed, signal.worker))
        store.create(signal)
        assert store.get(signal.signal_id) == completed

    def test_create_that_never_arrived_is_repeated(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        signal = new_signal()
        client_faults.never_arrives(PUT, times=2)
        store.create(signal)
        assert store.get(signal.signal_id) == signal

    def test_create_that_another_request_overtakes_is_shown_its_signal(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        first = new_signal()
        client_faults.never_arrives(PUT)
        client_faults.before[-1].then = lambda: store.create(first)
        with pytest.raises(SignalExistsError) as raised:
            store.create(new_signal(signal_id=first.signal_id))
        assert raised.value.existing == first

    def test_create_whose_every_answer_is_lost_raises(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        client_faults.loses_answer(PUT, times=3)
        with pytest.raises(PutError):
            store.create(new_signal())

    def test_create_that_never_arrives_raises_and_stores_nothing(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        signal = new_signal()
        client_faults.never_arrives(PUT, times=3)
        with pytest.raises(PutError):
            store.create(signal)
        assert store.get(signal.signal_id) is None


class TestSave:
    def test_save_whose_answer_is_lost_is_done(self, store: DynamoStrategyStore, client_faults: ClientFaults) -> None:
        signal = new_signal(leavers=("Émile", "雪"))
        store.create(signal)
        for changed, worker in (
            (taken := replace(signal, worker=new_id(), leased_until=at(60)), signal.worker),
            (replace(taken, is_complete=True, reasons=(Reason.NOT_TRADED,) * 7), taken.worker),
        ):
            client_faults.loses_answer(PUT)
            store.save(changed, worker)
            assert store.get(signal.signal_id) == changed

    def test_save_whose_answer_is_lost_is_stale_when_another_took_the_signal_before_the_retry(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        signal = new_signal()
        store.create(signal)
        mine, others = (replace(signal, worker=new_id(), leased_until=at(60)) for _ in range(2))
        client_faults.loses_answer(PUT, then=lambda: store.save(others, mine.worker))
        with pytest.raises(StaleSignalError):
            store.save(mine, signal.worker)
        assert store.get(signal.signal_id) == others

    def test_save_that_never_arrives_raises_and_changes_nothing(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        signal = new_signal()
        store.create(signal)
        client_faults.never_arrives(PUT, times=3)
        with pytest.raises(PutError):
            store.save(replace(signal, is_complete=True), signal.worker)
        assert store.get(signal.signal_id) == signal


class TestCommit:
    def test_transaction_that_meets_another_one_is_told_so(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives(TRANSACT, error=lambda: transaction_canceled("None", CONFLICT))
        with pytest.raises(ConflictingWriteError):
            store.commit([opening(new_position())])
        assert all_positions(store) == set()

    @pytest.mark.parametrize(
        "reasons", [("TransactionConflict", "ConditionalCheckFailed"), ("ConditionalCheckFailed",)]
    )
    def test_condition_that_fails_counts_more_than_a_conflict(
        self, store: DynamoStrategyStore, client_faults: ClientFaults, reasons: tuple[str, ...]
    ) -> None:
        client_faults.never_arrives(TRANSACT, error=lambda: transaction_canceled(*reasons))
        with pytest.raises(RefusedError):
            store.commit([opening(new_position())])

    @pytest.mark.parametrize("reason", ["ThrottlingError", "ValidationError", "ItemCollectionSizeLimitExceeded"])
    def test_any_other_reason_raises(
        self, store: DynamoStrategyStore, client_faults: ClientFaults, reason: str
    ) -> None:
        client_faults.never_arrives(TRANSACT, times=3, error=lambda: transaction_canceled("None", reason))
        with pytest.raises(TransactWriteError):
            store.commit([opening(new_position())])

    @pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
    def test_refusal_of_the_whole_call_raises(
        self, store: DynamoStrategyStore, client_faults: ClientFaults, code: str
    ) -> None:
        client_faults.never_arrives(TRANSACT, times=3, error=lambda: refused("TransactWriteItems", code))
        with pytest.raises(TransactWriteError):
            store.commit([opening(new_position())])

    def test_transaction_whose_every_answer_is_lost_raises_and_is_made(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        position = new_position()
        client_faults.loses_answer(TRANSACT, times=3)
        with pytest.raises((TransactWriteError, RefusedError)):
            store.commit([opening(position)])
        assert all_positions(store) == {position}

    def test_transaction_that_never_arrives_raises_and_changes_nothing(
        self, store: DynamoStrategyStore, orders: OrderStore, client_faults: ClientFaults
    ) -> None:
        change = opening(new_position())
        client_faults.never_arrives(TRANSACT, times=3)
        with pytest.raises(TransactWriteError):
            store.commit([change])
        assert all_positions(store) == set()
        assert orders.get(change.order.order_id) is None

    def test_repeated_call_carries_the_token_of_the_first_and_another_transaction_has_its_own(
        self, store: DynamoStrategyStore, client_faults: ClientFaults
    ) -> None:
        tokens: list[str] = []

        def note(request: Any, **_: Any) -> None:
            tokens.append(json.loads(request.body)["ClientRequestToken"])

        events = store._positions._get_connection().connection.client.meta.events
        events.register_first(f"before-send.{TRANSACT}", note)
        try:
            client_faults.never_arrives(TRANSACT)
            store.commit([opening(new_position())])
            store.commit([opening(new_position("other"))])
        finally:
            events.unregister(f"before-send.{TRANSACT}", note)
        first, repeated, another = tokens
        assert first == repeated != another


class TestPositionsAt:
    def test_positions_of_round_trips_are_found_if_they_are_open_again(self, store: DynamoStrategyStore) -> None:
        closed, other = new_position(), new_position("other")
        again = new_position(seconds=90)
        trips = []
        for position in (closed, other):
            store.commit([opening(position)])
            change = closing(position)
            store.commit([change])
            trips.append(change.trip)
        assert store.positions_at(trips) == []
        store.commit([opening(again)])
        assert store.positions_at([*trips, trips[0]]) == [again]
        assert store.positions_at([]) == []
