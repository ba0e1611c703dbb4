"""What every StrategyStore must do. A test class inherits it and gives the store, its orders and a look at its log."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chalicelib.broker.order import OrderId
from chalicelib.broker.store import OrderStore
from chalicelib.core.ids import new_id, shard_of
from chalicelib.strategies.item import SHARDS
from chalicelib.strategies.signal import ExitScope, Position, Reason, RoundTrip, Side
from chalicelib.strategies.store import (
    Change,
    Opening,
    RefusedError,
    SignalExistsError,
    StaleSignalError,
    StrategyStore,
    changes_at_once,
)
from tests.unit.strategies.signals import (
    INSTRUMENT,
    LEASE,
    OTHER,
    STRATEGY,
    USER,
    at,
    closing,
    new_position,
    new_signal,
    new_terms,
    opening,
    openings,
)

ReadLog = Callable[[], list[RoundTrip]]
UNKNOWN = "7b7a8f8e-0000-4000-8000-000000000000"
ODD_NAMES = ["L&T", "Émile O'Neil", '雪 \\ "x" #/?%', "A", "😀" * 64]


def all_positions(store: StrategyStore, instrument: str = INSTRUMENT) -> set[Position]:
    """Return every open position in the instrument."""
    return set(store.positions(new_terms(instrument=instrument), own=False))


class SignalContract:
    def test_created_signal_comes_back_as_it_was(self, store: StrategyStore) -> None:
        signal = new_signal()
        store.create(signal)
        assert store.get(signal.signal_id) == signal

    def test_unknown_signal_is_none(self, store: StrategyStore) -> None:
        assert store.get(UNKNOWN) is None

    @pytest.mark.parametrize("name", ODD_NAMES)
    @pytest.mark.parametrize("scope", ExitScope)
    def test_every_field_comes_back(self, store: StrategyStore, name: str, scope: ExitScope) -> None:
        terms = new_terms("SELL", name, name, scope, quantity=10**9)
        reasons = (Reason.CLOSED, Reason.NOT_HELD, Reason.CLOSED)
        leavers = (name, "Oaklee Wagner")
        for generation in (None, new_id()):
            signal = new_signal(at(0.000001), terms, leavers=leavers, generation=generation)
            store.create(signal)
            assert store.get(signal.signal_id) == signal
            completed = replace(signal, is_complete=True, reasons=reasons)
            store.save(completed, signal.worker)
            assert store.get(signal.signal_id) == completed

    def test_signal_may_be_complete_from_the_beginning(self, store: StrategyStore) -> None:
        for reasons in ((), (Reason.NOT_TRADED, Reason.ALREADY_HELD)):
            signal = new_signal(is_complete=True, reasons=reasons)
            store.create(signal)
            assert store.get(signal.signal_id) == signal

    def test_second_signal_with_the_id_is_shown_the_first_and_changes_nothing(self, store: StrategyStore) -> None:
        first = new_signal()
        store.create(first)
        with pytest.raises(SignalExistsError) as raised:
            store.create(new_signal(at(1), new_terms("SELL"), signal_id=first.signal_id))
        assert raised.value.existing == first
        assert store.get(first.signal_id) == first

    def test_repeated_create_of_the_same_request_is_its_own_write(self, store: StrategyStore) -> None:
        signal = new_signal()
        store.create(signal)
        store.create(signal)
        assert store.get(signal.signal_id) == signal

    def test_signal_of_the_same_moment_is_another_one_all_the_same(self, store: StrategyStore) -> None:
        first = new_signal()
        store.create(first)
        with pytest.raises(SignalExistsError):
            store.create(replace(first, worker=new_id()))

    def test_its_worker_saves_an_open_signal(self, store: StrategyStore) -> None:
        signal = new_signal()
        store.create(signal)
        taken = replace(signal, worker=new_id(), leased_until=at(60) + LEASE)
        store.save(taken, signal.worker)
        assert store.get(signal.signal_id) == taken
        completed = replace(taken, is_complete=True, reasons=(Reason.OPENED,))
        store.save(completed, taken.worker)
        assert store.get(signal.signal_id) == completed

    def test_nobody_else_saves_it(self, store: StrategyStore) -> None:
        signal = new_signal()
        store.create(signal)
        for worker in (new_id(), ""):
            with pytest.raises(StaleSignalError):
                store.save(replace(signal, is_complete=True), worker)
        assert store.get(signal.signal_id) == signal

    def test_of_two_who_take_it_over_one_gets_it(self, store: StrategyStore) -> None:
        signal = new_signal()
        store.create(signal)
        first, second = (replace(signal, worker=new_id()) for _ in range(2))
        store.save(first, signal.worker)
        with pytest.raises(StaleSignalError):
            store.save(second, signal.worker)
        assert store.get(signal.signal_id) == first

    def test_complete_signal_stays_as_it_is(self, store: StrategyStore) -> None:
        signal = new_signal(is_complete=True, reasons=(Reason.OPENED,))
        store.create(signal)
        for changed in (replace(signal, reasons=(Reason.NOT_TRADED,)), replace(signal, is_complete=False)):
            with pytest.raises(StaleSignalError):
                store.save(changed, signal.worker)
        assert store.get(signal.signal_id) == signal

    def test_repeated_save_of_the_same_completion_is_its_own_write(self, store: StrategyStore) -> None:
        signal = new_signal(leavers=(USER,))
        store.create(signal)
        completed = replace(signal, is_complete=True, reasons=(Reason.OPENED, Reason.NOT_TRADED))
        for _ in range(2):
            store.save(completed, signal.worker)
        assert store.get(signal.signal_id) == completed

    def test_unknown_signal_is_not_saved(self, store: StrategyStore) -> None:
        signal = new_signal()
        with pytest.raises(StaleSignalError):
            store.save(signal, signal.worker)
        assert store.get(signal.signal_id) is None


class PositionContract:
    def test_opened_position_comes_back_as_it_was_and_its_order_too(
        self, store: StrategyStore, orders: OrderStore
    ) -> None:
        change = opening(replace(new_position(), quantity=10**9, opened_at=at(0.000001)))
        store.commit([change])
        assert all_positions(store) == {change.position}
        assert orders.get(change.order.order_id) == change.order

    def test_positions_of_all_strategies_in_the_instrument_are_found(self, store: StrategyStore) -> None:
        held = [new_position(strategy=name) for name in ("A", "AB", "B", "")]
        held += [new_position(OTHER, strategy="A"), new_position(instrument="L&", strategy="A")]
        store.commit(openings(held))
        assert all_positions(store) == set(held[:-1])

    @pytest.mark.parametrize("side", ["BUY", "SELL"])
    def test_own_positions_are_the_strategy_s_only(self, store: StrategyStore, side: Side) -> None:
        held = [new_position(user, strategy=name) for user in (USER, OTHER) for name in ("A", "AB", "B", "a")]
        store.commit(openings(held))
        own = store.positions(new_terms(side, strategy="A"), own=True)
        assert set(own) == {position for position in held if position.strategy == "A"}

    @pytest.mark.parametrize("own", [True, False])
    def test_positions_of_some_users_are_at_least_theirs(self, store: StrategyStore, own: bool) -> None:
        users = [f"user {number}" for number in range(40)]
        assert len({shard_of(user, SHARDS) for user in users}) == SHARDS
        held = [new_position(user) for user in users]
        store.commit(openings(held))
        asked = users[5:9]
        found = store.positions(new_terms(), asked, own=own)
        assert set(found) <= set(held)
        assert {position for position in found if position.user in asked} == set(held[5:9])
        assert len(found) == len(set(found))

    def test_positions_of_no_users_are_none(self, store: StrategyStore) -> None:
        store.commit([opening(new_position())])
        assert store.positions(new_terms(), [], own=False) == []

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_names_may_be_any(self, store: StrategyStore, read_log: ReadLog, name: str) -> None:
        position = new_position(name, strategy=name, instrument=name)
        store.commit([opening(position)])
        assert set(store.positions(new_terms(strategy=name, instrument=name), own=True)) == {position}
        change = closing(position)
        store.commit([change])
        assert all_positions(store, name) == set()
        assert read_log() == [change.trip]

    def test_many_positions_are_all_found(self, store: StrategyStore) -> None:
        held = [new_position(f"user {number}") for number in range(120)]
        for start in range(0, len(held), 40):
            store.commit(openings(held[start : start + 40]))
        assert all_positions(store) == set(held)


class CommitContract:
    """All of it or nothing."""

    def refuses(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog, changes: Sequence[Change], cause: int
    ) -> None:
        """Check that the changes are refused for the one with this index, and leave nothing behind."""
        before = (all_positions(store), sorted(read_log(), key=repr))
        ids = [change.order.order_id for change in changes]
        existing = orders.get_many(ids, consistent=True)
        with pytest.raises(RefusedError):
            store.commit(changes)
        assert (all_positions(store), sorted(read_log(), key=repr)) == before
        assert orders.get_many(ids, consistent=True) == existing
        assert set(existing) <= {ids[cause]}

    def others(self) -> list[Opening]:
        return openings([new_position(f"other {number}") for number in range(3)])

    def test_closed_position_is_gone_and_its_row_is_in_the_log(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        position = new_position()
        store.commit([opening(position)])
        change = closing(position, closed_by="STRATEGY_B")
        store.commit([change])
        assert all_positions(store) == set()
        assert read_log() == [change.trip]
        assert orders.get(change.order.order_id) == change.order
        assert change.order.after == position.order_id

    @pytest.mark.parametrize("side", ["BUY", "SELL"])
    def test_so_many_changes_fit_at_once(self, store: StrategyStore, read_log: ReadLog, side: Side) -> None:
        held = [new_position(f"user {number}") for number in range(changes_at_once(side))]
        store.commit(openings(held))
        assert all_positions(store) == set(held)
        if side == "SELL":
            changes = [closing(position) for position in held]
            store.commit(changes)
            assert all_positions(store) == set()
            assert {trip.user for trip in read_log()} == {position.user for position in held}

    def test_position_is_opened_once(self, store: StrategyStore, orders: OrderStore, read_log: ReadLog) -> None:
        store.commit([opening(new_position())])
        self.refuses(store, orders, read_log, [*self.others(), opening(new_position(seconds=1))], cause=3)

    def test_order_that_exists_is_the_end_of_an_opening(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        change = opening(new_position())
        orders.create(replace(change.order, created_at=at(9)))
        self.refuses(store, orders, read_log, [change, *self.others()], cause=0)

    def test_repeated_commit_of_the_same_changes_changes_nothing(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        position = new_position()
        for change in (opening(position), closing(position)):
            store.commit([change])
            self.refuses(store, orders, read_log, [change], cause=0)

    def test_order_that_exists_is_the_end_of_a_closing(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        position = new_position()
        store.commit([opening(position)])
        change = closing(position)
        orders.create(replace(change.order, created_at=at(9)))
        self.refuses(store, orders, read_log, [*self.others(), change], cause=3)

    def test_position_is_closed_once(self, store: StrategyStore, orders: OrderStore, read_log: ReadLog) -> None:
        position = new_position()
        store.commit([opening(position)])
        store.commit([closing(position)])
        self.refuses(store, orders, read_log, [*self.others(), closing(position)], cause=3)

    def test_position_that_was_never_opened_is_not_closed(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        self.refuses(store, orders, read_log, [closing(new_position()), *self.others()], cause=0)

    def test_position_that_another_signal_opened_since_is_not_closed(
        self, store: StrategyStore, orders: OrderStore, read_log: ReadLog
    ) -> None:
        position = new_position()
        store.commit([opening(position)])
        store.commit([closing(position)])
        store.commit([opening(new_position(seconds=61))])
        self.refuses(store, orders, read_log, [*self.others(), closing(position)], cause=3)

    def test_row_of_the_log_is_written_once(self, store: StrategyStore, orders: OrderStore, read_log: ReadLog) -> None:
        sold, signal_id = new_position(), new_id()
        again = new_position(strategy="STRATEGY_B")
        store.commit(openings([sold, again]))
        store.commit([closing(sold, signal_id=signal_id)])
        change = closing(again, signal_id=signal_id)
        # Another order, so that only the log can refuse.
        change = replace(change, order=replace(change.order, order_id=OrderId(new_id())))
        self.refuses(store, orders, read_log, [*self.others(), change], cause=3)

    def test_position_is_opened_again_after_it_was_closed(self, store: StrategyStore, read_log: ReadLog) -> None:
        first, second = new_position(), new_position(seconds=2)
        changes: list[Change] = [opening(first), closing(first, 1), opening(second), closing(second, 3)]
        for change in changes:
            store.commit([change])
        assert {trip.buy_signal_id for trip in read_log()} == {first.signal_id, second.signal_id}
        assert all_positions(store) == set()

    def test_openings_and_closings_go_together(self, store: StrategyStore, read_log: ReadLog) -> None:
        position = new_position()
        store.commit([opening(position)])
        others = self.others()
        store.commit([*others, closing(position)])
        assert all_positions(store) == {change.position for change in others}
        assert len(read_log()) == 1
        assert all(one.strategy == STRATEGY for one in all_positions(store))


class StrategyStoreContract(SignalContract, PositionContract, CommitContract):
    """All of it."""
