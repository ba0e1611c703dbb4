"""The installed `rialto` against the deployed stack: every command, its exit code, and its JSON."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.e2e.command_line import CommandLine
from tests.e2e.stack import ISIN, Stack, eventually

WINDOW = '{"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"batchSize": 1}}'
_artworks = itertools.count(8_000_000)


@pytest.fixture
def rialto(stack: Stack, tmp_path: Path) -> CommandLine:
    """The command line for the deployed stack."""
    return CommandLine(stack.deployment.url, tmp_path)


def test_orders_are_placed_followed_listed_and_canceled(rialto: CommandLine) -> None:
    told = rialto.run("orders", "place", "buy", ISIN, "3", "--wait")
    assert told.startswith(f"Accepted: buy 3 {ISIN}, at market.")
    assert "placed" in told.splitlines()[-1]

    placed = rialto.json("orders", "place", "sell", ISIN, "5", "--limit-price", "120.50", "--key", "e2e", "--wait")
    again = rialto.json("orders", "place", "sell", ISIN, "5", "--limit-price", "120.50", "--key", "e2e")
    assert (placed["status"], placed["limit_price"], again["id"]) == ("NEW", 120.5, placed["id"])

    order_id = placed["id"]
    assert rialto.json("orders", "show", order_id)["placed_at"]
    assert f"Order {order_id}" in rialto.run("orders", "show", order_id)
    assert [entry["cause"] for entry in rialto.json("orders", "timeline", order_id)["entries"]][-1] == "placed"
    assert order_id in [row["id"] for row in rialto.rows("orders", "list", "--all", "--status", "NEW")]
    assert order_id in rialto.run("orders", "list", "--limit", "5")
    assert len(rialto.rows("orders", "list", "--limit", "1")) == 1

    assert rialto.json("orders", "cancel", order_id)["status"] == "PENDING_CANCEL"
    eventually(lambda: rialto.json("orders", "show", order_id)["status"], lambda status: status == "CANCELED")
    rialto.run("orders", "show", "unknown", code=1)
    rialto.run("orders", "place", "hold", ISIN, "1", code=2)


def test_a_work_is_sold(rialto: CommandLine) -> None:
    artwork = str(next(_artworks))
    seller, buyer = artwork + "1", artwork + "2"

    offer = rialto.json("market", "sell", artwork, "120.50", "--user", seller)["order_id"]
    low = rialto.json("market", "buy", artwork, "100", "--user", buyer)["order_id"]
    for_sale = eventually(
        lambda: rialto.rows("market", "browse", "--sort", "newest", "--all"),
        lambda rows: offer in [row["order_id"] for row in rows],
    )
    assert artwork in rialto.run("market", "browse", "--all")
    assert next(row for row in for_sale if row["order_id"] == offer)["price"] == 120.5
    book = rialto.json("market", "show", artwork)
    assert ([one["order_id"] for one in book["asks"]], [one["price"] for one in book["bids"]]) == ([offer], [100])
    assert offer in rialto.run("market", "show", artwork)
    assert eventually(lambda: rialto.run("market", "orders", "--user", buyer), lambda told: low in told)

    bid = rialto.json("market", "buy", artwork, "130", "--user", buyer)["order_id"]
    (trade,) = eventually(lambda: rialto.rows("market", "transactions", "--user", buyer), bool)
    assert (trade["price"], trade["buy_order_id"], trade["sell_order_id"]) == (120.5, bid, offer)
    assert "120.50" in rialto.run("market", "transactions", "--user", seller)

    assert rialto.json("market", "cancel", bid, code=1) == {"is_canceled": False}
    assert rialto.json("market", "cancel", low) == {"is_canceled": True}
    eventually(lambda: rialto.rows("market", "orders", "--user", buyer), lambda rows: not rows)


def test_profiles_signals_positions_and_the_log(rialto: CommandLine) -> None:
    drawn = rialto.json("profiles", "generate", "--load", "--seed", "7")
    assert drawn["loaded"]["users"] == drawn["users"] == 3
    rialto.run("profiles", "generate", code=1)
    before = json.loads(rialto.run("profiles", "show", "--json"))
    assert before == json.loads((rialto.folder / "user_profile.json").read_text())

    user, strategy = f"Ada {rialto.folder.name}", f"S {rialto.folder.name}"
    own = {user: {strategy: ["MINDA"]}}
    (rialto.folder / "mine.json").write_text(json.dumps({**before, **own}))
    assert rialto.json("profiles", "load", "mine.json")["users"] == 4

    dry = rialto.json("signals", "send", strategy, "MINDA", "BUY", "--dry-run")
    bought = rialto.json("signals", "send", strategy, "MINDA", "BUY")
    assert (dry["signal_id"], dry["status"], bought["status"]) == (None, "ACCEPTED", "ACCEPTED")
    assert user in rialto.run("signals", "show", bought["signal_id"])
    assert rialto.json("signals", "show", bought["signal_id"])["users"] == bought["users"]
    eventually(
        lambda: rialto.rows("signals", "list", "--all"),
        lambda rows: bought["signal_id"] in [row["signal_id"] for row in rows],
    )
    assert bought["signal_id"] in rialto.run("signals", "list", "--all")
    (held,) = eventually(lambda: rialto.rows("positions", "--user", user, "--strategy", strategy), bool)
    assert held["order_id"] == bought["users"][0]["order_id"]
    assert held["order_id"] in rialto.run("positions", "--user", user, "--instrument", "MINDA")

    sold = rialto.json("signals", "send", strategy, "MINDA", "SELL")
    (trip,) = eventually(lambda: rialto.rows("log", "--user", user, "--strategy", strategy), bool)
    assert (trip["buy_signal_id"], trip["sell_signal_id"]) == (bought["signal_id"], sold["signal_id"])
    assert "MINDA" in rialto.run("log", "--user", user)
    assert eventually(lambda: rialto.rows("positions", "--user", user), lambda rows: not rows) == []


def test_signals_are_produced(rialto: CommandLine) -> None:
    rialto.run("profiles", "generate", "--load")

    produced = rialto.rows("signals", "produce", "--count", "20", "--interval", "0")
    told = rialto.run("signals", "produce", "--count", "3", "--interval", "0").splitlines()

    assert [row["number"] for row in produced] == list(range(1, 21))
    assert {row["response"] for row in produced} <= {"ACCEPTED", "REJECTED"}
    assert (len(told), told[-1].endswith(" 0 errors")) == (4, True)


def test_what_the_people_on_call_see_and_do(rialto: CommandLine, stack: Stack) -> None:
    assert rialto.json("health")["status"] == "ok"
    assert rialto.run("health").endswith(" is ok.\n")
    names = [queue["name"] for queue in rialto.json("queues")["queues"]]
    assert {"placements", "hand-over"} <= set(names)
    assert "hand-over" in rialto.run("queues")

    stack.sqs.send_message(QueueUrl=stack.deployment.outputs["HandOverDeadLetterQueue"], MessageBody=WINDOW)
    found = eventually(lambda: rialto.json("dead-letters", "list", "hand-over")["letters"], lambda seen: len(seen) == 1)
    assert found[0]["reason"] == "RetryAttemptsExhausted"
    assert "RetryAttemptsExhausted" in rialto.run("dead-letters", "list", "hand-over")
    assert "1 moved back, 0 left." in rialto.run("dead-letters", "redrive", "hand-over")
    assert rialto.json("dead-letters", "redrive", "hand-over")["remaining"] == 0
    rialto.run("dead-letters", "list", "unknown", code=1)


def test_invariants_are_checked_now(rialto: CommandLine) -> None:
    checked = rialto.json("invariants", "--run", "--timeout", "170")
    shown = rialto.json("invariants")

    assert checked["complete"]
    assert shown["as_of"] >= checked["as_of"]
    assert "no violations" in rialto.run("invariants")


def test_the_exchange_is_switched_off_and_on(rialto: CommandLine) -> None:
    assert rialto.json("exchange")["mode"] == "normal"

    down = rialto.json("exchange", "fail-before", "--probability", "1")
    order = rialto.json("orders", "place", "buy", ISIN, "1")
    waited = rialto.json("orders", "place", "buy", ISIN, "1", "--wait", "--timeout", "1", code=1)
    assert (down["mode"], order["status"], waited["status"]) == ("fail_before", "PENDING_NEW", "PENDING_NEW")
    assert "fail-before" in rialto.run("exchange")

    assert rialto.run("exchange", "normal") == "The exchange is normal: every order is taken.\n"
    eventually(lambda: rialto.json("orders", "show", waited["id"])["status"], lambda status: status == "NEW")


def test_the_tour_comes_out_as_promised_and_leaves_the_profiles(rialto: CommandLine) -> None:
    rialto.run("profiles", "generate", "--load")
    before = rialto.run("profiles", "show", "--json")

    told = rialto.run("tour")
    steps = rialto.rows("tour")

    assert told.endswith("Everything came out as promised.\n")
    assert steps
    assert all(step["as_promised"] for step in steps)
    assert json.loads(rialto.run("profiles", "show", "--json")) == json.loads(before)


def test_where_nobody_answers_it_says_what_to_do(tmp_path: Path) -> None:
    nowhere = CommandLine("http://127.0.0.1:1", tmp_path)

    for command in (["health"], ["orders", "list"], ["market", "browse"], ["exchange"], ["tour", "--json"]):
        assert nowhere.run(*command, code=1) == ""
