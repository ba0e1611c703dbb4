from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.ids import derive_id, is_id, new_id, shard_of


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


def test_derived_id_never_changes() -> None:
    # Written down: a later version must find the orders of an earlier one by their keys.
    assert derive_id("broker", "a-key") == "e3de5f5b-c220-5a2f-839e-6659dc29cfd8"


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4), st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_different_parts_give_different_ids(first: list[str], second: list[str]) -> None:
    assert (derive_id(*first) == derive_id(*second)) == (first == second)


def test_parts_do_not_run_together() -> None:
    assert derive_id("a", "bc") != derive_id("ab", "c")
    assert derive_id("a", "1:b") != derive_id("a1:b")


@given(st.text(), st.text())
def test_derived_and_new_ids_have_the_form_of_an_id(scope: str, part: str) -> None:
    assert is_id(derive_id(scope, part))
    assert UUID(derive_id(scope, part)).version == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "health",
        "7b7a8f8e-0000-4000-8000-00000000000",
        "7B7A8F8E-0000-4000-8000-000000000000",
        "{7b7a8f8e-0000-4000-8000-000000000000}",
        "urn:uuid:7b7a8f8e-0000-4000-8000-000000000000",
        "7b7a8f8e000040008000000000000000",
        "x" * 10_000,
        "\u0667b7a8f8e-0000-4000-8000-000000000000",
    ],
)
def test_what_is_no_id_is_told_apart(text: str) -> None:
    assert not is_id(text)


@given(st.uuids())
def test_shard_of_an_item_is_always_the_same_and_within_range(item: UUID) -> None:
    assert 0 <= shard_of(str(item), 8) < 8
    assert shard_of(str(item), 8) == shard_of(str(item), 8)


def test_shards_are_used_evenly() -> None:
    shards = [shard_of(derive_id("spread", str(number)), 8) for number in range(8_000)]
    assert all(800 < shards.count(shard) < 1_200 for shard in range(8))
