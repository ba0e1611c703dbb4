"""Which reports of a session have arrived, which of them are in the queue, and which are missing. Pure."""

from bisect import bisect_left, bisect_right
from heapq import heappop, heappush
from typing import NamedTuple

MOST_ISLANDS = 1_000


class Gap(NamedTuple):
    """Sequence numbers that have not arrived, first and last included."""

    first: int
    last: int


class Ranges:
    """A set of whole numbers, kept as sorted ranges that neither overlap nor touch."""

    def __init__(self, first: int, last: int) -> None:
        self._firsts = [first]
        self._lasts = [last]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __len__(self) -> int:
        return len(self._firsts)

    @property
    def first_end(self) -> int:
        """The last number of the lowest range."""
        return self._lasts[0]

    @property
    def highest(self) -> int:
        """The highest number of all."""
        return self._lasts[-1]

    def add(self, number: int) -> None:
        """Put a number in, joining the ranges that it touches."""
        low = bisect_left(self._lasts, number - 1)
        high = bisect_right(self._firsts, number + 1)
        first = last = number
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def holes(self) -> list[Gap]:
        """Return what lies between the ranges, lowest first."""
        return [Gap(last + 1, first - 1) for last, first in zip(self._lasts, self._firsts[1:], strict=False)]

    def forget_smallest(self, keep: int) -> None:
        """Keep the lowest range and the longest of the others."""
        others = sorted(range(1, len(self)), key=lambda at: self._firsts[at] - self._lasts[at])
        kept = [0, *sorted(others[: keep - 1])]
        self._firsts = [self._firsts[at] for at in kept]
        self._lasts = [self._lasts[at] for at in kept]


class Sequence:
    """The reports of a session by number, from 1.

    What it remembers is bounded: beyond so many islands (runs of numbers that arrived while a lower one is missing)
    the smaller half of them is forgotten, counts as missing, and will come again.
    """

    def __init__(self, after: int, islands: int = MOST_ISLANDS) -> None:
        """Begin behind a number up to which everything is in the queue."""
        self._arrived = Ranges(0, after)  # There is no 0: the lowest range only needs a beginning.
        self._islands = islands
        self._announced = after
        self._pending: set[int] = set()
        self._lowest: list[int] = []

    @property
    def arrived_to(self) -> int:
        """Everything up to here has arrived."""
        return self._arrived.first_end

    @property
    def settled_to(self) -> int:
        """Everything up to here is in the queue. It never goes down."""
        while self._lowest and self._lowest[0] not in self._pending:
            heappop(self._lowest)
        return min(self.arrived_to, self._lowest[0] - 1) if self._lowest else self.arrived_to

    @property
    def highest(self) -> int:
        """The highest number that arrived."""
        return self._arrived.highest

    @property
    def last(self) -> int:
        """The highest number known to exist."""
        return max(self._announced, self.highest)

    def announce(self, last: int) -> None:
        """Note that the exchange has sent, or will send, everything up to here."""
        self._announced = max(self._announced, last)

    def arrive(self, number: int) -> bool:
        """Note that a report arrived, and tell whether it is new: if so, it has to be settled."""
        if number in self._arrived:
            return False
        self._arrived.add(number)
        if len(self._arrived) > self._islands:
            self.announce(self.highest)
            self._arrived.forget_smallest(max(self._islands // 2, 1))
        self._pending.add(number)
        heappush(self._lowest, number)
        return True

    def settle(self, number: int) -> None:
        """Note that a report is in the queue."""
        self._pending.discard(number)

    def gaps(self) -> list[Gap]:
        """Return what is missing below the highest number that arrived, lowest first."""
        return self._arrived.holes()

    def tail(self) -> Gap | None:
        """Return what is missing above it, None if nothing is known to be."""
        return Gap(self.highest + 1, self._announced) if self._announced > self.highest else None
