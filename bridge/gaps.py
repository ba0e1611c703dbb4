"""When to ask for what is missing. Pure: the time comes in as an argument."""

from dataclasses import dataclass

from bridge.sequence import Gap

GRACE = 0.2
"""Seconds in which a report that was merely overtaken may still come."""
TAIL_GRACE = 1.2
"""Seconds without a report after which announced ones count as dropped: longer than between two heartbeats."""
FIRST_PATIENCE = 0.5
LONGEST_PATIENCE = 5.0
"""Seconds until the same reports are asked for again: doubling, up to this."""
MOST_AT_ONCE = 5_000
"""Reports asked for in one frame; the rest of a gap follows when they are there."""
MOST_ASKS = 8
"""In vain; then only a snapshot helps."""


@dataclass(frozen=True)
class _Watch:
    gap: Gap
    due: float
    asks: int = 0
    asked_to: int = 0


class GapWatch:
    """Remembers since when each gap is known and how often it was asked for."""

    def __init__(self) -> None:
        self._watches: list[_Watch] = []
        self._tail: _Watch | None = None

    @property
    def hopeless(self) -> bool:
        """Whether some reports have been asked for too often."""
        watches = [*self._watches, self._tail] if self._tail else self._watches
        return any(watch.asks > MOST_ASKS for watch in watches)

    def due(self, gaps: list[Gap], tail: Gap | None, now: float) -> list[Gap]:
        """Return what to ask for now, and take it as asked for.

        ``gaps`` lie between reports that arrived, lowest first; the tail lies behind all of them.
        """
        former = [*self._watches, self._tail] if self._tail else self._watches
        self._watches = _follow(former, gaps, now)
        self._tail = self._follow_tail(tail, now) if tail else None
        asked = [watch for watch in self._watches if watch.due <= now]
        self._watches = [_ask(watch, now) for watch in self._watches]
        if self._tail and self._tail.due <= now:
            asked.append(self._tail)
            self._tail = _ask(self._tail, now)
        return [Gap(watch.gap.first, min(watch.gap.last, watch.gap.first + MOST_AT_ONCE - 1)) for watch in asked]

    def _follow_tail(self, tail: Gap, now: float) -> _Watch:
        """Return the tail's watch. While its beginning moves without being asked for, the exchange is still sending."""
        former = self._tail
        if former is None or (not former.asks and former.gap.first != tail.first):
            return _Watch(tail, now + TAIL_GRACE)
        return _shrink(former, tail, now)


def _follow(former: list[_Watch], gaps: list[Gap], now: float) -> list[_Watch]:
    """Return a watch for each gap; one that is left of a former gap goes on where that was."""
    watches, at = [], 0
    for gap in gaps:
        while at < len(former) and former[at].gap.last < gap.first:
            at += 1
        known = at < len(former) and former[at].gap.first <= gap.last
        watch = _shrink(former[at], gap, now) if known else _Watch(gap, now + GRACE)
        # What was a tail until later reports came need not wait as long as a tail.
        watches.append(watch if watch.asks else _Watch(gap, min(watch.due, now + GRACE)))
    return watches


def _shrink(watch: _Watch, gap: Gap, now: float) -> _Watch:
    """Return the watch for what is left of its gap."""
    if watch.asks and gap.first > watch.asked_to:
        return _Watch(gap, now)  # What was asked for is all there: on with the rest.
    if watch.asks and gap.first > watch.gap.first:
        return _Watch(gap, now + FIRST_PATIENCE, 1, watch.asked_to)  # It is coming.
    return _Watch(gap, watch.due, watch.asks, watch.asked_to)


def _ask(watch: _Watch, now: float) -> _Watch:
    if watch.due > now:
        return watch
    patience = min(FIRST_PATIENCE * 2**watch.asks, LONGEST_PATIENCE)
    return _Watch(watch.gap, now + patience, watch.asks + 1, watch.gap.first + MOST_AT_ONCE - 1)
