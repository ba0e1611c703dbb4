"""Reports of an order that are missing below its high-water mark: ranges of their numbers, few and short. Pure."""

Gap = tuple[int, int]
"""The first and the last number of a range."""
Gaps = tuple[Gap, ...]
"""Ranges from the lowest to the highest, apart from each other."""

MAX_GAPS = 8
MAX_TEXT = 24
"""Characters that the ranges may take in the stored order, so that it stays within 1 KB."""


def open_gap(gaps: Gaps, first: int, last: int) -> Gaps:
    """Return the ranges with one more above them; none if it is empty.

    When there are too many, the two lowest become one: what is missing stays missing, and the numbers between them
    count as missing again until the exchange is asked. Nothing is ever taken for received that was not.
    """
    if first > last:
        return gaps
    return _bounded((*gaps, (first, last)))


def fill_gap(gaps: Gaps, number: int) -> Gaps:
    """Return the ranges without the number: the range it lies in becomes shorter, two, or none."""
    filled: list[Gap] = []
    for first, last in gaps:
        parts = [(first, number - 1), (number + 1, last)] if first <= number <= last else [(first, last)]
        filled += [part for part in parts if part[0] <= part[1]]
    return _bounded(tuple(filled))


def drop_up_to(gaps: Gaps, number: int) -> Gaps:
    """Return what is missing above the number."""
    return tuple((max(first, number + 1), last) for first, last in gaps if last > number)


def write_gaps(gaps: Gaps) -> str:
    """Return the ranges as text, e.g. "2,5-7"."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps)


def read_gaps(text: str) -> Gaps:
    """Return the ranges of a text."""
    ends = [part.split("-") for part in text.split(",") if part]
    return tuple((int(end[0]), int(end[-1])) for end in ends)


def _bounded(gaps: Gaps) -> Gaps:
    while len(gaps) > 1 and (len(gaps) > MAX_GAPS or len(write_gaps(gaps)) > MAX_TEXT):
        gaps = ((gaps[0][0], gaps[1][1]), *gaps[2:])
    return gaps
