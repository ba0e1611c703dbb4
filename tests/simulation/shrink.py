"""From a history that breaks a rule to the shortest that still does: fewer clients, then fewer faults."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.simulation.run import Case, Report, live

MAX_RUNS = 400
_T = TypeVar("_T", int, str)
Live = Callable[[Case], Report]


def shrink(report: Report, live_through: Live = live) -> Report:
    """Return the report of the smallest case found that breaks the same rule."""
    shrinker = _Shrinker(report, live_through)
    shrinker.shrink_faults()
    shrinker.shrink_clients()
    # Without the others' clients, more of the faults have nothing to do with it.
    shrinker.shrink_faults()
    return shrinker.best


class _Shrinker:
    def __init__(self, report: Report, live_through: Live) -> None:
        self.best = report
        self._live = live_through
        self._runs = 0

    def shrink_clients(self) -> None:
        """Leave out clients."""
        self._reduce(self.best.clients, lambda kept: replace(self.best.case, clients=frozenset(kept)))

    def shrink_faults(self) -> None:
        """Leave out faults."""
        self._reduce(self.best.struck, lambda kept: replace(self.best.case, faults=frozenset(kept)))

    def _reduce(self, items: Sequence[_T], case_of: Callable[[Sequence[_T]], Case]) -> None:
        """Leave out ever smaller parts, as long as the rule is still broken."""
        kept = list(dict.fromkeys(items))
        size = len(kept)
        while size and self._runs < MAX_RUNS:
            start = 0
            while start < len(kept) and self._runs < MAX_RUNS:
                fewer = kept[:start] + kept[start + size :]
                if self._still_breaks(case_of(fewer)):
                    kept = fewer
                else:
                    start += size
            size //= 2

    def _still_breaks(self, case: Case) -> bool:
        self._runs += 1
        report = self._live(case)
        rule = self.best.violation.rule if self.best.violation else None
        if report.violation is None or report.violation.rule != rule:
            return False
        self.best = report
        return True
