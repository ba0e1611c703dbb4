"""A signal whose worker stops, loses an answer, is refused or meets another, at each of its calls."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from threading import Barrier

import pytest

from chalicelib.core.errors import UnfinishedError
from chalicelib.strategies.fan_out import TRIES, ContendedError, OutOfTimeError
from chalicelib.strategies.service import MARGIN
from chalicelib.strategies.signal import ExitScope, Profiles, Side, Terms
from chalicelib.strategies.store import ConflictingWriteError, RefusedError
from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.faults import LostAnswerError
from tests.unit.strategies.checks import check_always, check_settled
from tests.unit.strategies.platform import OrderlyPool, Platform, run_to
from tests.unit.strategies.signals import LEASE, at, new_terms

USERS = ["Anne", "Ben", "Cleo", "Dirk", "Émile"]
PROFILES: Profiles = {user: {"A": ["L&T"], "B": ["L&T"]} for user in USERS}
KEY = "key"
EACH_SIDE = pytest.mark.parametrize("side", ["BUY", "SELL"])


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users, or one, in each transaction, one transaction after the other."""
    monkeypatch.setattr("chalicelib.strategies.store.MAX_ITEMS", 5)
    monkeypatch.setattr("chalicelib.strategies.fan_out.ThreadPoolExecutor", partial(OrderlyPool, Random(1)))


def terms_of(side: Side, strategy: str = "A") -> Terms:
    return new_terms(side, strategy)


def ready_for(side: Side) -> Platform:
    """Return a platform where the signal is valid for every user."""
    platform = Platform()
    platform.put_profiles(PROFILES)
    if side == "SELL":
        platform.send(terms_of("BUY"), "before")
    return platform


def points_of(side: Side) -> list[str]:
    """Return every point at which the request stands on its way to a good end."""
    platform = ready_for(side)
    actor = platform.signaling(terms_of(side), KEY)
    points: list[str] = []
    while not actor.done:
        actor.go_on()
        if not actor.done:
            points.append(str(actor.point))
    assert actor.error is None
    return points


def stopped_at_each_point(side: Side, stop: Callable[[Actor], None]) -> Iterator[tuple[str, Platform, Actor]]:
    """Yield, for each of the points, a platform where a request came that far and was stopped."""
    for steps, point in enumerate(points_of(side), start=1):
        platform = ready_for(side)
        actor = platform.signaling(terms_of(side), KEY)
        for _ in range(steps):
            actor.go_on()
        assert actor.point == point
        stop(actor)
        actor.finish()
        check_always(platform)
        yield point, platform, actor


def signal_in(platform: Platform) -> tuple[bool, bool]:
    """Tell whether the signal is stored, and whether it is open."""
    signals = [signal for signal_id, signal in platform.store.signals.items() if is_last(platform, signal_id)]
    return bool(signals), any(not signal.is_complete for signal in signals)


def is_last(platform: Platform, signal_id: str) -> bool:
    return signal_id == list(platform.begun)[-1]


def check_done(platform: Platform, side: Side) -> None:
    """Check that the signal was carried out for everybody, once."""
    check_settled(platform)
    signal_id = list(platform.begun)[-1]
    reason = "opened" if side == "BUY" else "closed"
    assert platform.verdicts(signal_id) == dict.fromkeys(USERS, reason)
    assert platform.users_with_order(signal_id) == USERS
    assert len(platform.store.open) == (5 if side == "BUY" else 0)
    assert len(platform.store.log) == (0 if side == "BUY" else 5)


def test_request_stands_at_each_of_its_calls() -> None:
    assert points_of("BUY") == [
        *("before get", "before current", "before subscribers", "before positions"),
        *("before create", "after create"),
        *("before commit", "after commit") * 3,
        *("before save", "after save"),
    ]
    assert points_of("SELL").count("before commit") == 5


class TestStop:
    @EACH_SIDE
    def test_sweep_completes_a_signal_whose_worker_died_anywhere(self, side: Side) -> None:
        completed = 0
        for _, platform, _ in stopped_at_each_point(side, Actor.crash):
            is_stored, is_open = signal_in(platform)
            platform.settle()
            if is_stored:
                check_done(platform, side)
            completed += is_open
        assert completed == (9 if side == "BUY" else 13) - 1

    @EACH_SIDE
    @pytest.mark.parametrize("stop", [Actor.crash, Actor.fail])
    def test_repeated_request_waits_for_a_dead_worker_and_takes_over_at_the_end_of_its_lease(
        self, side: Side, stop: Callable[[Actor], None]
    ) -> None:
        for point, platform, first in stopped_at_each_point(side, stop):
            _, is_open = signal_in(platform)
            wrote = point.split()[1] in ("create", "commit", "save") or point == "after create"
            expected = None if stop is Actor.crash else UnfinishedError if wrote else LostAnswerError
            assert first.error is None if expected is None else isinstance(first.error, expected)
            retry = platform.signaling(terms_of(side), KEY)
            before = len(platform.orders.orders)
            retry.finish()
            if is_open:
                assert isinstance(retry.error, UnfinishedError)
                assert len(platform.orders.orders) == before
                assert LEASE - MARGIN <= platform.clock() - at(0) < LEASE
                platform.clock.now = at(0) + LEASE
                platform.send(terms_of(side), KEY)
            else:
                assert retry.error is None
            check_done(platform, side)

    @EACH_SIDE
    def test_answer_of_whoever_completes_it_is_given_to_everybody_later(self, side: Side) -> None:
        for _, platform, _ in stopped_at_each_point(side, Actor.crash):
            platform.clock.advance(30)
            first = platform.send(terms_of(side), KEY)
            again = platform.send(terms_of(side), KEY)
            assert (again.signal, again.users, again.replayed) == (first.signal, first.users, True)
            check_done(platform, side)

    @EACH_SIDE
    def test_second_worker_may_die_as_well_and_the_third(self, side: Side) -> None:
        for _, platform, _ in stopped_at_each_point(side, Actor.crash):
            for steps in (6, 9):
                platform.clock.advance(61)
                actor = platform.signaling(terms_of(side), KEY)
                for _ in range(steps):
                    actor.go_on()
                actor.crash()
                check_always(platform)
            platform.clock.advance(61)
            platform.send(terms_of(side), KEY)
            check_done(platform, side)

    @pytest.mark.parametrize(("side", "opposite"), [("BUY", "SELL"), ("SELL", "BUY")])
    def test_signal_of_another_in_between_is_seen_by_whoever_completes_this_one(
        self, side: Side, opposite: Side
    ) -> None:
        """Who was bought stays so, though it is sold by now; who was not is decided about anew."""
        for _, platform, _ in stopped_at_each_point(side, Actor.crash):
            signal_id = list(platform.begun)[-1]
            done = set(platform.users_with_order(signal_id))
            platform.send(terms_of(opposite), "another")
            platform.settle()
            check_settled(platform)
            assert set(platform.users_with_order(signal_id)) >= done
            if signal_id in platform.store.signals and side == "BUY":
                # Those who were bought and sold, and those who are bought only now: each once.
                assert platform.users_with_order(signal_id) == USERS
                assert len(platform.store.log) == len(done)

    def test_signal_is_completed_on_its_own_profiles(self) -> None:
        for _, platform, _ in stopped_at_each_point("BUY", Actor.crash):
            is_stored, _ = signal_in(platform)
            signal_id = list(platform.begun)[-1]
            platform.put_profiles({"Zoe": {"A": ["L&T"]}})
            platform.settle()
            check_settled(platform)
            if is_stored:
                assert platform.users_with_order(signal_id) == USERS


class TestReplayFaults:
    """Whoever repeats a request that is open is told so, with its id, whatever fails."""

    def waiting(self, *, lease_is_over: bool) -> Platform:
        platform = ready_for("BUY")
        first = platform.signaling(terms_of("BUY"), KEY)
        run_to(first, "after commit")
        first.crash()
        platform.clock.now = at(0) + LEASE if lease_is_over else at(1)
        return platform

    def test_fault_while_it_waits(self) -> None:
        platform = self.waiting(lease_is_over=False)
        retry = platform.signaling(terms_of("BUY"), KEY)
        run_to(retry, "before get", times=2)
        retry.fail()
        assert isinstance(retry.error, UnfinishedError)
        assert retry.error.extensions["signal_id"] in platform.store.signals

    @pytest.mark.parametrize("point", ["before save", "after save", "before subscribers", "before get_many"])
    def test_fault_while_it_takes_over(self, point: str) -> None:
        platform = self.waiting(lease_is_over=True)
        retry = platform.signaling(terms_of("BUY"), KEY)
        run_to(retry, point)
        retry.fail()
        assert isinstance(retry.error, UnfinishedError)
        assert retry.error.extensions["signal_id"] in platform.store.signals
        platform.settle()
        check_done(platform, "BUY")

    def test_fault_while_a_complete_signal_is_looked_up_is_no_unfinished_one(self) -> None:
        platform = ready_for("BUY")
        platform.send(terms_of("BUY"), KEY)
        retry = platform.signaling(terms_of("BUY"), KEY)
        run_to(retry, "before subscribers")
        retry.fail()
        assert isinstance(retry.error, LostAnswerError)


class TestRefusal:
    @EACH_SIDE
    @pytest.mark.parametrize("error", [RefusedError, ConflictingWriteError])
    def test_transaction_that_is_refused_is_tried_again(self, side: Side, error: type[Exception]) -> None:
        for steps, point in enumerate(points_of(side), start=1):
            if point != "before commit":
                continue
            platform = ready_for(side)
            actor = platform.signaling(terms_of(side), KEY)
            for _ in range(steps):
                actor.go_on()
            actor.go_on(error())
            actor.finish()
            assert actor.error is None
            check_done(platform, side)

    @EACH_SIDE
    def test_transaction_that_took_effect_and_is_refused_when_it_is_repeated_is_done(self, side: Side) -> None:
        for steps, point in enumerate(points_of(side), start=1):
            if point == "after commit":
                platform = ready_for(side)
                actor = platform.signaling(terms_of(side), KEY)
                for _ in range(steps):
                    actor.go_on()
                actor.go_on(RefusedError())
                actor.finish()
                assert actor.error is None
                check_done(platform, side)

    def test_refused_users_are_tried_in_halves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.strategies.store.MAX_ITEMS", 100)
        platform = ready_for("BUY")
        actor = platform.signaling(terms_of("BUY"), KEY)
        run_to(actor, "before commit")
        for _ in range(2):
            actor.go_on(RefusedError())
            run_to(actor, "before commit")
        actor.finish()
        sizes = [len(event) for event in platform.store.journal if isinstance(event, tuple)]
        assert sizes == [2, 1, 2]
        check_done(platform, "BUY")

    def test_user_whose_position_changed_is_decided_about_anew_and_the_others_are_not_held_up(self) -> None:
        platform = ready_for("BUY")
        actor = platform.signaling(terms_of("BUY"), KEY)
        run_to(actor, "before commit")
        platform.put_profiles({"Anne": {"A": ["L&T"]}})
        platform.send(terms_of("BUY"), "another")
        actor.finish()
        assert actor.error is None
        verdicts = {user: reason.value for user, reason in zip(USERS, platform.answers[-1].signal.reasons, strict=True)}
        assert verdicts == dict.fromkeys(USERS, "opened") | {"Anne": "already_held"}
        check_settled(platform)

    def test_sell_finds_another_position_to_close_when_the_one_it_read_is_gone(self) -> None:
        platform = Platform(ExitScope.USER)
        platform.put_profiles({"Anne": {"A": ["L&T"], "B": ["L&T"], "C": []}})
        for strategy in ("A", "B"):
            platform.clock.advance(1)
            platform.send(terms_of("BUY", strategy), f"buy {strategy}")
        actor = platform.signaling(terms_of("SELL", "C"), KEY)
        run_to(actor, "before commit")
        platform.send(terms_of("SELL", "A"), "sell A")
        actor.finish()
        assert actor.error is None
        assert [(trip.strategy, trip.closed_by) for trip in platform.store.log.values()] == [("A", "A"), ("B", "C")]
        check_settled(platform)

    def test_position_that_was_sold_and_bought_anew_is_not_taken_for_the_one_that_was_read(self) -> None:
        platform = ready_for("SELL")
        actor = platform.signaling(terms_of("SELL"), KEY)
        run_to(actor, "before commit")
        platform.send(terms_of("SELL"), "another sell")
        platform.clock.advance(1)
        platform.send(terms_of("BUY"), "another buy")
        actor.finish()
        assert actor.error is None
        assert platform.store.open == {}
        assert len(platform.store.log) == 10
        check_settled(platform)

    @pytest.mark.parametrize("error", [RefusedError, ConflictingWriteError])
    def test_signal_that_meets_others_again_and_again_is_left_to_the_sweep(self, error: type[Exception]) -> None:
        platform = ready_for("BUY")
        actor = platform.signaling(terms_of("BUY"), KEY)
        tries = count()
        while not actor.done:
            if actor.point == "before commit":
                next(tries)
                actor.go_on(error())
            else:
                actor.go_on()
        assert isinstance(actor.error, UnfinishedError)
        assert isinstance(actor.error.__cause__, ContendedError)
        assert next(tries) >= TRIES
        # It waited between its tries, and not for long.
        assert timedelta(seconds=1) < platform.clock() - at(0) < timedelta(seconds=10)
        platform.settle()
        check_done(platform, "BUY")

    def test_signal_whose_time_is_up_halfway_is_left_to_the_sweep(self) -> None:
        platform = ready_for("BUY")
        actor = platform.signaling(terms_of("BUY"), KEY)
        run_to(actor, "after commit")
        platform.clock.now = at(0) + LEASE - MARGIN + timedelta(microseconds=1)
        actor.finish()
        assert isinstance(actor.error, UnfinishedError)
        assert isinstance(actor.error.__cause__, OutOfTimeError)
        assert platform.users_with_order(actor.error.extensions["signal_id"]) == ["Anne", "Ben"]
        platform.settle()
        check_done(platform, "BUY")


class TestTwoAtOnce:
    @EACH_SIDE
    def test_same_request_twice_at_once_is_one_signal_wherever_the_first_stands(self, side: Side) -> None:
        for steps in range(len(points_of(side)) + 1):
            platform = ready_for(side)
            one, other = (platform.signaling(terms_of(side), KEY) for _ in range(2))
            for _ in range(steps):
                one.go_on()
            while not other.done and other.point != "before sleep":
                other.go_on()
            for actor in (one, other):
                actor.finish()
                assert actor.error is None
            first, second = platform.answers[-2:]
            assert (first.signal, first.users) == (second.signal, second.users)
            assert {first.replayed, second.replayed} == {True, False}
            check_done(platform, side)

    @EACH_SIDE
    def test_same_request_twice_step_by_step_is_one_signal(self, side: Side) -> None:
        for seed in range(40):
            random, platform = Random(seed), ready_for(side)
            actors = [platform.signaling(terms_of(side), KEY) for _ in range(3)]
            while not all(actor.done for actor in actors):
                random.choice(actors).go_on()
            assert [actor.error for actor in actors] == [None] * 3
            assert len({result.signal for result in platform.answers[-3:]}) == 1
            check_done(platform, side)

    def test_of_two_who_take_over_at_once_one_does(self) -> None:
        for steps in range(1, 30):
            platform = ready_for("BUY")
            dead = platform.signaling(terms_of("BUY"), KEY)
            run_to(dead, "after commit")
            dead.crash()
            platform.clock.now = at(0) + LEASE
            one, other = platform.signaling(terms_of("BUY"), KEY), platform.sweeping()
            for _ in range(steps):
                one.go_on()
            other.finish()
            one.finish()
            assert (one.error, other.error) == (None, None)
            check_done(platform, "BUY")

    @pytest.mark.parametrize("scope", ExitScope)
    @pytest.mark.parametrize("seller", ["A", "B"])
    def test_sell_that_races_a_buy_closes_a_position_or_finds_none(self, scope: ExitScope, seller: str) -> None:
        for first, second in (("SELL", "BUY"), ("BUY", "SELL")):
            for steps in range(24):
                platform = Platform(scope)
                platform.put_profiles(PROFILES)
                actors = {
                    "BUY": platform.signaling(new_terms("BUY", "A", scope=scope), "buy"),
                    "SELL": platform.signaling(new_terms("SELL", seller, scope=scope), "sell"),
                }
                for _ in range(steps):
                    actors[first].go_on()
                actors[second].finish()
                actors[first].finish()
                assert [actor.error for actor in actors.values()] == [None, None]
                check_settled(platform)
                assert len(platform.store.open) + len(platform.store.log) == 5

    def test_sells_of_two_strategies_close_a_position_once(self) -> None:
        for steps in range(24):
            platform = ready_for("SELL")
            one, other = platform.signaling(terms_of("SELL"), "own"), platform.signaling(terms_of("SELL", "B"), "other")
            for _ in range(steps):
                one.go_on()
            other.finish()
            one.finish()
            assert (one.error, other.error) == (None, None)
            check_settled(platform)
            assert len(platform.store.log) == 5


class TestThreads:
    """With threads as they are."""

    @pytest.fixture(autouse=True)
    def _in_threads(self, _few_at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.strategies.store.MAX_ITEMS", 2)
        monkeypatch.setattr("chalicelib.strategies.fan_out.ThreadPoolExecutor", ThreadPoolExecutor)

    def test_transactions_of_a_signal_are_made_at_once(self) -> None:
        platform, all_there = ready_for("BUY"), Barrier(len(USERS), timeout=20)

        def wait_for_others(point: str) -> None:
            if point == "before commit":
                all_there.wait()

        platform.request(terms_of("BUY"), KEY, wait_for_others)
        check_done(platform, "BUY")

    def test_one_that_fails_leaves_the_others_done(self) -> None:
        platform, all_there, commits = ready_for("BUY"), Barrier(len(USERS), timeout=20), count()

        def fail_one(point: str) -> None:
            if point == "before commit":
                all_there.wait()
                if next(commits) == 2:
                    raise LostAnswerError

        with pytest.raises(UnfinishedError):
            platform.request(terms_of("BUY"), KEY, fail_one)
        assert len(platform.orders.orders) == 4
        platform.settle()
        check_done(platform, "BUY")
