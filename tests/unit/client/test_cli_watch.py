"""`rialto orders watch`: lines, JSON, a live table, broken connections and Ctrl-C."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rialto_client import OrderChange, WatchGap
from rialto_client.cli import watching
from rialto_client.cli.watching import showing_events
from rich.console import Console

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.command import assert_fits, rialto, words
from tests.unit.client.market_server import resets


def filled(broker: BrokerServer, order: dict[str, Any]) -> tuple[str, Any]:
    return broker.change(order, "filled", status="FILLED", cum_qty=10, leaves_qty=0, avg_px=101.25)


def test_each_step_is_a_line_until_all_are_final(broker: BrokerServer) -> None:
    one, other = broker.make(), broker.make()
    broker.news = [
        [broker.change(one, "accepted"), broker.change(other, "accepted", "canceled", status="CANCELED")],
        [broker.change(one, status="PARTIALLY_FILLED", cum_qty=4)],
        [filled(broker, one)],
    ]

    headings, *lines = words(rialto("orders", "watch", one["id"], other["id"], "--until-final", url=broker.url))

    assert headings == ["at", "what", "status", "filled", "order"]
    assert [line[2:] for line in lines if line[0] != "PARTIALLY_FILLED"] == [
        ["accepted", "PENDING_NEW", "0/10", one["id"]],
        ["accepted", "CANCELED", "0/10", other["id"]],
        ["canceled", "CANCELED", "0/10", other["id"]],
        ["filled", "FILLED", "10/10", "at", "101.25", one["id"]],
    ]
    # Without a step of its own, the order is what is new.
    assert lines[3] == ["PARTIALLY_FILLED", "4/10", one["id"]]


def test_json_is_an_object_for_each_event(broker: BrokerServer) -> None:
    order = broker.make()
    gap = {"id": order["id"], "missed": 2, "detail": "2 steps are not kept any more."}
    broker.news = [[("gap", gap), filled(broker, order)]]

    result = rialto("orders", "watch", order["id"], "--until-final", "--json", url=broker.url)

    told, change = map(json.loads, result.stdout.splitlines())
    assert told == gap
    assert (set(change), change["order"]["avg_px"]) == ({"order", "entries", "missed"}, 101.25)


def test_what_was_missed_is_told_among_the_lines(broker: BrokerServer) -> None:
    order = broker.make()
    gap = {"id": order["id"], "missed": 2, "detail": "2 steps are not kept any more."}
    broker.news = [[("gap", gap), filled(broker, order)]]

    result = rialto("orders", "watch", order["id"], "--until-final", url=broker.url)

    assert result.stdout.splitlines()[0] == f"Missed of {order['id']}: 2 steps are not kept any more."


def test_a_connection_that_is_lost_is_tried_again_from_where_it_was(
    broker: BrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_PAUSE", 0.01)
    order = broker.make()
    broker.news = [[broker.change(order, "accepted")], [filled(broker, order)]]
    broker.faults.extend([lambda handler, answer: handler.send(*answer), resets, resets, resets])

    result = rialto("orders", "watch", order["id"], "--until-final", url=broker.url)

    assert result.exit_code == 0
    assert [line.split()[2] for line in result.stdout.splitlines()[1:]] == ["accepted", "filled"]
    assert result.stderr.startswith("The connection is lost, and tried again: ")
    assert result.stderr.count("\n") == 1


def test_where_nobody_answers_it_says_so() -> None:
    result = rialto("orders", "watch")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Nothing answers at http://127.0.0.1:1.")


def test_an_unknown_order_is_not_found(broker: BrokerServer) -> None:
    result = rialto("orders", "watch", "unknown", url=broker.url)

    assert result.stderr == "Refused, 404: There are no orders 'unknown' (request r-1).\n"


def test_new_orders_have_no_end_to_wait_for(broker: BrokerServer) -> None:
    result = rialto("orders", "watch", "--until-final", url=broker.url)

    assert (result.exit_code, broker.seen) == (2, [])
    assert "new orders have no end" in result.stderr


def test_80_columns_suffice(broker: BrokerServer) -> None:
    order = broker.make(quantity=10**9)
    broker.news = [[broker.change(order, "cancel_requested", status="PENDING_CANCEL"), filled(broker, order)]]

    assert_fits(rialto("orders", "watch", order["id"], "--until-final", url=broker.url, columns=80))


def test_ctrl_c_ends_with_130(broker: BrokerServer) -> None:
    order = broker.make()
    broker.news = [[broker.change(order, "accepted")]]
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from rialto_client.cli import main; main()"
    source = Path(__file__).parents[3] / "client" / "src"
    command = [sys.executable, "-B", "-c", program, "--url", broker.url, "orders", "watch", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, faults = process.communicate(timeout=20)

    assert json.loads(first)["order"]["id"] == order["id"]
    assert (process.returncode, rest, faults) == (130, "", "")


def test_on_a_terminal_the_orders_are_a_live_table(broker: BrokerServer) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=8, _environ={"TERM": "xterm"})
    changes = [broker.change(broker.make(instrument=f"[b]{number}[/b]"), "accepted")[1] for number in range(5)]

    with showing_events(console, as_json=False) as show:
        for change in [*changes, changes[0]]:
            show(OrderChange.model_validate({**change, "cursor": "c"}))
        show(WatchGap(id=None, missed=None, detail="More than 100 orders came."))

    # What is left on the screen: as many orders as it has room for, the last to change at the bottom.
    left = output.getvalue().rsplit("last step", 1)[1]
    assert [number for number in (1, 2, 3, 4, 0) if f"[b]{number}[/b]" in left] == [3, 4, 0]
    assert "Missed: More than 100 orders came." in left
