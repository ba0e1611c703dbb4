"""Measure the book of one artwork: ``python benchmarks/book.py`` prints time per operation, by what rests in the book.

An operation is an arrival. The size of the book stays the same while it is measured. Each figure is the median of the
runs, in processor time, which others on the machine disturb less than the clock on the wall. The last columns are the
largest book's ratio to the smallest, and the operations per second in the smallest and the largest.

The trades are kept, as a caller keeps them: to free what rested, from memory that is in no cache, is not the book's
work.
"""

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from chalicelib.market.book import Book, BookOrder, Side, match_book

SIZES = (10_000, 100_000, 1_000_000)
RUNS = 7
OPERATIONS = 40_000
"""Timed in each run."""
MIDDLE = 10**9
OWNER = -1
"""The user whose orders stand before all others, where there is one."""

Operation = tuple[Callable[[BookOrder], object], BookOrder]


class Source:
    """Orders with ever later moments, ids as they are in production, and random prices on either side of the middle."""

    def __init__(self, prices: int, users: int = 10**9) -> None:
        self._random = Random(1)  # noqa: S311 - the same orders each time
        self._prices, self._users = prices, users
        self._count = 0

    def order(self, side: Side, cents: int, user_id: int | None = None) -> BookOrder:
        """Return the next order."""
        self._count += 1
        seconds, micros = divmod(self._count, 1_000_000)
        name = f"4711-{self._random.getrandbits(128):032x}"
        user_id = self._random.randrange(self._users) if user_id is None else user_id
        return BookOrder(name, user_id, side, cents, f"2026-01-05T10:00:{seconds:02d}.{micros:06d}Z")

    def side(self) -> Side:
        """Return either side."""
        return self._random.choice(("buy", "sell"))

    def resting(self) -> BookOrder:
        """Return an order that crosses nothing."""
        side, distance = self.side(), self._random.randint(1, self._prices)
        return self.order(side, MIDDLE - distance if side == "buy" else MIDDLE + distance)

    def crossing(self, user_id: int | None = None) -> BookOrder:
        """Return an order that crosses everything."""
        side = self.side()
        return self.order(side, MIDDLE * 2 if side == "buy" else 1, user_id)


def arrivals(book: Book, source: Source) -> Iterator[Operation]:
    """Half of the orders rest, half trade."""
    while True:
        yield book.arrive, source.resting()
        yield book.arrive, source.crossing()


def passing_over(book: Book, source: Source) -> Iterator[Operation]:
    """Half of the orders rest; half are of the one who owns the best ones of both sides, and trade with another's."""
    while True:
        yield book.arrive, source.resting()
        yield book.arrive, source.crossing(OWNER)


def dictionary(size: int) -> float:
    """Return the time of what no book can do without: put an order by its id, or remove one that has been in for long.

    It shows how much of a ratio is the memory's: the more orders, the fewer of them are in the processor's cache.
    """
    source = Source(2_000)
    oldest = deque(source.resting() for _ in range(size))
    by_id = {order.order_id: order for order in oldest}

    def put(order: BookOrder) -> None:
        by_id[order.order_id] = order

    def remove(_: BookOrder) -> BookOrder:
        return by_id.pop(oldest.popleft().order_id)

    def operations() -> Iterator[Operation]:
        while True:
            order = source.resting()
            oldest.append(order)
            yield put, order
            yield remove, order

    return time_operations(operations())


def filled(size: int, source: Source, owned: int = 0) -> Book:
    """Return a book with so many orders, the best of them one user's."""
    book = Book()
    for _ in range(size - owned):
        book.arrive(source.resting())
    for number in range(owned):
        # They cross each other, as one user's orders may: bids above the middle, asks below.
        side: Side = "buy" if number % 2 else "sell"
        distance = 1 + number // 2
        cents = MIDDLE + distance if side == "buy" else MIDDLE - distance
        book.arrive(source.order(side, cents, OWNER))
    return book


def time_operations(operations: Iterator[Operation]) -> float:
    """Return the median of the runs, in microseconds for one operation."""
    runs, kept = [], []
    for _ in range(RUNS):
        batch = list(islice(operations, OPERATIONS))
        gc.collect()
        start = process_time()
        results = [call(argument) for call, argument in batch]
        runs.append(process_time() - start)
        kept.append(results)
    return median(runs) / OPERATIONS * 1e6


def time_matching(size: int) -> float:
    """Return the microseconds for one order of a book that is sorted and matched from scratch, half of which trades."""
    source = Source(2_000)
    orders = [source.resting() if number % 2 else source.crossing() for number in range(size)]
    Random(2).shuffle(orders)  # noqa: S311 - the same order each time
    runs = []
    for _ in range(3):
        gc.collect()
        start = process_time()
        match_book(orders)
        runs.append(process_time() - start)
    return median(runs) / size * 1e6


def measurements() -> Iterator[tuple[str, Callable[[int], float]]]:
    """Yield what is measured: a name, and the time for one operation by the size of the book."""

    def timed(
        kind: Callable[[Book, Source], Iterator[Operation]], prices: int, owned: int = 0
    ) -> Callable[[int], float]:
        def measure(size: int) -> float:
            source = Source(prices)
            return time_operations(kind(filled(size, source, owned), source))

        return measure

    yield "arrivals, 2,000 prices", timed(arrivals, 2_000)
    yield "arrivals, all prices differ", timed(arrivals, 10**8)
    yield "5,000 own orders before all others", timed(passing_over, 2_000, 5_000)
    yield "match_book, sorting included", time_matching
    yield "for comparison: a bare dictionary", dictionary


def main() -> None:
    """Print the table."""
    sizes = "".join(f"{size:>11,}" for size in SIZES)
    print(f"{'microseconds/operation':34}{sizes}{'ratio':>8}{'ops/s, least':>15}{'ops/s, most':>14}")
    for name, measure in measurements():
        times = [measure(size) for size in SIZES]
        figures = "".join(f"{time:11.2f}" for time in times)
        print(
            f"{name:34}{figures}{times[-1] / times[0]:8.2f}{1e6 / times[0]:15,.0f}{1e6 / times[-1]:14,.0f}", flush=True
        )


if __name__ == "__main__":
    main()
