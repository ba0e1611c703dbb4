"""`rialto tour`: every step is told, nobody's data are touched, and a broken promise is told, too."""

import json

import pytest
from rialto_client.cli import scenes

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto
from tests.unit.client.market_server import Answer, MarketHandler, answers, resets
from tests.unit.client.platform_server import PlatformServer

OTHERS = {"Holland Proctor": {"STRATEGY_A": ["MINDA"]}}


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "_PATIENCE", 0.5)


def test_every_step_is_told_as_it_happens(platform: PlatformServer) -> None:
    result = rialto("tour", url=platform.url, columns=80)

    assert (result.exit_code, result.stderr) == (0, "")
    assert_fits(result)
    lines = result.stdout.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        "The broker",
        "The art market",
        "The strategies",
        "Everything came out as promised.",
    ]
    steps = [line for line in lines if line.startswith("  ")]
    assert len(steps) == 13
    assert all(step.startswith("  ✓ ") for step in steps)
    assert any("accepted → placed" in step and "NEW after" in step for step in steps)
    assert any("sold for 120.00" in step for step in steps)
    assert any("STRATEGY_A MINDA SELL" in step and "ACCEPTED: Holland Proctor closes it" in step for step in steps)


def test_json_is_an_object_for_each_step(platform: PlatformServer) -> None:
    result = rialto("tour", "--json", url=platform.url)

    steps = [json.loads(line) for line in result.stdout.splitlines()]
    assert {step["scene"] for step in steps} == {"The broker", "The art market", "The strategies"}
    assert all(step["as_promised"] for step in steps)


def test_others_profiles_stay_in_force_and_positions_stay_open(platform: PlatformServer) -> None:
    held = {"user": "Holland Proctor", "strategy": "STRATEGY_A", "instrument": "MINDA", "signal_id": "s"}
    platform.lists["positions"] = [{**held, "opened_at": "2026-11-21T12:00:00Z", "order_id": "o"}]
    platform.profiles = OTHERS

    assert rialto("tour", url=platform.url).exit_code == 0

    assert platform.profiles == OTHERS
    assert len(platform.lists["positions"]) == 1
    during = next(request.body for request in platform.seen if request.method == "PUT")
    assert OTHERS.items() <= during.items()
    assert len(during) == 3


def test_profiles_that_came_meanwhile_stay(platform: PlatformServer) -> None:
    def replace_them(handler: MarketHandler, answer: Answer) -> None:
        platform.profiles = platform.profiles | {"Wren Abernathy": {}}
        handler.send(*answer)

    def add_when_replaced(handler: MarketHandler, answer: Answer) -> None:
        if platform.seen[-1].method == "PUT":
            replace_them(handler, answer)
        else:
            platform.faults.append(add_when_replaced)
            handler.send(*answer)

    platform.faults.append(add_when_replaced)

    assert rialto("tour", url=platform.url).exit_code == 0
    assert platform.profiles == {"Wren Abernathy": {}}


def test_two_tours_do_not_meet(platform: PlatformServer) -> None:
    assert [rialto("tour", url=platform.url).exit_code for _ in range(2)] == [0, 0]


@pytest.mark.usefixtures("_impatient")
def test_an_order_that_is_not_placed_in_time_breaks_the_promise(platform: PlatformServer) -> None:
    platform.plan = [("unavailable", "PENDING_NEW")]

    result = rialto("tour", url=platform.url)

    assert result.exit_code == 1
    assert "  ✗ accepted → unavailable" in result.stdout
    assert result.stderr.startswith("It did not come out as promised: accepted → unavailable: PENDING_NEW after ")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("_impatient")
def test_a_trade_that_does_not_come_breaks_the_promise(platform: PlatformServer) -> None:
    platform.keeps_promises = False

    result = rialto("tour", "--json", url=platform.url)

    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["as_promised"] is False
    assert "the two meet: the bid is open" in result.stderr


def test_a_signal_that_comes_out_otherwise_breaks_the_promise_and_the_profiles_are_as_before(
    platform: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.profiles = OTHERS
    monkeypatch.setattr(platform, "decide", lambda **_: {"signal_id": "s", "status": "REJECTED", "users": []})

    result = rialto("tour", url=platform.url)

    assert result.exit_code == 1
    assert "STRATEGY_B MINDA BUY: REJECTED: valid for nobody" in result.stderr
    assert platform.profiles == OTHERS


def test_a_fault_on_the_way_is_one_line(platform: PlatformServer) -> None:
    platform.faults.extend([resets] * 3)
    lost = rialto("tour", url=platform.url)
    platform.faults.append(answers(403, {"message": "Missing Authentication Token"}))
    missing = rialto("tour", url=platform.url)

    for result in (lost, missing):
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1


def test_help_has_examples_and_80_columns_suffice() -> None:
    assert_explains_itself("tour")
