"""`rialto orders`: placed, followed, shown, listed and canceled."""

import json

import pytest

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.command import assert_explains_itself, assert_fits, rialto, words
from tests.unit.client.market_server import MOMENT, answers, problem, resets

COMMANDS = ["place", "show", "list", "timeline", "watch", "cancel"]
BUY = ["orders", "place", "buy", "US0378331005", "10"]


def test_an_order_is_accepted(broker: BrokerServer) -> None:
    market = words(rialto(*BUY, url=broker.url))
    limit = words(rialto("orders", "place", "SELL", "DE0007164600", "5", "--limit-price", "120.50", url=broker.url))

    assert market[0] == ["Accepted:", "buy", "10", "US0378331005,", "at", "market."]
    assert market[1] == ["order", "0193a1c0-0000-7000-8000-000000000000"]
    assert market[2][-3:] == ["orders", "timeline", market[1][1]]
    assert limit[0] == ["Accepted:", "sell", "5", "DE0007164600,", "limit", "120.50."]
    assert broker.seen[1].body["limit_price"] == "120.50"


def test_json_is_the_order(broker: BrokerServer) -> None:
    order = json.loads(rialto(*BUY, "--limit-price", "101.25", "--json", url=broker.url).stdout)

    assert (order["status"], order["limit_price"], order["quantity"]) == ("PENDING_NEW", 101.25, 10)
    assert order["created_at"] == "2026-11-21T12:00:00.250000Z"


def test_a_key_makes_one_order(broker: BrokerServer) -> None:
    ids = {json.loads(rialto(*BUY, "--key", "monday", "--json", url=broker.url).stdout)["id"] for _ in range(2)}

    assert len(ids) == len(broker.placed) == 1
    assert broker.keys == ["monday"] * 2


def test_it_is_followed_until_it_is_placed(broker: BrokerServer) -> None:
    broker.plan = [("unavailable", "PENDING_NEW"), ("placed", "NEW")]

    lines = words(rialto(*BUY, "--wait", url=broker.url))

    assert [line[2:6] for line in lines[3:]] == [
        ["+0.0", "s", "accepted", "PENDING_NEW"],
        ["+1.0", "s", "unavailable", "PENDING_NEW"],
        ["+2.0", "s", "placed", "NEW"],
    ]
    assert lines[-1][-2:] == ["2", "12"]


def test_followed_as_json_it_is_told_once(broker: BrokerServer) -> None:
    result = rialto(*BUY, "--wait", "--json", url=broker.url)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["status"] == "NEW"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_waiting_has_an_end(broker: BrokerServer, as_json: list[str]) -> None:
    broker.plan = []

    result = rialto(*BUY, "--wait", "--timeout", "0.3", *as_json, url=broker.url)

    assert result.exit_code == 1
    assert result.stderr.startswith("It is PENDING_NEW after 0.3 s: the exchange has not answered yet")
    assert "`rialto orders timeline 0193a1c0-0000-7000-8000-000000000000`" in result.stderr
    assert not as_json or json.loads(result.stdout)["status"] == "PENDING_NEW"


def test_what_the_exchange_refuses_was_not_placed(broker: BrokerServer) -> None:
    broker.plan = [("refused", "REJECTED")]

    result = rialto(*BUY, "--wait", url=broker.url)

    assert (result.exit_code, result.stderr) == (1, "It is REJECTED.\n")


def test_an_order_that_cannot_be_followed_is_known_all_the_same(broker: BrokerServer) -> None:
    broker.faults.extend([lambda handler, answer: handler.send(*answer), resets, resets, resets])

    result = rialto(*BUY, "--wait", "--json", url=broker.url)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["id"] == "0193a1c0-0000-7000-8000-000000000000"
    assert result.stderr.startswith("The connection to ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["hold", "US0378331005", "1"], "'hold' is not one of 'buy', 'sell'."),
        (["buy", "US0378331005", "0"], "'QUANTITY': Input should be greater than or equal to 1."),
        (["buy", "US0378331005", "1.5"], "'QUANTITY': Input should be a valid integer"),
        (["buy", "US0378331005", "1", "--limit-price", "cheap"], "'cheap' is no price"),
        (["buy", "US0378331005", "1", "--key", ""], "1 to 255 printable ASCII characters."),
    ],
)
def test_wrong_usage_is_one_line_and_2(broker: BrokerServer, arguments: list[str], told: str) -> None:
    result = rialto("orders", "place", *arguments, url=broker.url)

    assert (result.exit_code, result.stdout, broker.seen) == (2, "", [])
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_field_is_named(broker: BrokerServer) -> None:
    result = rialto("orders", "place", "buy", "APPLE", "1", url=broker.url)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == "  body.instrument: Input should have exactly 12 characters"


def test_after_lost_answers_the_key_is_told(broker: BrokerServer) -> None:
    broker.faults.extend([resets] * 3)

    result = rialto(*BUY, url=broker.url)

    assert (result.exit_code, len(broker.placed)) == (1, 1)
    assert f"--key {broker.keys[0]} asks for it again without doing it twice." in result.stderr


def test_an_order_is_shown(broker: BrokerServer) -> None:
    order = broker.make(status="FILLED", type="limit", limit_price=101.25, cum_qty=10, leaves_qty=0, avg_px=101.2)
    order |= {"placed_at": MOMENT, "user": "Holland Proctor", "strategy": "STRATEGY_B", "signal_id": "s-1"}

    lines = words(rialto("orders", "show", order["id"], url=broker.url))
    as_json = json.loads(rialto("orders", "show", order["id"], "--json", url=broker.url).stdout)

    assert lines[0] == ["Order", order["id"]]
    for line in (
        ["status", "FILLED"],
        ["terms", "buy", "10", "US0378331005,", "limit", "101.25"],
        ["filled", "10", "of", "10", "at", "101.20"],
        ["user", "Holland", "Proctor"],
        ["signal", "s-1"],
    ):
        assert line in lines
    assert "reason" not in [line[0] for line in lines]
    assert (as_json["avg_px"], as_json["placed_at"]) == (101.2, "2026-11-21T12:00:00.250000Z")


def test_a_refused_order_says_why(broker: BrokerServer) -> None:
    order = broker.make(status="REJECTED", reject_reason="no such instrument")

    assert ["reason", "no", "such", "instrument"] in words(rialto("orders", "show", order["id"], url=broker.url))


def test_a_timeline_has_all_steps(broker: BrokerServer) -> None:
    order = broker.make()
    rialto("orders", "timeline", order["id"], url=broker.url)

    result = rialto("orders", "timeline", order["id"], url=broker.url)
    as_json = json.loads(rialto("orders", "timeline", order["id"], "--json", url=broker.url).stdout)

    lines = words(result)
    assert lines[0] == ["at", "after", "what", "status", "attempt", "ms"]
    assert [line[2:] for line in lines[1:]] == [
        ["+0.0", "s", "accepted", "PENDING_NEW"],
        ["+1.0", "s", "placed", "NEW", "1", "12"],
    ]
    assert [entry["cause"] for entry in as_json["entries"]] == ["accepted", "placed"]


def test_a_long_timeline_tells_how_much_of_it_there_was_and_what_comes(broker: BrokerServer) -> None:
    entry = {"at": MOMENT, "cause": "unavailable", "status": "PENDING_NEW", "attempt": 7, "latency_ms": 3}
    timeline = {"id": "o", "status": "PENDING_NEW", "attempts": 30, "count": 33, "entries": [entry] * 20}
    moments = {"next_attempt_at": MOMENT, "dead_lettered_at": MOMENT}
    broker.faults.append(answers(200, {**timeline, **moments}))

    lines = words(rialto("orders", "timeline", "o", url=broker.url))

    assert lines[0] == ["The", "last", "20", "of", "33", "steps:"]
    assert [line[:2] for line in lines[-2:]] == [["next", "attempt"], ["dead", "letter"]]


def test_an_order_is_canceled_or_the_exchange_decides(broker: BrokerServer) -> None:
    unsent, sent = broker.make(), broker.make(status="NEW")

    at_once = rialto("orders", "cancel", unsent["id"], url=broker.url)
    asked = rialto("orders", "cancel", sent["id"], url=broker.url)
    as_json = json.loads(rialto("orders", "cancel", sent["id"], "--json", url=broker.url).stdout)

    assert (at_once.exit_code, at_once.stdout) == (0, "It is CANCELED.\n")
    assert words(asked)[0] == ["It", "is", "PENDING_CANCEL."]
    assert words(asked)[1][-1] == sent["id"]
    assert as_json["status"] == "PENDING_CANCEL"


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("order_final", "The order is FILLED and cannot be canceled any more."),
        ("signal_order", "The order belongs to a signal: its position is closed by a SELL signal, not by canceling."),
        ("cancel_unsupported", "The order may be at the exchange, and this exchange cannot cancel."),
    ],
)
def test_what_cannot_be_canceled_says_why_and_not_to_try_again(broker: BrokerServer, code: str, detail: str) -> None:
    broker.faults.append(answers(*problem(409, code, detail)))

    result = rialto("orders", "cancel", "o", url=broker.url)

    assert (result.exit_code, result.stderr) == (1, f"Refused, 409: {detail[:-1]} (request r-1).\n")


@pytest.mark.parametrize("command", ["show", "timeline", "cancel"])
def test_an_unknown_order_is_not_found(broker: BrokerServer, command: str) -> None:
    result = rialto("orders", command, "unknown", url=broker.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Refused, 404: There is no order 'unknown' (request r-1).\n"


def test_a_list_of_a_status(broker: BrokerServer) -> None:
    broker.make(status="NEW")
    broker.make(status="CANCELED")

    (headings, row) = words(rialto("orders", "list", "--status", "NEW", url=broker.url))
    nothing = rialto("orders", "list", "--status", "EXPIRED", url=broker.url)

    assert headings == ["accepted", "status", "side", "quantity", "instrument", "limit", "order"]
    assert row[2:] == ["NEW", "buy", "10", "US0378331005", "0193a1c0-0000-7000-8000-000000000000"]
    assert nothing.stdout.startswith("There are no such orders.")
    assert "is not one of" in rialto("orders", "list", "--status", "OLD", url=broker.url).stderr


def test_help_has_examples_and_80_columns_suffice(broker: BrokerServer) -> None:
    for name in COMMANDS:
        assert_explains_itself("orders", name)
    broker.plan = [("cancel_requested", "PENDING_CANCEL"), ("dead_lettered", "PENDING_CANCEL"), ("placed", "NEW")]
    order = broker.make(quantity=10**9, limit_price=10**12, type="limit", signal_id="0193a1c0-0000-7000-8000-00000000")

    wait = ["place", "buy", "US0378331005", "1000000000", "--limit-price", "1000000000000", "--wait"]
    for command in (["list"], ["show", order["id"]], ["timeline", order["id"]], ["cancel", order["id"]], wait):
        result = rialto("orders", *command, url=broker.url, columns=80)
        assert result.exit_code == 0
        assert_fits(result)
