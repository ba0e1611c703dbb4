"""Faults of ours: the exact body that the contract has for POST /orders, a problem elsewhere."""

from typing import Any

import pytest

from tests.client_faults import ClientFaults, read_timeout
from tests.functional.conftest import LIMIT_ORDER, Orders
from tests.functional.gateway import REQUEST_ID, Answer, Gateway

PUT, GET = "dynamodb.PutItem", "dynamodb.GetItem"
EXACT_FAULT = '{"message":"Internal server error while placing the order"}'


def assert_fault(answer: Answer) -> None:
    assert (answer.status, answer.text) == (500, EXACT_FAULT)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == REQUEST_ID


def test_post_without_table_is_exactly_the_fault(gateway: Gateway, orders: Orders) -> None:
    orders.drop_table()
    assert_fault(gateway.post("/orders", LIMIT_ORDER))


def test_post_without_table_still_names_what_is_wrong_with_the_request(gateway: Gateway, orders: Orders) -> None:
    orders.drop_table()
    assert gateway.post("/orders", {}).status == 422


def test_post_with_broken_connections_is_exactly_the_fault(gateway: Gateway, client_faults: ClientFaults) -> None:
    client_faults.never_arrives(PUT, times=3)
    assert_fault(gateway.post("/orders", LIMIT_ORDER))


def test_post_with_a_table_that_hangs_is_exactly_the_fault(gateway: Gateway, client_faults: ClientFaults) -> None:
    client_faults.never_arrives(PUT, times=3, error=read_timeout)
    assert_fault(gateway.post("/orders", LIMIT_ORDER))
    assert client_faults.calls.count(PUT) == 3


def test_post_with_a_setting_missing_is_exactly_the_fault(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROKER_ORDERS_TABLE")
    assert_fault(gateway.post("/orders", LIMIT_ORDER))


def test_post_survives_one_broken_connection(gateway: Gateway, orders: Orders, client_faults: ClientFaults) -> None:
    client_faults.never_arrives(PUT, times=2)
    assert gateway.post("/orders", LIMIT_ORDER).status == 201
    assert orders.count() == 1


def test_post_whose_stored_order_was_not_confirmed_is_created_once(
    gateway: Gateway, orders: Orders, client_faults: ClientFaults
) -> None:
    client_faults.loses_answer(PUT)
    answer = gateway.post("/orders", LIMIT_ORDER)
    assert answer.status == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert orders.count() == 1


def test_client_that_got_a_fault_asks_again_with_its_key(
    gateway: Gateway, orders: Orders, client_faults: ClientFaults
) -> None:
    client_faults.loses_answer(PUT, times=3)
    assert_fault(gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key"))
    answer = gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
    assert (answer.status, answer.headers["Idempotency-Replayed"]) == (201, "true")
    assert orders.count() == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders"),
        ("GET", "/orders/7b7a8f8e-0000-4000-8000-000000000000"),
        ("GET", "/orders/7b7a8f8e-0000-4000-8000-000000000000/timeline"),
        ("POST", "/orders/7b7a8f8e-0000-4000-8000-000000000000/cancel"),
        ("GET", "/operations/queues"),
    ],
)
def test_fault_elsewhere_is_a_problem_that_tells_nothing_of_the_inside(
    gateway: Gateway, orders: Orders, method: str, path: str
) -> None:
    orders.drop_table()
    answer = gateway.send(method, path)
    expected: dict[str, Any] = {
        "type": "urn:rialto:problem:internal_error",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "A fault of ours. It is logged under this request_id.",
        "code": "internal_error",
        "request_id": REQUEST_ID,
    }
    assert (answer.status, answer.content) == (500, expected)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_cancel_whose_answer_was_lost_is_done(gateway: Gateway, client_faults: ClientFaults) -> None:
    order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]
    client_faults.loses_answer(PUT)
    answer = gateway.post(f"/orders/{order_id}/cancel")
    assert (answer.status, answer.content["status"]) == (200, "CANCELED")
