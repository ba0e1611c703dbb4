"""`rialto positions` and `rialto log`: what is held, and what was."""

import json

import pytest

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto, words
from tests.unit.client.market_server import MOMENT, answers
from tests.unit.client.strategies_server import StrategiesServer

ID = "0193a1c0-0000-7000-8000-000000000001"


def _held(**changes: object) -> dict[str, object]:
    row = {"user": "Holland Proctor", "strategy": "STRATEGY_B", "instrument": "L&T", "opened_at": MOMENT}
    return {**row, "signal_id": "signal-1", "order_id": ID, "order_status": "NEW", **changes}


def _closed(**changes: object) -> dict[str, object]:
    row = {"user": "Holland Proctor", "strategy": "STRATEGY_B", "instrument": "L&T", "bought_at": MOMENT}
    row |= {"buy_signal_id": "signal-1", "sold_at": MOMENT, "sell_signal_id": "signal-2", "closed_by": "STRATEGY_A"}
    return {**row, **changes}


def test_open_positions(strategies: StrategiesServer) -> None:
    strategies.lists["positions"] = [_held(), _held(user="Oaklee Wagner", order_status=None)]

    (headings, first, second) = words(rialto("positions", url=strategies.url))
    as_json = rialto("positions", "--json", url=strategies.url).stdout.splitlines()

    assert headings == ["user", "strategy", "instrument", "opened", "order", "status", "order", "signal"]
    assert first[:4] + first[-3:] == ["Holland", "Proctor", "STRATEGY_B", "L&T", "NEW", ID, "signal-1"]
    assert second[-2] == ID
    assert json.loads(as_json[0]) == {**_held(), "opened_at": "2026-11-21T12:00:00.250000Z"}


def test_positions_of_a_user_a_strategy_an_instrument(strategies: StrategiesServer) -> None:
    strategies.lists["positions"] = [_held(), _held(user="Oaklee Wagner"), _held(instrument="ACC")]

    options = ["--user", "Holland Proctor", "--strategy", "STRATEGY_B", "--instrument", "L&T"]
    result = rialto("positions", *options, "--all", "--json", url=strategies.url)

    assert len(result.stdout.splitlines()) == 1
    assert strategies.seen[0].query == {
        "user": "Holland Proctor",
        "strategy": "STRATEGY_B",
        "instrument": "L&T",
        "limit": "100",
    }


def test_the_number_of_the_art_markets_user_is_no_name(strategies: StrategiesServer) -> None:
    strategies.lists["positions"] = [_held()]

    assert len(words(rialto("positions", url=strategies.url, user="7"))) == 2


def test_the_log(strategies: StrategiesServer) -> None:
    strategies.lists["entries"] = [_closed(), _closed(user="Oaklee Wagner")]

    (headings, first) = words(rialto("log", "--user", "Holland Proctor", url=strategies.url))
    narrow = words(rialto("log", "--user", "Holland Proctor", url=strategies.url, columns=80))
    as_json = rialto("log", "--strategy", "STRATEGY_B", "--json", url=strategies.url).stdout.splitlines()

    assert " ".join(headings) == "user strategy instrument bought sold sold by sell signal buy signal"
    assert first[:4] == ["Holland", "Proctor", "STRATEGY_B", "L&T"]
    assert first[-3:] == ["STRATEGY_A", "signal-2", "signal-1"]
    assert (narrow[0], narrow[1]) == (headings[:5], first[:8])
    assert len(as_json) == 2
    assert json.loads(as_json[0])["sold_at"] == "2026-11-21T12:00:00.250000Z"
    assert strategies.seen[-1].query == {"strategy": "STRATEGY_B", "limit": "20"}


def test_where_there_is_nothing_it_says_where_else_to_look(strategies: StrategiesServer) -> None:
    assert rialto("positions", url=strategies.url).stdout.endswith("`rialto log` has those that were closed.\n")
    assert rialto("log", url=strategies.url).stdout.endswith("`rialto positions` has those that are open.\n")


@pytest.mark.parametrize("command", ["positions", "log"])
def test_a_wrong_name_is_told(strategies: StrategiesServer, command: str) -> None:
    error = {"loc": ["query", "user"], "msg": "Input should not be blank", "type": "string_blank"}
    strategies.faults.append(
        answers(422, {"status": 422, "code": "validation_failed", "detail": "D", "errors": [error]})
    )

    result = rialto(command, "--user", " ", url=strategies.url)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == "  query.user: Input should not be blank"


def test_help_has_examples_and_80_columns_suffice(strategies: StrategiesServer) -> None:
    assert_explains_itself("positions")
    assert_explains_itself("log")
    strategies.lists["positions"] = [_held(), _held(user="N" * 64, strategy="S" * 64, order_status="PARTIALLY_FILLED")]
    strategies.lists["entries"] = [_closed(), _closed(user="日" * 64)]

    positions = rialto("positions", url=strategies.url, columns=80)
    log = rialto("log", url=strategies.url, columns=80)

    assert_fits(positions)
    assert positions.stdout.count(ID) == 2
    assert_fits(log)
    strategies.lists["entries"] = [_closed()]
    assert "Holland Proctor  STRATEGY_B  L&T" in rialto("log", url=strategies.url, columns=80).stdout
