"""Of many clients and faults those are left without which the rule is kept."""

from collections import Counter

from tests.simulation.checks import Violation
from tests.simulation.run import Case, Report
from tests.simulation.shrink import MAX_RUNS, shrink

CLIENTS = list(range(30))
FAULTS = [f"table.slow@sweep 1/{number}" for number in range(50)]
CULPRITS = {FAULTS[7], FAULTS[41]}


def breaks(case: Case) -> Report:
    """Live through a history that breaks a rule by two of its clients, if two of its faults strike."""
    clients = [client for client in CLIENTS if case.clients is None or client in case.clients]
    struck = [fault for fault in FAULTS if case.faults is None or fault in case.faults]
    broken = {3, 29} <= set(clients) and set(struck) >= CULPRITS
    # With few clients another rule is broken: that is another history.
    violation = Violation("wanted", "") if broken else Violation("other", "") if len(clients) < 5 else None
    return Report(case, violation, clients, 0, 0, 0.0, Counter(), struck, 0, [])


def test_what_does_not_matter_is_left_out() -> None:
    smallest = shrink(breaks(Case(1)), breaks)
    assert smallest.clients == [3, 29]
    assert set(smallest.struck) == CULPRITS
    assert smallest.violation is not None
    assert smallest.violation.rule == "wanted"


def test_shrinking_comes_to_an_end() -> None:
    runs: list[Case] = []

    def always_broken(case: Case) -> Report:
        runs.append(case)
        return Report(case, Violation("wanted", ""), CLIENTS, 0, 0, 0.0, Counter(), FAULTS * 9, 0, [])

    shrink(always_broken(Case(1)), always_broken)
    assert len(runs) <= MAX_RUNS + 1
