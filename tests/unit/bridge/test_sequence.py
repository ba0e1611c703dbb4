"""What has arrived, what is in the queue, and what is missing."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.sequence import Gap, Ranges, Sequence

AFTER = 10


class Sequences(RuleBasedStateMachine):
    """A sequence beside a model of plain sets."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence = Sequence(AFTER)
        self.arrived = set(range(AFTER + 1))
        self.pending: set[int] = set()
        self.announced = AFTER
        self.settled_before = AFTER

    @rule(number=st.integers(1, 60))
    def arrive(self, number: int) -> None:
        assert self.sequence.arrive(number) == (number not in self.arrived)
        if number not in self.arrived:
            self.arrived.add(number)
            self.pending.add(number)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.pending)))
        self.sequence.settle(number)
        self.pending.discard(number)

    @rule(last=st.integers(0, 70))
    def announce(self, last: int) -> None:
        self.sequence.announce(last)
        self.announced = max(self.announced, last)

    @invariant()
    def everything_is_known(self) -> None:
        missing = set(range(1, 100)) - self.arrived
        highest = max(self.arrived)
        assert self.sequence.arrived_to == min(missing) - 1
        assert self.sequence.settled_to == min(missing | self.pending) - 1
        assert self.sequence.last == max(highest, self.announced)
        assert spread(self.sequence.gaps()) == sorted(number for number in missing if number < highest)
        tail = self.sequence.tail()
        assert spread([tail] if tail else []) == list(range(highest + 1, self.announced + 1))

    @invariant()
    def what_is_settled_stays_settled(self) -> None:
        assert self.sequence.settled_to >= self.settled_before
        self.settled_before = self.sequence.settled_to


TestSequences = Sequences.TestCase


def spread(gaps: list[Gap]) -> list[int]:
    return [number for gap in gaps for number in range(gap.first, gap.last + 1)]


@given(st.lists(st.integers(-5, 40)))
def test_ranges_are_a_set(numbers: list[int]) -> None:
    ranges, model = Ranges(0, 3), {0, 1, 2, 3}
    for number in numbers:
        ranges.add(number)
        model.add(number)
    assert [number for number in range(-10, 50) if number in ranges] == sorted(model)
    assert spread(ranges.holes()) == [number for number in range(min(model), max(model)) if number not in model]


@given(st.lists(st.integers(1, 400)), st.integers(2, 6))
def test_memory_is_bounded_whatever_is_missing(numbers: list[int], islands: int) -> None:
    sequence, settled = Sequence(0, islands), set[int]()
    for number in numbers:
        sequence.arrive(number)
        assert len(sequence.gaps()) < islands
        assert sequence.last >= number
        sequence.settle(number)
        settled.add(number)
        assert set(range(1, sequence.settled_to + 1)) <= settled


def test_what_was_forgotten_counts_as_missing_and_may_come_again() -> None:
    sequence = Sequence(0, islands=5)
    for number in (2, 4, 5, 7, 9, 11):
        assert sequence.arrive(number)
    assert (sequence.gaps(), sequence.tail()) == ([Gap(1, 3)], Gap(6, 11))  # The others were islands of one.
    assert sequence.arrive(2)
    assert not sequence.arrive(5)


def test_a_forgotten_report_that_waits_still_holds_the_mark_back() -> None:
    sequence = Sequence(0, islands=2)
    for number in (3, 5, 1, 2, 3, 4, 5):
        sequence.arrive(number)
    for number in (1, 2, 4, 5):
        sequence.settle(number)
    assert (sequence.arrived_to, sequence.settled_to) == (5, 2)
