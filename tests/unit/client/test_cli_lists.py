"""Lists on the command line: so many rows, or all to the end, as they come."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.command import assert_fits, rialto
from tests.unit.client.market_server import answers, problem, resets

SOURCE = Path(__file__).parents[3] / "client" / "src"
MORE = "There may be more: --all shows every row.\n"


def _fill(broker: BrokerServer, count: int) -> None:
    for number in range(count):
        broker.make(quantity=number + 1)


def _quantities(output: str) -> list[int]:
    return [json.loads(line)["quantity"] for line in output.splitlines()]


def test_a_screenful_unless_told_otherwise(broker: BrokerServer) -> None:
    _fill(broker, 30)

    result = rialto("orders", "list", "--json", url=broker.url)

    assert (result.exit_code, result.stderr) == (0, MORE)
    assert _quantities(result.stdout) == list(range(30, 10, -1))
    assert [request.query for request in broker.seen] == [{"limit": "20"}]


@pytest.mark.parametrize(
    ("limit", "asked", "more"), [(1, ["1"], MORE), (30, ["30"], ""), (31, ["31"], ""), (100, ["100"], "")]
)
def test_a_limit_is_kept(broker: BrokerServer, limit: int, asked: list[str], more: str) -> None:
    _fill(broker, 30)

    result = rialto("orders", "list", "--limit", str(limit), "--json", url=broker.url)

    assert (len(_quantities(result.stdout)), result.stderr) == (min(limit, 30), more)
    assert [request.query["limit"] for request in broker.seen] == asked


def test_more_rows_than_a_page_has_are_many_pages(broker: BrokerServer) -> None:
    _fill(broker, 250)

    result = rialto("orders", "list", "-n", "150", "--json", url=broker.url)

    assert (_quantities(result.stdout), result.stderr) == (list(range(250, 100, -1)), MORE)
    assert len(broker.seen) == 2


def test_all_rows_to_the_end(broker: BrokerServer) -> None:
    _fill(broker, 250)

    as_json = rialto("orders", "list", "--all", "--json", url=broker.url)
    as_table = rialto("orders", "list", "--all", url=broker.url, columns=120)

    assert (_quantities(as_json.stdout), as_json.stderr) == (list(range(250, 0, -1)), "")
    assert len(as_table.stdout.splitlines()) == 251
    assert [request.query.get("cursor") for request in broker.seen[:3]] == [None, "100", "200"]


def test_pages_may_be_empty_and_still_not_the_last(broker: BrokerServer) -> None:
    order = broker.make()
    broker.faults.extend([answers(200, {"orders": [], "next_cursor": cursor}) for cursor in "89"])
    broker.faults.append(answers(200, {"orders": [order], "next_cursor": None}))

    result = rialto("orders", "list", "--status", "pending_new", "--limit", "1", "--json", url=broker.url)

    assert _quantities(result.stdout) == [10]
    assert [request.query.get("cursor") for request in broker.seen] == [None, "8", "9"]
    assert {request.query["status"] for request in broker.seen} == {"PENDING_NEW"}


def test_rows_come_before_the_last_page_does(broker: BrokerServer) -> None:
    _fill(broker, 150)
    broker.faults.extend([lambda handler, answer: handler.send(*answer), resets, resets, resets])

    result = rialto("orders", "list", "--all", "--json", url=broker.url)

    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 100
    assert result.stderr.startswith("The connection to ")


def test_a_list_that_leads_in_a_circle_ends(broker: BrokerServer) -> None:
    broker.faults.extend([answers(200, {"orders": [], "next_cursor": "7"})] * 2)

    result = rialto("orders", "list", "--all", url=broker.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "The list never ends" in result.stderr


def test_it_is_either_so_many_or_all(broker: BrokerServer) -> None:
    result = rialto("orders", "list", "--all", "--limit", "3", url=broker.url)

    assert (result.exit_code, broker.seen) == (2, [])
    assert result.stderr.count("\n") == 1


def test_a_refusal_is_told(broker: BrokerServer) -> None:
    broker.faults.append(answers(*problem(400, "invalid_cursor", "The cursor is broken.")))

    assert rialto("orders", "list", url=broker.url).stderr.startswith("Refused, 400: The cursor is broken")


def test_in_80_columns_the_id_is_complete(broker: BrokerServer) -> None:
    order = broker.make(status="PARTIALLY_FILLED", limit_price=999_999_999_999.99, quantity=10**8, type="limit")

    narrow = rialto("orders", "list", url=broker.url, columns=80)
    wide = rialto("orders", "list", url=broker.url, columns=140)

    assert_fits(narrow)
    assert narrow.stdout.splitlines()[-1].strip() == order["id"]
    assert wide.stdout.splitlines()[1].endswith(f"  {order['id']}")
    assert "PARTIALLY_FILLED  buy   100000000  US0378331005  999999999999.99" in narrow.stdout


def test_what_goes_into_a_pipe_has_a_line_for_each_row_and_the_reader_may_leave(broker: BrokerServer) -> None:
    _fill(broker, 150)
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    program = [sys.executable, "-B", "-c", "from rialto_client.cli import main; main()", "--url", broker.url]
    with subprocess.Popen(
        [*program, "orders", "list", "--all"],
        env={**environment, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        lines = [process.stdout.readline() for _ in range(2)]
        process.stdout.close()
        faults = process.stderr.read()

    assert lines[1].split()[-1] == "0193a1c0-0000-7000-8000-000000000149"
    assert faults == ""
