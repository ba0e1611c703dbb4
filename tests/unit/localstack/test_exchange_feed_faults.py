"""What the feed does to reports when it is told to: each fault occurs, and the same each time."""

from typing import Any

import pytest
from exchange_feed_faults import FARTHEST, Disorder, Fate, FeedFaults, fate_of
from hypothesis import given
from hypothesis import strategies as st

COUNT = 1_000


def sent(faults: FeedFaults, lot: int = 7) -> list[int]:
    """Return the numbers of the reports as they are sent, when they come in lots of that size."""
    disorder, seen = Disorder(), list[bytes]()
    for first in range(1, COUNT + 1, lot):
        reports = [b"%d" % seq for seq in range(first, min(first + lot, COUNT + 1))]
        seen += disorder.let_through(first, reports, faults)
    return [int(report) for report in seen + disorder.let_go()]


def test_without_faults_every_report_arrives_once_and_in_order() -> None:
    assert sent(FeedFaults()) == list(range(1, COUNT + 1))


def test_some_are_left_out() -> None:
    seen = sent(FeedFaults(drop=0.1))
    assert 50 < COUNT - len(seen) < 150
    assert seen == sorted(set(seen))


def test_some_are_sent_twice() -> None:
    seen = sent(FeedFaults(duplicate=0.1))
    assert 50 < len(seen) - COUNT < 150
    assert set(seen) == set(range(1, COUNT + 1))
    assert max(map(seen.count, seen)) == 2


def test_some_are_held_back_behind_later_ones_but_not_behind_too_many() -> None:
    seen = sent(FeedFaults(reorder=0.1))
    assert sorted(seen) == list(range(1, COUNT + 1))
    overtaken = [sum(later > seq for later in seen[: seen.index(seq)]) for seq in seen]
    assert 10 < max(overtaken) <= FARTHEST
    assert 50 < sum(by > 0 for by in overtaken) < 150


def test_a_report_may_come_now_and_again_later() -> None:
    seen = sent(FeedFaults(duplicate=1, reorder=1))
    assert sorted(seen) == sorted([*range(1, COUNT + 1)] * 2)
    assert sum(seen.index(seq) + 1 < COUNT * 2 - 1 - seen[::-1].index(seq) for seq in set(seen)) > COUNT / 2


@given(st.integers(1, 50), st.integers(1, 50), st.integers())
def test_the_same_seed_gives_the_same_however_the_reports_come(one: int, other: int, seed: int) -> None:
    faults = FeedFaults(duplicate=0.2, reorder=0.2, drop=0.2, seed=seed)
    assert sent(faults, one) == sent(faults, other)


def test_other_seeds_give_other_faults() -> None:
    assert len({tuple(sent(FeedFaults(drop=0.1, seed=seed))) for seed in range(5)}) == 5


def test_a_report_has_its_fate_wherever_it_is_sent() -> None:
    faults = FeedFaults(duplicate=0.5, reorder=0.5, drop=0.5, seed=7)
    fates = [fate_of(seq, faults) for seq in range(100)]
    assert fates == [fate_of(seq, faults) for seq in range(100)]
    assert fate_of(1, FeedFaults()) == Fate()


def test_what_is_held_back_is_not_lost_when_reports_in_between_are_forgotten() -> None:
    faults, disorder = FeedFaults(reorder=1), Disorder()
    assert disorder.let_through(1, [b"1"], faults) == []
    assert b"1" in disorder.let_through(1_000, [b"1000"], FeedFaults())
    assert not disorder.holds


@pytest.mark.parametrize("faults", [{"drop": 1.1}, {"delay": -1}, {"burst": 0}, {"burst": 501}, {"loss": 1}])
def test_faults_that_make_no_sense_are_refused(faults: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(faults))):
        FeedFaults(**faults)
