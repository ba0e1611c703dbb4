"""Ranges of missing numbers, against a set of numbers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.broker.gaps import MAX_GAPS, MAX_TEXT, Gaps, drop_up_to, fill_gap, open_gap, read_gaps, write_gaps

arrivals = st.lists(st.integers(1, 40), max_size=40)


def numbers(gaps: Gaps) -> set[int]:
    return {number for first, last in gaps for number in range(first, last + 1)}


def arrive(order_seqs: list[int]) -> tuple[Gaps, set[int]]:
    """Return the gaps after arrivals, and what is missing in truth."""
    gaps: Gaps = ()
    highest = 0
    for order_seq in order_seqs:
        gaps = open_gap(gaps, highest + 1, order_seq - 1) if order_seq > highest else fill_gap(gaps, order_seq)
        highest = max(highest, order_seq)
    return gaps, set(range(1, highest + 1)) - set(order_seqs)


@given(arrivals)
def test_nothing_is_taken_for_received_that_was_not(order_seqs: list[int]) -> None:
    gaps, missing = arrive(order_seqs)
    assert missing <= numbers(gaps)
    assert len(gaps) <= MAX_GAPS
    assert len(write_gaps(gaps)) <= MAX_TEXT


@given(st.lists(st.integers(1, 16), max_size=40))
def test_few_gaps_are_exactly_what_is_missing(order_seqs: list[int]) -> None:
    gaps, missing = arrive(order_seqs)
    assert numbers(gaps) == missing


@given(arrivals)
def test_ranges_go_up_and_lie_apart(order_seqs: list[int]) -> None:
    gaps, _ = arrive(order_seqs)
    ends = [end for gap in gaps for end in gap]
    assert ends == sorted(ends)
    assert all(above[0] - below[1] > 1 for below, above in pairwise(gaps))


@given(arrivals, st.integers(1, 40))
def test_snapshot_leaves_what_is_missing_above_it(order_seqs: list[int], number: int) -> None:
    gaps, _ = arrive(order_seqs)
    left = drop_up_to(gaps, number)
    assert numbers(left) == {each for each in numbers(gaps) if each > number}
    assert all(first <= last for first, last in left)


@given(arrivals)
def test_text_comes_back_as_it_was(order_seqs: list[int]) -> None:
    gaps, _ = arrive(order_seqs)
    assert read_gaps(write_gaps(gaps)) == gaps


@pytest.mark.parametrize(("gaps", "text"), [((), ""), (((2, 2),), "2"), (((2, 2), (5, 7)), "2,5-7")])
def test_text_is_short(gaps: Gaps, text: str) -> None:
    assert write_gaps(gaps) == text


def test_two_lowest_become_one_when_there_are_too_many() -> None:
    gaps: Gaps = ()
    for first in range(1, 2 * MAX_GAPS + 1, 2):
        gaps = open_gap(gaps, first, first)
    assert gaps[:2] == ((1, 1), (3, 3))
    assert open_gap(gaps, 17, 17)[:2] == ((1, 3), (5, 5))


def test_ranges_of_large_numbers_become_fewer_but_never_none() -> None:
    gaps: Gaps = ()
    for first in range(10**9, 10**9 + 20, 4):
        gaps = open_gap(gaps, first, first + 1)
    assert gaps == ((10**9, 10**9 + 17),)


def test_text_may_be_as_long_as_there_is_room() -> None:
    gaps: Gaps = tuple((number, number) for number in (10, 12, 14, 16, 18, 20, 22))
    exact = open_gap(gaps, 100, 100)
    assert (len(write_gaps(exact)), exact) == (MAX_TEXT, (*gaps, (100, 100)))
    assert open_gap(gaps, 100, 101)[0] != (10, 10)
