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
STEPS = timedelta(seconds=6)
FIRST_STEPS = timedelta(seconds=3)
"""Of the request that begins a run, which is to be answered in time, however long the last page takes."""
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
    return _view(checker, state.get("last") or state.get("run") or {}, complete=bool(state.get("last")))


def start_run(checker: Checker) -> dict[str, Any]:
    """Begin a new run, whatever another was at, take its first steps, and return how far it has come."""
    run = _new_run(checker.clock())
    # Before the first page, which may take longer than whoever asked for it can wait.
    state = _put_on_record(checker, run)
    run = _take_steps(checker, state, run, FIRST_STEPS)
    return _view(checker, run, complete=_has_ended(checker, run))


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
    _take_steps(checker, state, run, STEPS)


def _put_on_record(checker: Checker, run: dict[str, Any]) -> dict[str, Any]:
    """Let a run take the place of the one in progress; return the state since."""
    while True:
        before = checker.states.load(STATE)
        state = {**before, "run": run}
        if checker.states.swap(STATE, before, state):
            return state


def _take_steps(checker: Checker, state: dict[str, Any], run: dict[str, Any], time: timedelta) -> dict[str, Any]:
    """Check page by page until the time is over, keep how far the run has come unless another was begun; return it."""
    stop_at = checker.clock() + time
    while not _has_ended(checker, run) and checker.clock() < stop_at:
        run = _take_step(checker, run)
    ended = _has_ended(checker, run)
    if checker.states.swap(STATE, state, {"last": run} if ended else {**state, "run": run}) and ended:
        _report(run)
    return run


def _has_ended(checker: Checker, run: dict[str, Any]) -> bool:
    return bool(run["check"] == len(checker.checks))


def _view(checker: Checker, run: dict[str, Any], *, complete: bool) -> dict[str, Any]:
    results = run.get("results", {})
    return {
        "invariants": [{"name": name, **_result(results.get(name))} for name in checker.checks],
        "as_of": run.get("started_at"),
        "complete": complete,
    }


def _new_run(now: datetime) -> dict[str, Any]:
    return {"started_at": format_timestamp(now), "check": 0, "next": None, "results": {}}


def _take_step(checker: Checker, run: dict[str, Any]) -> dict[str, Any]:
    """Check one page; return the run with what was found."""
    name, check = list(checker.checks.items())[run["check"]]
    page = check(run["next"], checker.clock())
    before = _result(run["results"].get(name))
    result = {
        "checked": before["checked"] + page.checked,
        "in_flight": before["in_flight"] + page.in_flight,
        "violations": (before["violations"] + page.violations)[:MAX_VIOLATIONS],
    }
    return {
        **run,
        "check": run["check"] + (page.next is None),
        "next": page.next,
        "results": {**run["results"], name: result},
    }


def _result(found: dict[str, Any] | None) -> dict[str, Any]:
    return found or {"checked": 0, "in_flight": 0, "violations": []}


def _report(run: dict[str, Any]) -> None:
    violations = {name: result["violations"] for name, result in run["results"].items() if result["violations"]}
    log_event("invariants checked", started_at=run["started_at"], violations=violations)
    put_metrics([("InvariantViolations", MetricUnit.Count, sum(map(len, violations.values())))])
