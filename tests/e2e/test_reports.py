"""Execution reports through the deployed queue and functions, as the bridge sends them."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stack import Stack, eventually
from tests.unit.broker.report_json import report_json

QUANTITY = 100
PRICE = {"avg_px": 101.25, "last_qty": 1, "last_px": 101.25}


def report(order_id: str, order_seq: int, status: str, cum_qty: int) -> dict[str, Any]:
    prices = PRICE if cum_qty else dict.fromkeys(PRICE)
    told = {"client_order_id": order_id, "order_seq": order_seq, "status": status, "cum_qty": cum_qty}
    return report_json(**told, leaves_qty=QUANTITY - cum_qty, **prices)


def send(stack: Stack, *reports: dict[str, Any]) -> None:
    """Send reports of one partition in one message."""
    body = json.dumps({"reports": reports})
    stack.sqs.send_message(
        QueueUrl=stack.deployment.outputs["ReportsQueue"],
        MessageBody=body,
        MessageGroupId=str(zlib.crc32(reports[0]["client_order_id"].encode()) % 32),
        MessageDeduplicationId=hashlib.sha256(body.encode()).hexdigest(),
    )


def working(stack: Stack) -> str:
    order_id: str = stack.submit(type="limit", limit_price=101.25, quantity=QUANTITY)["id"]
    stack.wait_for(order_id, "NEW")
    return order_id


@pytest.fixture
def _no_letters(stack: Stack) -> Iterator[None]:
    yield
    stack.sqs.purge_queue(QueueUrl=stack.deployment.outputs["ReportRetriesDeadLetterQueue"])


def test_reports_in_any_order_and_twice_fill_the_order_once(stack: Stack) -> None:
    order_id = working(stack)
    fills = [report(order_id, number, "PARTIALLY_FILLED", number * 10) for number in range(2, 9)]
    send(stack, *fills[::-2], fills[0])
    send(stack, report(order_id, 9, "FILLED", QUANTITY), *fills)
    send(stack, report(order_id, 1, "NEW", 0), *fills)
    order = stack.wait_for(order_id, "FILLED")
    assert (order["cum_qty"], order["leaves_qty"], order["avg_px"]) == (QUANTITY, 0, 101.25)
    eventually(lambda: stack.queue("reports"), lambda queue: queue["depth"] == queue["in_flight"] == 0)
    assert stack.order(order_id) == order


@pytest.mark.usefixtures("_no_letters")
def test_impossible_report_is_a_visible_letter_and_holds_up_nobody_in_its_partition(stack: Stack) -> None:
    order_id = working(stack)
    send(stack, report(order_id, 2, "PARTIALLY_FILLED", QUANTITY + 1) | {"leaves_qty": 0})
    send(stack, report(order_id, 3, "PARTIALLY_FILLED", 30))
    stack.wait_for(order_id, "PARTIALLY_FILLED")
    (letter,) = stack.wait_for_letters("report-retries")
    assert letter["order_id"] == order_id
    assert letter["reason"] == "cum_qty 101 is more than the order's quantity 100"
    # What is still impossible comes back with its reason.
    assert stack.redrive("report-retries")["redriven"] == 1
    (again,) = stack.wait_for_letters("report-retries")
    assert again["message_id"] != letter["message_id"]
    assert again["reason"] == letter["reason"]


def test_order_whose_reports_never_came_is_as_the_exchange_has_it_after_a_sweep(stack: Stack) -> None:
    order_id = working(stack)
    stack.exchange.http.delete(f"/orders/{order_id}").raise_for_status()
    with stack.environment("SweepFunction", RECONCILE_AFTER="0"):
        for _ in range(20):
            stack.sweep()
            if stack.order(order_id)["status"] == "CANCELED":
                break
    assert stack.order(order_id)["status"] == "CANCELED"
