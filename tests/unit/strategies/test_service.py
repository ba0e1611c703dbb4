"""The use cases of the strategies, one by one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.broker.order import OrderId
from chalicelib.core.errors import ConflictError, KeyReusedError, NotFoundError, UnfinishedError
from chalicelib.core.ids import is_id, new_id
from chalicelib.strategies.item import pack_json
from chalicelib.strategies.service import (
    MARGIN,
    MAX_USERS,
    Desk,
    finish_signal,
    orders_of,
    preview_signal,
    replace_profiles,
    send_signal,
    view_profiles,
    view_signal,
)
from chalicelib.strategies.signal import ExitScope, Profiles, Reason, Result, Signal, Terms, order_id_of
from tests.unit.strategies.checks import check_settled
from tests.unit.strategies.platform import Platform, run_to
from tests.unit.strategies.signals import LEASE, at, new_position, new_terms, openings

EXAMPLE: Profiles = {
    "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}
BUY, SELL = new_terms("BUY"), new_terms("SELL")
FAR = at(3600)
"""When whoever completes a signal has to be done, where that does not matter."""
TRADERS: Profiles = {user: {"STRATEGY_A": ["L&T"]} for user in ("Anne", "Ben", "Cleo")}


@pytest.fixture
def platform() -> Platform:
    platform = Platform()
    platform.put_profiles(TRADERS)
    return platform


@pytest.fixture
def desk(platform: Platform) -> Desk:
    return platform.desk(LEASE)


def verdicts(result: Result) -> dict[str, str]:
    assert result.users is not None
    return {user: reason.value for user, reason in zip(result.users, result.signal.reasons, strict=True)}


class TestSendSignal:
    @pytest.mark.parametrize(
        ("scope", "last"), [(ExitScope.USER, Reason.CLOSED), (ExitScope.STRATEGY, Reason.NOT_HELD)]
    )
    def test_worked_examples_come_out_so(self, scope: ExitScope, last: Reason) -> None:
        platform = Platform(scope)
        platform.put_profiles(EXAMPLE)
        desk = platform.desk(LEASE)
        outcomes = []
        for side, strategy, instrument in (
            ("SELL", "STRATEGY_A", "GRASIM"),
            ("BUY", "STRATEGY_B", "MINDA"),
            ("BUY", "STRATEGY_D", "INFY"),
            ("SELL", "STRATEGY_A", "MINDA"),
        ):
            platform.clock.advance(1)
            terms = Terms(strategy, instrument, "BUY" if side == "BUY" else "SELL", scope, 1)
            outcomes.append(verdicts(send_signal(desk, terms, None)))
        assert outcomes == [
            {"Holland Proctor": Reason.NOT_HELD},
            {"Holland Proctor": Reason.OPENED},
            {"Oaklee Wagner": Reason.NOT_TRADED},
            {"Holland Proctor": last},
        ]
        assert len(platform.store.log) == (scope is ExitScope.USER)

    def test_signal_gets_an_id_and_its_orders_are_derived_from_it(self, platform: Platform, desk: Desk) -> None:
        result = send_signal(desk, replace(BUY, quantity=7), None)
        signal_id = result.signal.signal_id
        assert is_id(signal_id)
        assert not result.replayed
        for user in TRADERS:
            order = platform.orders.orders[OrderId(order_id_of(signal_id, user))]
            assert (order.type, order.side, order.instrument, order.quantity) == ("market", "buy", "L&T", 7)
            assert (order.user, order.strategy, order.signal_id, order.after) == (user, "STRATEGY_A", signal_id, None)
            assert order.limit_price is None

    def test_closing_order_comes_after_the_one_that_bought_and_sells_as_much(
        self, platform: Platform, desk: Desk
    ) -> None:
        bought = send_signal(desk, replace(BUY, quantity=7), None).signal.signal_id
        sold = send_signal(desk, replace(SELL, quantity=1), None).signal.signal_id
        order = platform.orders.orders[OrderId(order_id_of(sold, "Anne"))]
        assert (order.side, order.quantity, order.after) == ("sell", 7, order_id_of(bought, "Anne"))

    def test_without_a_key_each_signal_is_a_new_one(self, desk: Desk) -> None:
        first, second = (send_signal(desk, BUY, None) for _ in range(2))
        assert first.signal.signal_id != second.signal.signal_id
        assert set(verdicts(second).values()) == {"already_held"}

    def test_same_key_gets_the_same_answer_and_changes_nothing(self, platform: Platform, desk: Desk) -> None:
        first = send_signal(desk, BUY, "key")
        send_signal(desk, SELL, None)
        platform.put_profiles(EXAMPLE)
        before = list(platform.store.journal)
        again = send_signal(platform.desk(LEASE), BUY, "key")
        assert again == replace(first, replayed=True)
        assert platform.store.journal == before

    def test_signal_that_was_valid_for_nobody_is_replayed_too(self, platform: Platform, desk: Desk) -> None:
        first = send_signal(desk, SELL, "key")
        send_signal(desk, BUY, None)
        assert send_signal(desk, SELL, "key") == replace(first, replayed=True)
        assert len(platform.store.log) == 0

    @pytest.mark.parametrize("other", [SELL, new_terms(instrument="ACC")])
    def test_same_key_with_another_signal_is_refused(self, platform: Platform, desk: Desk, other: Terms) -> None:
        send_signal(desk, BUY, "key")
        before = list(platform.store.journal)
        with pytest.raises(KeyReusedError):
            send_signal(desk, other, "key")
        assert platform.store.journal == before

    def test_key_of_another_strategy_is_another_key(self, desk: Desk) -> None:
        first = send_signal(desk, BUY, "key")
        second = send_signal(desk, new_terms(strategy="STRATEGY_B"), "key")
        assert first.signal.signal_id != second.signal.signal_id
        assert not second.replayed

    def test_scope_and_quantity_are_the_deployment_s_and_no_part_of_the_request(self, desk: Desk) -> None:
        first = send_signal(desk, BUY, "key")
        again = send_signal(desk, replace(BUY, quantity=5, scope=ExitScope.STRATEGY), "key")
        assert again == replace(first, replayed=True)

    def test_before_the_first_profiles_nobody_is_concerned(self) -> None:
        platform = Platform()
        result = send_signal(platform.desk(LEASE), BUY, "key")
        assert (result.users, result.signal.generation, result.signal.is_complete) == ([], None, True)
        assert send_signal(platform.desk(LEASE), BUY, "key") == replace(result, replayed=True)

    def test_answer_names_who_runs_the_strategy_and_then_who_left_it(self, platform: Platform, desk: Desk) -> None:
        send_signal(desk, BUY, None)
        platform.put_profiles({"Zoe": {"STRATEGY_A": []}, "Ben": {"STRATEGY_A": []}, "Dirk": {"STRATEGY_B": ["L&T"]}})
        result = send_signal(desk, SELL, None)
        assert result.users == ["Ben", "Zoe", "Anne", "Cleo"]
        assert [reason.value for reason in result.signal.reasons] == ["closed", "not_held", "closed", "closed"]
        assert platform.store.open == {}

    def test_nothing_is_sold_before_it_was_bought_whatever_the_clocks_tell(
        self, platform: Platform, desk: Desk
    ) -> None:
        send_signal(desk, BUY, None)
        platform.clock.advance(-60)
        send_signal(desk, SELL, None)
        assert {(trip.bought_at, trip.sold_at) for trip in platform.store.log.values()} == {(at(0), at(0))}

    def test_many_users_take_many_transactions(self) -> None:
        platform = Platform()
        users = [f"user {number:04d}" for number in range(330)]
        platform.put_profiles({user: {"STRATEGY_A": ["L&T"]} for user in users})
        desk = platform.desk(LEASE)
        for terms, reason, size in ((BUY, "opened", 50), (SELL, "closed", 33)):
            before = len(platform.store.journal)
            assert verdicts(send_signal(desk, terms, None)) == dict.fromkeys(users, reason)
            sizes = [len(event) for event in platform.store.journal[before:] if not isinstance(event, Signal)]
            assert sum(sizes) == 330
            assert max(sizes) == size
            assert len(sizes) == -(-330 // size)

    @pytest.mark.parametrize("terms", [BUY, SELL])
    def test_more_users_than_a_request_can_carry_out_are_refused_before_anything_is_done(self, terms: Terms) -> None:
        platform = Platform()
        platform.put_profiles({f"user {number}": {"STRATEGY_A": ["L&T"]} for number in range(MAX_USERS + 1)})
        with pytest.raises(ConflictError, match="10001 users, and one signal takes at most 10000") as raised:
            send_signal(platform.desk(LEASE), terms, "key")
        assert raised.value.code == "too_many_users"
        assert platform.store.journal == []

    def test_as_many_users_as_a_request_can_carry_out_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.strategies.service.MAX_USERS", 3)
        platform = Platform()
        platform.put_profiles(TRADERS)
        desk = platform.desk(LEASE)
        assert verdicts(send_signal(desk, BUY, None)) == dict.fromkeys(TRADERS, "opened")
        # A leaver is sold out beside them.
        platform.put_profiles({user: {"STRATEGY_A": []} for user in ("Ben", "Cleo", "Dirk")})
        sold = {"Ben": "closed", "Cleo": "closed", "Dirk": "not_held", "Anne": "closed"}
        assert verdicts(send_signal(desk, SELL, None)) == sold

    def test_of_more_leavers_than_a_signal_takes_the_next_one_takes_the_rest(
        self, platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send_signal(desk, BUY, None)
        platform.put_profiles({"Dora": {"STRATEGY_A": []}})
        monkeypatch.setattr("chalicelib.strategies.service.MAX_USERS", 1)
        monkeypatch.setattr("chalicelib.strategies.service.LEAVERS_AT_LEAST", 2)
        first = {"Dora": "not_held", "Anne": "closed", "Ben": "closed"}
        assert verdicts(send_signal(desk, SELL, None)) == first
        assert verdicts(send_signal(desk, SELL, None)) == {"Dora": "not_held", "Cleo": "closed"}

    def test_names_of_leavers_that_one_item_cannot_hold_are_left_to_the_next_signal(
        self, platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send_signal(desk, BUY, None)
        platform.put_profiles({})
        monkeypatch.setattr("chalicelib.strategies.service.MAX_PACKED", len(pack_json(["Anne"])))
        assert [verdicts(send_signal(desk, SELL, None)) for _ in TRADERS] == [{user: "closed"} for user in TRADERS]


class TestPreviewSignal:
    @pytest.mark.parametrize("terms", [BUY, SELL])
    def test_preview_tells_what_the_signal_would_mean_and_writes_nothing(
        self, platform: Platform, desk: Desk, terms: Terms
    ) -> None:
        platform.store.commit(openings([new_position("Ben"), new_position("Zoe")]))
        before = (list(platform.store.journal), dict(platform.orders.orders), platform.profiles.known())
        preview = preview_signal(desk, terms)
        assert (platform.store.journal, platform.orders.orders, platform.profiles.known()) == before
        assert (preview.signal.signal_id, preview.signal.is_complete, preview.replayed) == ("", True, False)
        assert verdicts(send_signal(desk, terms, None)) == verdicts(preview)

    def test_preview_for_too_many_users_is_refused(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.strategies.service.MAX_USERS", 2)
        with pytest.raises(ConflictError):
            preview_signal(platform.desk(LEASE), BUY)


class TestViewSignal:
    @pytest.mark.parametrize("terms", [BUY, SELL])
    def test_complete_signal_is_shown_as_it_was_answered(self, platform: Platform, desk: Desk, terms: Terms) -> None:
        result = send_signal(desk, terms, None)
        platform.put_profiles({})
        assert view_signal(desk, result.signal.signal_id) == result

    def test_open_signal_tells_nothing_of_users_yet(self, platform: Platform, desk: Desk) -> None:
        actor = platform.signaling(BUY, "key")
        run_to(actor, "after commit")
        (signal_id,) = platform.store.signals
        result = view_signal(desk, signal_id)
        assert (result.users, result.signal.is_complete, result.signal.reasons) == (None, False, ())
        actor.crash()

    @pytest.mark.parametrize("signal_id", ["", "x", "7b7a8f8e-0000-4000-8000-000000000000", "7B7A8F8E" * 20, "\x00"])
    def test_unknown_signal_is_not_found(self, desk: Desk, signal_id: str) -> None:
        with pytest.raises(NotFoundError) as raised:
            view_signal(desk, signal_id)
        assert raised.value.code == "unknown_signal"

    def test_users_of_profiles_that_are_not_kept_any_more_are_not_told(self, platform: Platform, desk: Desk) -> None:
        first = send_signal(desk, BUY, "key")
        (generation,) = platform.profiles.known()
        platform.put_profiles({})
        platform.profiles.delete(generation)
        for result in (view_signal(desk, first.signal.signal_id), send_signal(desk, BUY, "key")):
            assert result.users is None
            assert result.signal == first.signal


class TestFinishSignal:
    def dead(self, platform: Platform, point: str = "after commit") -> Signal:
        """Return a signal whose worker died at this point."""
        actor = platform.signaling(BUY, "key")
        run_to(actor, point)
        actor.crash()
        (signal,) = platform.store.signals.values()
        return signal

    def test_signal_of_a_worker_that_may_be_alive_is_left_to_it(self, platform: Platform, desk: Desk) -> None:
        signal = self.dead(platform)
        platform.clock.now = signal.leased_until - timedelta(microseconds=1)
        assert finish_signal(desk, signal, FAR) is None
        assert platform.store.signals[signal.signal_id] == signal

    @pytest.mark.parametrize("point", ["after create", "before commit", "after commit", "before save"])
    def test_signal_of_a_dead_worker_is_completed(self, platform: Platform, desk: Desk, point: str) -> None:
        signal = self.dead(platform, point)
        platform.clock.now = signal.leased_until
        result = finish_signal(desk, signal, FAR)
        assert result is not None
        assert verdicts(result) == dict.fromkeys(TRADERS, "opened")
        check_settled(platform)

    def test_signal_is_completed_on_its_own_profiles(self, platform: Platform, desk: Desk) -> None:
        signal = self.dead(platform, "after create")
        platform.put_profiles(EXAMPLE)
        platform.clock.now = signal.leased_until
        result = finish_signal(desk, signal, FAR)
        assert result is not None
        assert result.users == sorted(TRADERS)

    def test_signal_that_another_took_meanwhile_is_left_to_it(self, platform: Platform, desk: Desk) -> None:
        signal = self.dead(platform)
        platform.clock.now = signal.leased_until
        taken = replace(signal, worker=new_id(), leased_until=at(90))
        platform.store.save(taken, signal.worker)
        assert finish_signal(desk, signal, FAR) is None
        assert platform.store.signals[signal.signal_id] == taken

    def test_signal_that_another_completed_meanwhile_stays_as_it_is(self, platform: Platform, desk: Desk) -> None:
        signal = self.dead(platform)
        platform.clock.now = signal.leased_until
        first = finish_signal(platform.desk(LEASE), signal, FAR)
        assert finish_signal(desk, signal, FAR) is None
        assert first is not None
        assert platform.store.signals[signal.signal_id] == first.signal

    def test_what_cannot_be_done_in_time_is_left_open(self, platform: Platform, desk: Desk) -> None:
        signal = self.dead(platform, "after create")
        platform.clock.now = signal.leased_until
        with pytest.raises(UnfinishedError):
            finish_signal(desk, signal, signal.leased_until - timedelta(microseconds=1))
        assert platform.orders.orders == {}
        platform.settle()
        check_settled(platform)

    def test_fault_while_it_is_completed_leaves_it_open(self, platform: Platform) -> None:
        signal = self.dead(platform, "after create")
        platform.clock.now = signal.leased_until

        def fail(point: str) -> None:
            if point == "before commit":
                raise ConnectionError

        with pytest.raises(UnfinishedError):
            finish_signal(platform.desk(LEASE, fail), signal, FAR)
        assert not platform.store.signals[signal.signal_id].is_complete
        platform.settle()
        check_settled(platform)


class TestLease:
    def test_new_signal_is_its_worker_s_for_the_lease(self, platform: Platform) -> None:
        actor = platform.signaling(BUY, "key")
        run_to(actor, "after create")
        (signal,) = platform.store.signals.values()
        assert (signal.created_at, signal.leased_until) == (at(0), at(0) + LEASE)
        actor.crash()

    def test_no_transaction_is_begun_shortly_before_its_end(self, platform: Platform) -> None:
        actor = platform.signaling(BUY, "key")
        run_to(actor, "after create")
        platform.clock.now = at(0) + LEASE - MARGIN + timedelta(microseconds=1)
        actor.finish()
        assert isinstance(actor.error, UnfinishedError)
        assert platform.orders.orders == {}
        platform.settle()
        check_settled(platform)
        assert len(platform.orders.orders) == 3


class TestProfiles:
    def test_there_are_none_at_first(self) -> None:
        assert view_profiles(Platform().desk(LEASE)) == {}

    @pytest.mark.parametrize("profiles", [EXAMPLE, {}, {"idle": {}}])
    def test_profiles_are_shown_as_they_were_put(self, desk: Desk, profiles: Profiles) -> None:
        replace_profiles(desk, profiles)
        assert view_profiles(desk) == profiles

    def test_users_and_rows_are_counted(self, platform: Platform, desk: Desk) -> None:
        generation = replace_profiles(desk, EXAMPLE | {"idle": {}})
        assert (generation.users, generation.rows, generation.created_at) == (3, 3, at(0))
        assert platform.profiles.current() == generation

    def test_of_two_replacements_at_once_the_loser_is_told(self, platform: Platform) -> None:
        slow, fast = platform.replacing(EXAMPLE), platform.replacing({})
        run_to(slow, "before switch")
        fast.finish()
        slow.finish()
        assert fast.error is None
        assert isinstance(slow.error, ConflictError)
        assert slow.error.code == "profiles_replaced"
        assert view_profiles(platform.desk(LEASE)) == {}

    @pytest.mark.parametrize("point", ["before make known", "before write profiles", "before switch"])
    def test_replacement_that_dies_changes_nothing(self, platform: Platform, point: str) -> None:
        actor = platform.replacing(EXAMPLE)
        run_to(actor, point)
        actor.crash()
        assert view_profiles(platform.desk(LEASE)) == TRADERS

    def test_signal_sees_the_old_profiles_or_the_new_never_a_mixture(self, platform: Platform) -> None:
        new: Profiles = {"Dirk": {"STRATEGY_A": ["L&T"]}}
        seen = set()
        for steps in range(12):
            platform = Platform()
            platform.put_profiles(TRADERS)
            replacing, signaling = platform.replacing(new), platform.signaling(BUY, "key")
            for _ in range(steps):
                signaling.go_on()
            replacing.finish()
            signaling.finish()
            users = platform.answers[-1].users
            assert users is not None
            seen.add(tuple(users))
            check_settled(platform)
        assert seen == {("Anne", "Ben", "Cleo"), ("Dirk",)}


def test_orders_that_opened_positions_are_found(platform: Platform) -> None:
    positions = [new_position("Anne"), new_position("Ben")]
    changes = openings(positions)
    platform.store.commit(changes[:1])
    found = orders_of(platform.orders, positions)
    assert found == {positions[0].order_id: changes[0].order}
