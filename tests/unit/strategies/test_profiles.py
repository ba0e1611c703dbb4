"""The contract of the profiles, on the fake and on DynamoDB; lost answers, crashes, and how large items get."""

import zlib
from collections.abc import Callable
from random import Random

import pytest
from pynamodb.exceptions import PutError, PynamoDBException

from chalicelib.strategies.item import PART_BYTES
from chalicelib.strategies.profiles import DynamoProfileStore, ProfileStore, ReplacedMeanwhileError
from tests.client_faults import ClientFaults
from tests.unit.strategies.fakes.profiles import MemoryProfileStore
from tests.unit.strategies.profile_contract import (
    HOLLAND,
    ODD,
    ProfileStoreContract,
    ids_of,
    many_users,
    new_generation,
    put,
)
from tests.unit.strategies.signals import at
from tests.unit.strategies.tables import Item, items_of, profiles_of, size_of

PUT, BATCH = "dynamodb.PutItem", "dynamodb.BatchWriteItem"
LIMIT = 400 * 1024
"""Bytes of an item, at most: DynamoDB's limit."""


class TestMemoryProfileStore(ProfileStoreContract):
    @pytest.fixture
    def store(self) -> ProfileStore:
        return MemoryProfileStore()


@pytest.fixture
def store(aws: dict[str, str]) -> DynamoProfileStore:
    return profiles_of(aws)


class TestDynamoProfileStore(ProfileStoreContract):
    """On the fixture of this module."""


def nothing() -> None:
    """Let nothing happen elsewhere."""


def void(value: object) -> None:
    """Forget the value."""
    del value


def parts_in(environment: dict[str, str]) -> list[Item]:
    return [item for item in items_of(environment["SUBSCRIPTIONS_TABLE"]) if "subscribers" in item]


class TestFaults:
    def at_the_switch(self, client_faults: ClientFaults, *, times: int, then: Callable[[], None] = nothing) -> None:
        """Let the answers of the put that switches get lost: the one that follows the profiles themselves."""
        client_faults.loses_answer(BATCH, then=lambda: client_faults.loses_answer(PUT, times, then))

    def test_switch_whose_answer_is_lost_is_done(self, store: DynamoProfileStore, client_faults: ClientFaults) -> None:
        for profiles in (HOLLAND, ODD[2]):
            before, generation = store.current(), new_generation(profiles)
            self.at_the_switch(client_faults, times=1)
            store.replace(profiles, generation, before)
            assert store.current() == generation
            assert store.profiles(generation.generation_id) == profiles

    def test_switch_whose_answer_is_lost_is_refused_when_others_came_into_force_before_the_retry(
        self, store: DynamoProfileStore, client_faults: ClientFaults
    ) -> None:
        before = put(store, HOLLAND)
        self.at_the_switch(client_faults, times=1, then=lambda: void(put(store, ODD[3])))
        with pytest.raises(ReplacedMeanwhileError):
            store.replace(ODD[2], new_generation(ODD[2]), before)
        current = store.current()
        assert current is not None
        assert store.profiles(current.generation_id) == ODD[3]

    def test_switch_whose_every_answer_is_lost_raises(
        self, store: DynamoProfileStore, client_faults: ClientFaults
    ) -> None:
        before, generation = put(store, HOLLAND), new_generation(ODD[2])
        self.at_the_switch(client_faults, times=3)
        with pytest.raises(PutError):
            store.replace(ODD[2], generation, before)
        assert store.current() == generation

    def test_profiles_that_cannot_be_written_do_not_come_into_force(
        self, store: DynamoProfileStore, client_faults: ClientFaults
    ) -> None:
        before, generation = put(store, HOLLAND), new_generation(ODD[2])
        client_faults.never_arrives(BATCH, times=3)
        with pytest.raises(PynamoDBException):
            store.replace(ODD[2], generation, before)
        assert store.current() == before
        assert ids_of(store.known()) == ids_of([before, generation])

    def test_profiles_that_are_not_even_known_leave_nothing(
        self, store: DynamoProfileStore, aws: dict[str, str], client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives(PUT, times=3)
        with pytest.raises(PutError):
            store.replace(HOLLAND, new_generation(HOLLAND), None)
        assert items_of(aws["SUBSCRIPTIONS_TABLE"]) == []

    def test_deletion_that_stopped_halfway_is_known_and_goes_on(
        self, store: DynamoProfileStore, aws: dict[str, str], client_faults: ClientFaults
    ) -> None:
        # One part for each strategy, more than one call can delete.
        profiles = {"user": {f"S{number}": ["A"] for number in range(40)}}
        generation = put(store, profiles)
        client_faults.loses_answer(BATCH, then=lambda: client_faults.never_arrives(BATCH, times=6))
        with pytest.raises(PynamoDBException):
            store.delete(generation)
        assert store.known() == [generation]
        assert 0 < len(parts_in(aws)) < 40
        client_faults.reset()
        store.delete(generation)
        assert store.known() == []
        assert parts_in(aws) == []


class TestParts:
    def test_strategy_takes_one_part_while_it_fits(self, store: DynamoProfileStore, aws: dict[str, str]) -> None:
        put(store, HOLLAND)
        assert [part["part"]["S"] for part in parts_in(aws)] == [
            "STRATEGY_A\x1f0000",
            "STRATEGY_B\x1f0000",
            "STRATEGY_D\x1f0000",
        ]

    def test_users_of_a_strategy_go_into_as_many_parts_as_they_need(
        self, store: DynamoProfileStore, aws: dict[str, str]
    ) -> None:
        profiles = many_users(300, 200)
        put(store, profiles)
        parts = parts_in(aws)
        assert len(parts) == 6
        for part in parts:
            assert len(zlib.decompress(part["subscribers"]["B"])) <= PART_BYTES + 2

    def test_longest_row_there_can_be_fits_into_an_item(self, store: DynamoProfileStore, aws: dict[str, str]) -> None:
        profiles = {user: {"😀" * 64: traded} for user, traded in longest_rows(3).items()}
        generation_id = put(store, profiles).generation_id
        sizes = [size_of(part) for part in parts_in(aws)]
        assert len(sizes) == 3
        assert max(sizes) < LIMIT
        assert store.profiles(generation_id) == profiles

    def test_pointer_and_known_generation_are_small(self, store: DynamoProfileStore, aws: dict[str, str]) -> None:
        store.mark_retired(put(store, many_users(3_000, 1)), at(0))
        items = [item for item in items_of(aws["SUBSCRIPTIONS_TABLE"]) if "subscribers" not in item]
        assert len(items) == 2
        assert max(map(size_of, items)) <= 300


def longest_rows(count: int) -> dict[str, list[str]]:
    """Return users and what they trade, in names of 64 characters that take four bytes each and are all different."""
    random = Random(1)

    def name() -> str:
        return "".join(chr(random.randrange(0x20000, 0x2A6D0)) for _ in range(64))

    return {name(): [name() for _ in range(1_000)] for _ in range(count)}
