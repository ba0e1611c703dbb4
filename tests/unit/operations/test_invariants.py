"""The walk of the invariant checker: in steps, begun by the hour or on demand, and what it shows of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.core.clock import format_timestamp
from chalicelib.operations.invariants import (
    EVERY,
    FIRST_STEPS,
    MAX_VIOLATIONS,
    STATE,
    STEPS,
    Checker,
    PageResult,
    Position,
    continue_run,
    start_run,
    view_result,
)
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.states import MemoryStateStore

PAGES = 12
MINUTE = 60


class Scene:
    """A checker of two invariants with some pages each, of which every page takes its time."""

    def __init__(self, page: float = 1, violations: int = 0) -> None:
        self.clock, self.states = FakeClock(), MemoryStateStore()
        self.pages: list[tuple[str, Position]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._page, self._violations = page, violations
        names = ("first", "second")
        self.checker = Checker({name: partial(self._check, name) for name in names}, self.states, self.clock)

    def view(self) -> dict[str, Any]:
        """Return what is shown."""
        return view_result(self.checker)

    def _check(self, name: str, position: Position, now: datetime) -> PageResult:
        assert now == self.clock()
        self.clock.advance(self._page)
        self.pages.append((name, position))
        self.meanwhile()
        here = position or 0
        return PageResult(10, 1, [f"{name}-{here}"] * self._violations, here + 1 if here + 1 < PAGES else None)


ALL = [(name, position) for name in ("first", "second") for position in (None, *range(1, PAGES))]


def result_of(pages: int, violations: list[str] | None = None) -> dict[str, Any]:
    return {"checked": 10 * pages, "in_flight": pages, "violations": violations or []}


def test_nothing_is_shown_before_the_first_run() -> None:
    found = Scene().view()
    assert found == {
        "invariants": [{"name": "first", **result_of(0)}, {"name": "second", **result_of(0)}],
        "as_of": None,
        "complete": False,
    }


def test_a_run_on_demand_shows_how_far_it_has_come_and_the_sweep_takes_it_to_its_end() -> None:
    scene = Scene()
    begun = format_timestamp(scene.clock())
    answer = start_run(scene.checker)
    steps = round(FIRST_STEPS.total_seconds())
    assert answer == {
        "invariants": [{"name": "first", **result_of(steps)}, {"name": "second", **result_of(0)}],
        "as_of": begun,
        "complete": False,
    }
    assert scene.view() == answer
    while not scene.view()["complete"]:
        scene.clock.advance(MINUTE)
        before = scene.clock()
        continue_run(scene.checker)
        assert timedelta() < scene.clock() - before <= STEPS
    assert scene.pages == ALL
    assert scene.view() == {
        "invariants": [{"name": "first", **result_of(PAGES)}, {"name": "second", **result_of(PAGES)}],
        "as_of": begun,
        "complete": True,
    }


def test_a_run_on_demand_that_ends_at_once_is_its_own_answer() -> None:
    scene = Scene(page=0)
    assert start_run(scene.checker) == scene.view()
    assert scene.view()["complete"]


def test_a_page_that_takes_long_is_the_last_of_the_request() -> None:
    scene = Scene(page=5)
    start_run(scene.checker)
    assert len(scene.pages) == 1


def test_a_run_on_demand_shows_itself_while_the_last_one_stays_in_view() -> None:
    scene = Scene()
    last = end_a_run(scene)
    scene.clock.advance(MINUTE)
    begun = format_timestamp(scene.clock())
    answer = start_run(scene.checker)
    assert (answer["as_of"], answer["complete"]) == (begun, False)
    assert scene.view() == last


def test_a_run_on_demand_is_on_record_before_its_first_page() -> None:
    """Whoever is killed at that page has begun the run all the same."""
    scene = Scene()

    def die() -> None:
        raise MemoryError

    scene.meanwhile = die
    with pytest.raises(MemoryError):
        start_run(scene.checker)
    scene.meanwhile = lambda: None
    scene.clock.advance(MINUTE)
    continue_run(scene.checker)
    assert scene.pages[:2] == [("first", None), ("first", None)]


def test_the_sweep_does_not_write_over_a_run_that_was_begun_meanwhile() -> None:
    scene = Scene()
    start_run(scene.checker)
    scene.clock.advance(MINUTE)

    def begin() -> None:
        scene.meanwhile = lambda: None
        start_run(scene.checker)

    scene.meanwhile = begin
    continue_run(scene.checker)
    begun = scene.states.load(STATE)["run"]["started_at"]
    assert begun > format_timestamp(FakeClock()() + timedelta(seconds=MINUTE))
    while not scene.view()["complete"]:
        scene.clock.advance(MINUTE)
        continue_run(scene.checker)
    assert scene.view()["as_of"] == begun
    assert scene.view()["invariants"][0]["checked"] == 10 * PAGES


def test_a_run_that_is_begun_while_another_ends_keeps_what_that_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading the state and writing it."""
    scene = Scene()
    start_run(scene.checker)
    real_load = scene.states.load
    ended: list[dict[str, Any]] = []

    def load(name: str) -> dict[str, Any]:
        seen = real_load(name)
        if not ended:
            ended.append(seen)
            while not scene.view()["complete"]:
                continue_run(scene.checker)
        return seen

    monkeypatch.setattr(scene.states, "load", load)
    start_run(scene.checker)
    assert scene.view()["complete"]
    assert scene.view()["invariants"][1]["checked"] == 10 * PAGES


def test_a_new_run_begins_an_hour_after_the_last() -> None:
    scene = Scene(page=0)
    last = end_a_run(scene)
    scene.clock.advance(EVERY.total_seconds() - 1)
    continue_run(scene.checker)
    assert scene.view() == last
    scene.clock.advance(1)
    continue_run(scene.checker)
    assert scene.view()["as_of"] == format_timestamp(scene.clock())


def test_violations_are_shown_up_to_a_limit() -> None:
    scene = Scene(violations=MAX_VIOLATIONS // 2 + 1)
    found = end_a_run(scene)["invariants"][0]["violations"]
    assert len(found) == MAX_VIOLATIONS
    assert (found[0], found[-1]) == ("first-0", "first-1")


def end_a_run(scene: Scene) -> dict[str, Any]:
    """Let a run go to its end; return what is shown."""
    start_run(scene.checker)
    while not scene.view()["complete"]:
        continue_run(scene.checker)
    return scene.view()
