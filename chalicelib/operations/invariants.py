"""The invariant checker: reads the live data in pages, keeps where it is, and shows the last run that came to its end.

What is younger than two minutes, or a dead letter, is in flight and no violation. The sweep takes a run a step further
each minute; a request to run it takes the first steps at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.clock import Clock, format_timestamp
from chalicelib.core.telemetry import MetricUnit, log_event, put_metrics
from chalicelib.operations.store import StateStore

IN_FLIGHT = timedelta(minutes=2)
MAX_VIOLATIONS = 100
"""Ids that a result names at most, so that it stays a small item."""
STEP = timedelta(seconds=10)
EVERY = timedelta(hours=1)
STATE = "invariants"

Position = Any
"""Where a check goes on: JSON, None at the beginning and at the end."""


@dataclass(frozen=True)
class PageResult:
    """What a check found on one page of its data."""

    checked: int
    in_flight: int
    violations: list[str]
    next: Position


Check = Callable[[Position, datetime], PageResult]


@dataclass(frozen=True)
class Checker:
    """The checks by name, in the order in which a run takes them."""

    checks: Mapping[str, Check]
    states: StateStore
    clock: Clock


def view_result(checker: Checker) -> dict[str, Any]:
    """Return the last run that ended; while there is none, how far the first has come."""
    state = checker.states.load(STATE)
    last = state.get("last") or state.get("run") or {}
    results = last.get("results", {})
    return {
        "invariants": [{"name": name, **_result(results.get(name))} for name in checker.checks],
        "as_of": last.get("started_at"),
        "complete": bool(state.get("last")),
    }


def start_run(checker: Checker) -> None:
    """Begin a new run, whatever another was at, and take its first steps."""
    state = checker.states.load(STATE)
    checker.states.store(STATE, {**state, "run": _new_run(checker.clock())})
    continue_run(checker)


def continue_run(checker: Checker) -> None:
    """Take the run further, for some seconds; begin one when the last is an hour old."""
    now = checker.clock()
    state = checker.states.load(STATE)
    run = state.get("run")
    if run is None:
        last = state.get("last")
        if last is not None and last["started_at"] > format_timestamp(now - EVERY):
            return
        run = _new_run(now)
    stop_at = now + STEP
    while run["check"] < len(checker.checks) and checker.clock() < stop_at:
        _take_step(checker, run)
    if run["check"] < len(checker.checks):
        checker.states.store(STATE, {**state, "run": run})
        return
    checker.states.store(STATE, {"last": run})
    _report(run)


def _new_run(now: datetime) -> dict[str, Any]:
    return {"started_at": format_timestamp(now), "check": 0, "next": None, "results": {}}


def _take_step(checker: Checker, run: dict[str, Any]) -> None:
    """Check one page, and remember in the run what was found."""
    name, check = list(checker.checks.items())[run["check"]]
    page = check(run["next"], checker.clock())
    result = _result(run["results"].get(name))
    run["results"][name] = {
        "checked": result["checked"] + page.checked,
        "in_flight": result["in_flight"] + page.in_flight,
        "violations": (result["violations"] + page.violations)[:MAX_VIOLATIONS],
    }
    run["next"] = page.next
    if page.next is None:
        run["check"] += 1


def _result(found: dict[str, Any] | None) -> dict[str, Any]:
    return found or {"checked": 0, "in_flight": 0, "violations": []}


def _report(run: dict[str, Any]) -> None:
    violations = {name: result["violations"] for name, result in run["results"].items() if result["violations"]}
    log_event("invariants checked", started_at=run["started_at"], violations=violations)
    put_metrics([("InvariantViolations", MetricUnit.Count, sum(map(len, violations.values())))])
