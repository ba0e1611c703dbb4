"""The arithmetic behind docs/cost.md, and what makes its check fail."""

import json
from pathlib import Path

import pytest

from benchmarks import cost
from benchmarks.cost import Invocation, Operation
from infra import capacity
from infra.capacity import Units

FIGURES = {
    "ask": {"milliseconds": 10.0, "calls": {"PutItem": 1, "GetItem": 2}},
    "work on 10": {"milliseconds": 20.0, "calls": {"GetItem": 10, "PutItem": 20, "SendMessageBatch": 1}},
}
CORE = cost.FULL_CORE_MB / cost.MEMORY_MB
SECOND = cost.MEMORY_MB / 1024 * cost.DOLLARS_PER_GB_SECOND * 1e6


def test_a_request_pays_the_gateway_its_function_and_its_units() -> None:
    dollars = cost.price(Operation("ask", 3, (Invocation("ask", from_gateway=True),)), FIGURES)

    assert dollars == {
        "write units": pytest.approx(3 * 0.625),
        "read units": pytest.approx(2 * 0.125),
        "queue requests": 0,
        "ordered queue requests": 0,
        "invocations": pytest.approx(0.2),
        "gateway requests": pytest.approx(3.5),
        "duration": pytest.approx((0.010 * CORE + 3 * 0.005) * SECOND),
    }


def test_a_batch_is_shared_and_waits_for_all_at_once() -> None:
    worker = Invocation("work on 10", 10, wait_ms=100, queue_requests=2)
    dollars = cost.price(Operation("work", 4, (worker,)), FIGURES)

    assert dollars["read units"] == pytest.approx(1 * 0.125)
    assert dollars["queue requests"] == pytest.approx(0.3 * 0.4)
    assert dollars["invocations"] == pytest.approx(0.1 * 0.2)
    assert dollars["duration"] == pytest.approx(0.1 * (0.020 * CORE + 3.1 * 0.005 + 0.1) * SECOND)


def test_an_ordered_queue_has_its_own_price() -> None:
    dollars = cost.price(Operation("apply", 1, (Invocation("ask", 10, ordered_requests=3),)), FIGURES)

    assert dollars["queue requests"] == 0
    assert dollars["ordered queue requests"] == pytest.approx(0.3 * 0.5)


def test_users_share_the_request_of_their_signal() -> None:
    one = cost.price(Operation("signal", 74, (Invocation("ask"),)), FIGURES)
    each = cost.price(Operation("signal", 74, (Invocation("ask"),), operations=10), FIGURES)

    assert each == {name: pytest.approx(dollars / 10) for name, dollars in one.items()}


def test_counted_read_units_go_before_the_number_of_reads() -> None:
    assert cost.price(Operation("match", 14, (Invocation("ask", reads=7),)), FIGURES)["read units"] == 7 * 0.125


def test_page_is_of_the_figures_as_they_are() -> None:
    assert cost.find_faults() == []


def test_every_invocation_of_the_page_was_measured() -> None:
    measured = json.loads(cost.FIGURES.read_text())["invocations"]
    assert {step.name for operation in cost.list_operations() for step in operation.invocations} <= measured.keys()


def test_a_page_of_other_units_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "SUBMIT_SELL", Units(write=4, budget=5))
    assert cost.find_faults() == ["cost.md is stale: make cost", "README.md is stale: make cost"]


def test_a_missing_page_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "PAGE", tmp_path / "cost.md")
    assert cost.find_faults() == ["cost.md is stale: make cost"]


def test_more_units_than_the_budget_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "MATCH", Units(write=16, budget=14))
    assert cost.over_budget() == ["MATCH takes 16 write units, its budget is 14"]


def test_both_halves_of_a_placement_have_a_budget_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "PLACE", Units(write=5))
    assert cost.over_budget() == ["ACCEPT with PLACE takes 8 write units, its budget is 7"]
