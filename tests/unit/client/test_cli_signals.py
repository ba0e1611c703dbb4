"""`rialto signals`: one signal with its verdict for each user, and those that were sent."""

import json

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto, words
from tests.unit.client.market_server import MOMENT, answers, resets
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


def _row(number: int = 0, **changes: object) -> dict[str, object]:
    row = {"signal_id": f"signal-{number}", "created_at": MOMENT, "strategy": "STRATEGY_B", "instrument": "L&T"}
    return {**row, "position": "BUY", "status": "ACCEPTED", "accepted": 2, "rejected": 1, **changes}


def test_signals_are_listed(strategies: StrategiesServer) -> None:
    strategies.lists["signals"] = [_row(1), _row(0, status="OPEN", accepted=None, rejected=None)]

    (headings, accepted, still_open) = words(rialto("signals", "list", url=strategies.url))
    as_json = rialto("signals", "list", "--json", url=strategies.url).stdout.splitlines()

    assert headings == ["sent", "strategy", "instrument", "status", "valid", "for", "not", "for", "signal"]
    assert accepted[2:] == ["STRATEGY_B", "L&T", "BUY", "ACCEPTED", "2", "1", "signal-1"]
    assert still_open[2:] == ["STRATEGY_B", "L&T", "BUY", "OPEN", "signal-0"]
    assert [json.loads(line)["accepted"] for line in as_json] == [2, None]


def test_without_signals_it_says_how_to_send_some(strategies: StrategiesServer) -> None:
    assert "`rialto signals produce`" in rialto("signals", "list", url=strategies.url).stdout


def test_a_signal_is_shown_as_it_was_answered(strategies: StrategiesServer) -> None:
    strategies.profiles = PROFILES
    sent = rialto("signals", "send", "STRATEGY_B", "L&T", "BUY", url=strategies.url)

    lines = words(rialto("signals", "show", "signal-0", url=strategies.url))
    as_json = json.loads(rialto("signals", "show", "signal-0", "--json", url=strategies.url).stdout)

    assert [lines[0], *lines[3:]] == words(sent)
    assert lines[1] == ["signal", "STRATEGY_B", "L&T", "BUY"]
    assert (as_json["position"], as_json["created_at"]) == ("BUY", "2026-11-21T12:00:00.250000Z")
    assert [one["verdict"] for one in as_json["users"]] == ["ACCEPTED", "REJECTED"]


def test_an_unknown_signal_is_not_found(strategies: StrategiesServer) -> None:
    result = rialto("signals", "show", "unknown", url=strategies.url)

    assert (result.exit_code, result.stderr) == (1, "Refused, 404: There is no signal 'unknown' (request r-1).\n")


def test_help_has_examples_and_80_columns_suffice(strategies: StrategiesServer) -> None:
    for name in ("send", "produce", "list", "show"):
        assert_explains_itself("signals", name)
    order_id = "0193a1c0-0000-7000-8000-000000000001"
    users = [
        {"user": name, "verdict": verdict, "reason": "already_held", "order_id": order_id}
        for name, verdict in (("Holland Proctor", "ACCEPTED"), ("N" * 64, "REJECTED"))
    ]
    signal = {"signal_id": order_id, "status": "REJECTED", "users": users}
    strategies.faults.append(answers(200, signal))
    sent = rialto("signals", "send", "STRATEGY_B", "L&T", "BUY", url=strategies.url, columns=80)
    strategies.lists["signals"] = [_row(strategy="S" * 64, instrument="I" * 64, accepted=10_000, signal_id=order_id)]
    listed = rialto("signals", "list", url=strategies.url, columns=80)

    assert_fits(sent)
    assert sent.stdout.count(order_id) == 3
    assert_fits(listed)
    assert order_id in listed.stdout
