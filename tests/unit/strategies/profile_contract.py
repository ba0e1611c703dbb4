"""What every ProfileStore must do. A test class inherits it and gives the store."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.ids import new_id
from chalicelib.strategies.profiles import Generation, ProfileStore, ReplacedMeanwhileError
from chalicelib.strategies.signal import Profiles
from tests.unit.strategies.signals import at

HOLLAND: Profiles = {
    "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}
ODD: list[Profiles] = [
    {},
    {"nobody's": {}},
    {"idle": {}, "busy": {"A": ["L&T"]}, "waiting": {"A": []}},
    {"Émile O'Neil": {"雪": ["L&T", "a # b", 'c"\\d']}, "😀" * 64: {"A B": ["€"]}},
    {"user": {"A": ["x"], "AB": ["y"], "A B": ["z"], "a": []}},
    {"user": {"0000": ["x"], "known": ["y"], "current": ["z"], "-": ["a"]}},
    {"user": {"A": ["x", "x"]}},
]

_names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
any_profiles = st.dictionaries(_names, st.dictionaries(_names, st.lists(_names, max_size=4), max_size=4), max_size=6)


def new_generation(profiles: Profiles, seconds: float = 0) -> Generation:
    """Return a generation for the profiles."""
    return Generation(new_id(), at(seconds), len(profiles), sum(map(len, profiles.values())))


def put(store: ProfileStore, profiles: Profiles, seconds: float = 0) -> Generation:
    """Put the profiles in force."""
    generation = new_generation(profiles, seconds)
    store.replace(profiles, generation, store.current())
    return generation


def many_users(count: int, instruments: int, length: int = 20) -> Profiles:
    """Return users of one strategy, all different."""
    traded = [f"{number:0{length}d}" for number in range(instruments)]
    return {f"user {number}": {"A": traded} for number in range(count)}


def ids_of(generations: Iterable[Generation]) -> set[str]:
    """Return the ids of the generations."""
    return {generation.generation_id for generation in generations}


class ReplaceContract:
    def test_there_are_none_at_first(self, store: ProfileStore) -> None:
        assert store.current() is None
        assert store.known() == []

    def test_profiles_come_back_as_they_were_put(self, store: ProfileStore) -> None:
        generation = put(store, HOLLAND)
        assert store.current() == generation
        assert store.profiles(generation.generation_id) == HOLLAND

    @pytest.mark.parametrize("profiles", ODD)
    def test_any_profiles_come_back_as_they_were_put(self, store: ProfileStore, profiles: Profiles) -> None:
        generation = put(store, profiles)
        assert store.profiles(generation.generation_id) == profiles
        assert store.current() == generation

    def test_profiles_of_all_names_come_back(self, store: ProfileStore) -> None:
        @settings(max_examples=30)
        @given(any_profiles)
        def round_trip(profiles: Profiles) -> None:
            generation_id = put(store, profiles).generation_id
            assert store.profiles(generation_id) == profiles
            for strategy in {name for strategies in profiles.values() for name in strategies}:
                assert store.subscribers(generation_id, strategy) == {
                    user: strategies[strategy] for user, strategies in profiles.items() if strategy in strategies
                }

        round_trip()

    def test_users_of_a_strategy_are_found_with_their_instruments(self, store: ProfileStore) -> None:
        generation_id = put(store, ODD[4] | {"other": {"A": ["y"]}}).generation_id
        assert store.subscribers(generation_id, "A") == {"user": ["x"], "other": ["y"]}
        assert store.subscribers(generation_id, "AB") == {"user": ["y"]}
        assert store.subscribers(generation_id, "B") == {}
        assert store.subscribers(new_id(), "A") == {}

    @pytest.mark.parametrize(("users", "instruments"), [(300, 200), (3_000, 1), (2, 1_000)])
    def test_profiles_of_many_users_come_back(self, store: ProfileStore, users: int, instruments: int) -> None:
        profiles = many_users(users, instruments)
        generation_id = put(store, profiles).generation_id
        assert store.profiles(generation_id) == profiles
        assert store.subscribers(generation_id, "A") == {user: part["A"] for user, part in profiles.items()}

    def test_replaced_profiles_are_out_of_force_and_still_there(self, store: ProfileStore) -> None:
        first, second = put(store, HOLLAND), put(store, ODD[2], seconds=1)
        assert store.current() == second
        assert store.profiles(second.generation_id) == ODD[2]
        assert store.profiles(first.generation_id) == HOLLAND
        assert store.subscribers(first.generation_id, "STRATEGY_B") == {"Holland Proctor": ["MINDA"]}

    def test_first_profiles_of_two_clients_are_those_of_one(self, store: ProfileStore) -> None:
        winner = put(store, HOLLAND)
        with pytest.raises(ReplacedMeanwhileError):
            store.replace(ODD[2], new_generation(ODD[2]), None)
        assert store.current() == winner

    def test_who_read_profiles_that_are_out_of_force_by_now_replaces_nothing(self, store: ProfileStore) -> None:
        first = put(store, HOLLAND)
        winner = put(store, ODD[2])
        with pytest.raises(ReplacedMeanwhileError):
            store.replace(ODD[3], new_generation(ODD[3]), first)
        assert store.current() == winner
        assert store.profiles(winner.generation_id) == ODD[2]

    def test_repeated_replacement_is_its_own(self, store: ProfileStore) -> None:
        before = put(store, HOLLAND)
        generation = new_generation(ODD[2], seconds=1)
        for _ in range(2):
            store.replace(ODD[2], generation, before)
        assert store.current() == generation
        assert store.profiles(generation.generation_id) == ODD[2]

    def test_repeated_replacement_is_refused_when_another_came_in_between(self, store: ProfileStore) -> None:
        before = put(store, HOLLAND)
        generation = new_generation(ODD[2], seconds=1)
        store.replace(ODD[2], generation, before)
        winner = put(store, ODD[3], seconds=2)
        with pytest.raises(ReplacedMeanwhileError):
            store.replace(ODD[2], generation, before)
        assert store.current() == winner


class RetireContract:
    def test_every_generation_is_known_that_of_a_loser_too(self, store: ProfileStore) -> None:
        first = put(store, HOLLAND)
        second = put(store, ODD[2], seconds=1)
        loser = new_generation(ODD[3], seconds=2)
        with pytest.raises(ReplacedMeanwhileError):
            store.replace(ODD[3], loser, first)
        assert sorted(store.known(), key=lambda one: one.created_at) == [first, second, loser]

    def test_retired_generation_is_known_as_such_and_still_there(self, store: ProfileStore) -> None:
        generation, current = put(store, HOLLAND), put(store, ODD[2], seconds=1)
        store.mark_retired(generation, at(60))
        assert sorted(store.known(), key=lambda one: one.created_at) == [
            replace(generation, retired_at=at(60)),
            current,
        ]
        assert store.profiles(generation.generation_id) == HOLLAND
        assert store.current() == current

    def test_deleted_generation_is_gone_and_no_other(self, store: ProfileStore) -> None:
        large = put(store, many_users(300, 200))
        kept, current = put(store, HOLLAND, seconds=1), put(store, ODD[2], seconds=2)
        store.delete(large)
        assert ids_of(store.known()) == ids_of([kept, current])
        assert store.profiles(large.generation_id) == {}
        assert store.profiles(kept.generation_id) == HOLLAND
        assert store.profiles(current.generation_id) == ODD[2]
        assert store.current() == current

    def test_deleted_generation_may_be_deleted_again(self, store: ProfileStore) -> None:
        generation = put(store, HOLLAND)
        for _ in range(2):
            store.delete(generation)
        assert store.known() == []


class ProfileStoreContract(ReplaceContract, RetireContract):
    """All of it."""
