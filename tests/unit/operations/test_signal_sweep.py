"""The sweep of the signals: who is completed, how far it remembers, and which profiles it deletes."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.broker.store import DynamoOrderStore
from chalicelib.core.clock import parse_timestamp
from chalicelib.operations.schedule import TIME
from chalicelib.operations.signal_sweep import BEGINNING, LAG, RETENTION, STATE, SignalSweeper, Tally, sweep_signals
from chalicelib.operations.store import DynamoStateStore
from chalicelib.strategies.fan_out import FanOut
from chalicelib.strategies.listing import Filter
from chalicelib.strategies.profiles import Generation
from chalicelib.strategies.service import Desk, replace_profiles
from chalicelib.strategies.signal import Profiles, Signal
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.strategies.checks import check_settled
from tests.unit.strategies.platform import SWEEP_LEASE, Platform, finished, run_to
from tests.unit.strategies.signals import LEASE, at, new_signal, new_terms
from tests.unit.strategies.tables import listings_of, profiles_of, store_of

PROFILES: Profiles = {user: {"STRATEGY_A": ["L&T"]} for user in ("Anne", "Ben")}
OTHERS: Profiles = {"Cleo": {"STRATEGY_A": ["L&T"]}}
BUY, SELL = new_terms("BUY"), new_terms("SELL")
MICROSECOND = timedelta(microseconds=1)
MINUTE = 60.0
WEEK = RETENTION.total_seconds()


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def platform() -> Platform:
    platform = Platform()
    platform.put_profiles(PROFILES)
    return platform


def sweep(platform: Platform, hook: Hook = nothing) -> Tally:
    sweeper = SignalSweeper(platform.desk(SWEEP_LEASE, hook), platform.listings, platform.states)
    return sweep_signals(sweeper, platform.clock() + TIME)


def since(platform: Platform) -> datetime:
    saved = platform.states.load(STATE).get("since")
    return BEGINNING if saved is None else parse_timestamp(saved)


def left_open(platform: Platform, key: str = "key", point: str = "after commit") -> Signal:
    """Return a signal whose worker died at this point."""
    actor = platform.signaling(BUY, key)
    run_to(actor, point)
    actor.crash()
    return list(platform.store.signals.values())[-1]


def stored(platform: Platform, signal: Signal) -> Signal:
    return platform.store.signals[signal.signal_id]


class TestCompletion:
    @pytest.mark.parametrize("point", ["after create", "before commit", "after commit", "before save"])
    def test_signal_of_a_dead_worker_is_completed(self, platform: Platform, point: str) -> None:
        signal = left_open(platform, point=point)
        platform.clock.advance(LEASE.total_seconds())
        assert sweep(platform) == Tally(completed=1)
        assert stored(platform, signal).is_complete
        assert platform.users_with_order(signal.signal_id) == ["Anne", "Ben"]
        check_settled(platform)

    def test_signal_of_a_worker_that_may_be_alive_is_left_to_it(self, platform: Platform) -> None:
        signal = left_open(platform)
        platform.clock.now = signal.leased_until - MICROSECOND
        assert sweep(platform) == Tally(open=1)
        assert stored(platform, signal) == signal

    def test_none_is_begun_when_the_time_is_over(self, platform: Platform) -> None:
        signals = [left_open(platform, f"key {number}", "after create") for number in range(3)]
        platform.clock.advance(LEASE.total_seconds())

        def take_time(point: str) -> None:
            if point == "before commit":
                platform.clock.advance(TIME.total_seconds())

        assert sweep(platform, take_time) == Tally(completed=1, open=2)
        assert [stored(platform, signal).is_complete for signal in signals].count(True) == 1
        platform.clock.advance(SWEEP_LEASE.total_seconds())
        assert sweep(platform) == Tally(completed=2)

    def test_live_worker_comes_to_its_end_beside_the_sweep(self, platform: Platform) -> None:
        actor = platform.signaling(BUY, "key")
        run_to(actor, "before commit")
        platform.clock.advance(20)
        sweep(platform)
        finished(actor)
        check_settled(platform)

    def test_complete_signals_are_left_as_they_are(self, platform: Platform) -> None:
        platform.send(BUY, "key")
        before = list(platform.store.journal)
        platform.clock.advance(MINUTE)
        assert sweep(platform) == Tally()
        assert platform.store.journal == before

    def test_one_that_cannot_be_completed_does_not_stop_the_others(self, platform: Platform) -> None:
        signals = [left_open(platform, f"key {number}", "after create") for number in range(5)]
        platform.clock.advance(LEASE.total_seconds())
        reads = iter(range(100))

        def fail_second(point: str) -> None:
            if point == "before get" and next(reads) == 1:
                raise ConnectionError

        assert sweep(platform, fail_second) == Tally(completed=4, failed=1)
        assert sum(stored(platform, signal).is_complete for signal in signals) == 4
        assert sweep(platform) == Tally(completed=1)
        check_settled(platform)

    def test_signal_that_the_index_still_shows_as_open_is_left_as_it_is(self) -> None:
        platform = Platform(lag=5)
        platform.put_profiles(PROFILES)
        actor = platform.signaling(BUY, "key")
        run_to(actor, "after create")
        platform.clock.advance(5)
        finished(actor)
        before = list(platform.store.journal)
        platform.clock.advance(4)
        assert sweep(platform) == Tally(completed=1)
        assert platform.store.journal == before

    def test_sweep_that_dies_is_completed_by_the_next(self, platform: Platform) -> None:
        left_open(platform, point="after create")
        platform.clock.advance(LEASE.total_seconds())
        actor = platform.sweeping()
        run_to(actor, "after save")
        actor.crash()
        assert sweep(platform)["open"] == 1
        platform.clock.advance(SWEEP_LEASE.total_seconds())
        assert sweep(platform)["completed"] == 1
        check_settled(platform)


class TestSince:
    def test_sweep_begins_at_the_beginning(self, platform: Platform) -> None:
        signal = left_open(platform)
        platform.clock.advance(400 * 24 * 3600)
        sweep(platform)
        assert stored(platform, signal).is_complete

    def test_it_stays_behind_the_present_by_the_lag_of_the_index(self, platform: Platform) -> None:
        platform.clock.advance(3600)
        sweep(platform)
        assert since(platform) == platform.clock() - LAG

    def test_it_moves_on_with_each_sweep_and_never_back(self, platform: Platform) -> None:
        seen = []
        for seconds in (60, 0, 60, -30, 3600):
            platform.clock.advance(seconds)
            sweep(platform)
            seen.append(since(platform))
        assert seen == sorted(seen)
        assert seen[-1] == platform.clock() - LAG

    def test_it_does_not_move_over_an_open_signal(self, platform: Platform) -> None:
        platform.clock.advance(1)
        signal = left_open(platform)

        def fail(point: str) -> None:
            if point == "before get":
                raise ConnectionError

        for _ in range(40):
            platform.clock.advance(MINUTE)
            platform.send(BUY, f"another at {platform.clock()}")
            assert sweep(platform, fail)["failed"] == 1
        assert since(platform) == signal.created_at
        assert sweep(platform)["completed"] == 1
        assert since(platform) == platform.clock() - LAG

    def test_it_stops_at_the_first_of_several(self, platform: Platform) -> None:
        signals = []
        for number in range(3):
            platform.clock.advance(3600)
            signals.append(left_open(platform, f"key {number}", "after create"))
        for signal in (signals[0], signals[2]):
            taken = replace(signal, worker="alive", leased_until=platform.clock() + LEASE)
            platform.store.save(taken, signal.worker)
        platform.clock.advance(1)
        platform.store.save(replace(signals[1], leased_until=platform.clock()), signals[1].worker)
        assert sweep(platform) == Tally(open=2, completed=1)
        assert since(platform) == signals[0].created_at

    def test_signal_that_the_index_shows_late_is_not_passed_over(self) -> None:
        platform = Platform(lag=300)
        platform.put_profiles(PROFILES)
        signal = left_open(platform)
        for _ in range(7):
            sweep(platform)
            platform.clock.advance(MINUTE)
        assert stored(platform, signal).is_complete

    def test_rows_before_it_are_not_read_again(self, platform: Platform) -> None:
        platform.send(BUY, "key")
        platform.clock.advance(3600)
        sweep(platform)
        asked_from = since(platform)
        platform.listings.asked.clear()
        sweep(platform)
        assert set(platform.listings.asked) == {asked_from}


class TestProfiles:
    def known(self, platform: Platform) -> list[Generation]:
        return platform.profiles.known()

    def pass_days(self, platform: Platform, days: int) -> None:
        """Let days pass, with a sweep each hour."""
        for _ in range(days * 24):
            platform.clock.advance(3600)
            sweep(platform)

    def test_replaced_profiles_are_deleted_a_week_after_they_were_seen_to_be_so(self, platform: Platform) -> None:
        (old,) = self.known(platform)
        platform.clock.advance(3600)
        platform.put_profiles(OTHERS)
        sweep(platform)
        retired_at = platform.clock()
        assert [one.retired_at for one in self.known(platform)] == [retired_at, None]
        platform.clock.now = retired_at + RETENTION
        assert sweep(platform)["deleted"] == 0
        # The signals of the last minutes may not be in the index yet.
        platform.clock.now = retired_at + RETENTION + LAG
        assert sweep(platform)["deleted"] == 0
        assert platform.profiles.profiles(old.generation_id) == PROFILES
        platform.clock.advance(0.000001)
        assert sweep(platform)["deleted"] == 1
        assert [one.generation_id for one in self.known(platform)] == [current_id(platform)]
        assert platform.profiles.profiles(old.generation_id) == {}

    def test_profiles_in_force_are_never_deleted(self, platform: Platform) -> None:
        self.pass_days(platform, 20)
        assert [one.retired_at for one in self.known(platform)] == [None]
        assert platform.profiles.profiles(current_id(platform)) == PROFILES

    def test_profiles_that_were_in_force_for_long_are_kept_for_a_week_all_the_same(self, platform: Platform) -> None:
        self.pass_days(platform, 10)
        platform.put_profiles(OTHERS)
        self.pass_days(platform, 7)
        assert len(self.known(platform)) == 2
        self.pass_days(platform, 1)
        assert len(self.known(platform)) == 1

    def test_profiles_that_never_came_into_force_are_deleted_as_well(self, platform: Platform) -> None:
        actor = platform.replacing(OTHERS)
        run_to(actor, "before switch")
        actor.crash()
        assert len(platform.profiles.contents) == 2
        self.pass_days(platform, 8)
        assert [one.generation_id for one in self.known(platform)] == [current_id(platform)]
        assert len(platform.profiles.contents) == 1

    def test_profiles_that_are_being_written_are_not_taken_for_old_ones(self, platform: Platform) -> None:
        """However long the sweep stands still afterwards, while they are in force."""
        actor = platform.replacing(OTHERS)
        run_to(actor, "before switch")
        platform.clock.advance(25)
        sweep(platform)
        finished(actor)
        platform.clock.advance(2 * WEEK)
        signal = left_open(platform, point="after create")
        platform.put_profiles(PROFILES)
        platform.clock.advance(1)
        sweep(platform)
        assert platform.profiles.profiles(str(signal.generation)) == OTHERS
        platform.settle()
        check_settled(platform)
        assert platform.users_with_order(signal.signal_id) == ["Cleo"]

    def test_profiles_that_an_open_signal_may_name_are_kept(self, platform: Platform) -> None:
        signal = left_open(platform)
        platform.put_profiles(OTHERS)

        def fail(point: str) -> None:
            if point == "before get":
                raise ConnectionError

        for _ in range(20):
            platform.clock.advance(24 * 3600)
            assert sweep(platform, fail) == Tally(failed=1)
        assert platform.profiles.profiles(str(signal.generation)) == PROFILES
        assert sweep(platform)["completed"] == 1
        check_settled(platform)
        platform.clock.advance(3600)
        sweep(platform)
        assert len(self.known(platform)) == 1

    def test_signal_is_repeated_with_its_users_for_a_week_after_its_profiles(self, platform: Platform) -> None:
        first = platform.send(BUY, "key")
        platform.put_profiles(OTHERS)
        self.pass_days(platform, 7)
        assert platform.send(BUY, "key").users == first.users
        self.pass_days(platform, 1)
        again = platform.send(BUY, "key")
        assert (again.signal, again.users) == (first.signal, None)

    def test_deletion_that_dies_halfway_is_completed_by_the_next_sweep(self, platform: Platform) -> None:
        platform.clock.advance(3600)
        platform.put_profiles(OTHERS)
        sweep(platform)
        platform.clock.advance(2 * WEEK)
        actor = platform.sweeping()
        run_to(actor, "before forget")
        actor.crash()
        assert len(self.known(platform)) == 2
        assert sweep(platform)["deleted"] == 1
        assert len(self.known(platform)) == 1

    def test_replacement_in_the_middle_of_a_sweep_keeps_the_old_and_the_new(self, platform: Platform) -> None:
        self.pass_days(platform, 10)
        for point in ("before current", "before mark"):
            actor = platform.sweeping()
            actor.go_on()
            while not actor.done and actor.point != point:
                actor.go_on()
            platform.put_profiles(OTHERS)
            finished(actor)
            assert platform.profiles.profiles(current_id(platform)) == OTHERS
        assert len(platform.profiles.contents) == 3


def current_id(platform: Platform) -> str:
    current = platform.profiles.current()
    assert current is not None
    return current.generation_id


class TestOnDynamo:
    """With the tables, indexes and states as they are deployed."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def sweeper(self, aws: dict[str, str], clock: FakeClock) -> SignalSweeper:
        fan_out = FanOut(store_of(aws), DynamoOrderStore(aws["BROKER_ORDERS_TABLE"]), clock)
        desk = Desk(profiles_of(aws), fan_out, SWEEP_LEASE)
        return SignalSweeper(desk, listings_of(aws), DynamoStateStore(aws["OPERATIONS_TABLE"]))

    def test_dead_worker_s_signals_are_completed_and_old_profiles_deleted(
        self, sweeper: SignalSweeper, clock: FakeClock
    ) -> None:
        desk, store = sweeper.desk, sweeper.desk.fan_out.store
        generation = replace_profiles(desk, PROFILES)
        signals = [new_signal(at(number), BUY, generation=generation.generation_id) for number in range(3)]
        for signal in signals:
            store.create(signal)
        clock.now = signals[1].leased_until
        assert sweep_signals(sweeper, clock() + TIME) == Tally(completed=2, open=1)
        assert sweeper.states.load(STATE) == {"since": "2026-03-02T09:20:27.123456Z"}
        clock.advance(MINUTE)
        replace_profiles(desk, OTHERS)
        assert sweep_signals(sweeper, clock() + TIME) == Tally(completed=1)
        completed = [store.get(signal.signal_id) for signal in signals]
        assert [signal and signal.is_complete for signal in completed] == [True] * 3
        positions, _ = sweeper.listings.positions(Filter(), 10, None)
        assert sorted(position.user for position in positions) == ["Anne", "Ben"]
        clock.advance(3600)
        sweep_signals(sweeper, clock() + TIME)
        clock.advance(2 * WEEK)
        assert sweep_signals(sweeper, clock() + TIME) == Tally(deleted=1)
        assert len(desk.profiles.known()) == 1
