"""`rialto signals send`: one signal, and its verdict for each user."""

import json

from tests.unit.client.command import rialto
from tests.unit.client.market_server import resets
from tests.unit.client.strategies_server import StrategiesServer

PROFILES = {"Holland Proctor": {"STRATEGY_B": ["MINDA", "L&T"]}, "Oaklee Wagner": {"STRATEGY_B": ["ACC"]}}


def test_a_signal_shows_its_verdict_for_each_user(strategies: StrategiesServer) -> None:
    strategies.profiles = PROFILES

    result = rialto("signals", "send", "STRATEGY_B", "L&T", "BUY", url=strategies.url)

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["Signal", "signal-0:", "ACCEPTED"],
        ["user", "verdict", "reason", "order"],
        ["Holland", "Proctor", "ACCEPTED", "opens", "order-0"],
        ["Oaklee", "Wagner", "REJECTED", "nothing", "to", "close"],
    ]


def test_a_rejected_signal_has_its_answer(strategies: StrategiesServer) -> None:
    result = rialto("signals", "send", "STRATEGY_D", "INFY", "BUY", url=strategies.url)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "Signal signal-0: REJECTED\n", "")


def test_a_dry_run_changes_nothing(strategies: StrategiesServer) -> None:
    strategies.profiles = PROFILES

    result = rialto("signals", "send", "STRATEGY_B", "MINDA", "BUY", "--dry-run", url=strategies.url)

    assert result.stdout.startswith("Dry run: ACCEPTED\n")
    assert strategies.signals == {}


def test_a_key_carries_a_signal_out_once(strategies: StrategiesServer) -> None:
    command = ["signals", "send", "STRATEGY_B", "MINDA", "BUY", "--key", "monday", "--json"]

    first, again = [json.loads(rialto(*command, url=strategies.url).stdout) for _ in range(2)]

    assert first == again == {"signal_id": "signal-0", "status": "REJECTED", "users": []}
    assert strategies.keys == ["monday"] * 2


def test_after_lost_answers_the_key_is_told(strategies: StrategiesServer) -> None:
    strategies.faults.extend([resets] * 3)

    result = rialto("signals", "send", "STRATEGY_B", "MINDA", "BUY", url=strategies.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"--key {strategies.keys[0]} asks for it again without doing it twice." in result.stderr
    assert len(strategies.signals) == 1


def test_a_wrong_field_is_named(strategies: StrategiesServer) -> None:
    result = rialto("signals", "send", "", "MINDA", "BUY", url=strategies.url)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == "  body.strategy: Input should not be blank"
