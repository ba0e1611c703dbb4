"""POST /orders: what an accepted order looks like, and what a repeated request gets."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from chalicelib.broker.models import OrderRequest
from chalicelib.broker.service import submit_order
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import parse_timestamp, utc_now
from chalicelib.core.errors import KeyReusedError
from chalicelib.core.ids import is_id
from tests.client_faults import ClientFaults
from tests.functional.conftest import LIMIT_ORDER, MARKET_ORDER, Orders
from tests.functional.gateway import REQUEST_ID, Gateway


@pytest.mark.parametrize(
    ("body", "price"), [(LIMIT_ORDER, 10.25), ({**LIMIT_ORDER, "limit_price": 10}, 10), (MARKET_ORDER, None)]
)
def test_accepted_order_has_exactly_these_members(gateway: Gateway, body: dict[str, Any], price: float | None) -> None:
    answer = gateway.post("/orders", body)
    order_id, created_at = answer.content["id"], answer.content["created_at"]
    assert answer.status == 201
    assert answer.content == {
        "id": order_id,
        "created_at": created_at,
        "type": body["type"],
        "side": body["side"],
        "instrument": "DE0007664039",
        "limit_price": price,
        "quantity": 3,
        "status": "PENDING_NEW",
    }
    assert is_id(order_id)
    assert parse_timestamp(created_at).tzinfo is not None


def test_accepted_order_tells_where_it_is_found(gateway: Gateway) -> None:
    answer = gateway.post("/orders", LIMIT_ORDER)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == REQUEST_ID
    assert answer.headers["Location"] == f"/orders/{answer.content['id']}"
    assert gateway.get(answer.headers["Location"]).content["id"] == answer.content["id"]
    assert "Idempotency-Replayed" not in answer.headers


def test_accepted_order_is_durable(gateway: Gateway, orders: Orders) -> None:
    answer = gateway.post("/orders", LIMIT_ORDER)
    assert orders.get(answer.content["id"]).quantity == 3


def test_accepting_writes_once_and_calls_nothing_else(gateway: Gateway, client_faults: ClientFaults) -> None:
    gateway.post("/orders", LIMIT_ORDER)
    assert [call for call in client_faults.calls if "DescribeTable" not in call] == ["dynamodb.PutItem"]


@pytest.mark.parametrize("price", ["10.25", "1.025e1", "+10.250"])
def test_price_may_be_a_numeric_text(gateway: Gateway, price: str) -> None:
    assert gateway.post("/orders", {**LIMIT_ORDER, "limit_price": price}).content["limit_price"] == 10.25


def test_price_is_exact(gateway: Gateway) -> None:
    text = gateway.post("/orders", {**LIMIT_ORDER, "limit_price": 999999999999.99}).text
    assert '"limit_price":999999999999.99,' in text


def test_fields_that_are_not_known_are_ignored(gateway: Gateway) -> None:
    extra = {"status": "FILLED", "id": "mine", "version": 9, "note": "x" * 1000, "limit": None}
    content = gateway.post("/orders", {**LIMIT_ORDER, **extra}).content
    assert (content["status"], content["id"] == "mine") == ("PENDING_NEW", False)


def test_market_order_may_say_that_it_has_no_price(gateway: Gateway) -> None:
    assert gateway.post("/orders", {**MARKET_ORDER, "limit_price": None}).status == 201


def test_same_order_without_key_is_another_order(gateway: Gateway, orders: Orders) -> None:
    assert gateway.post("/orders", LIMIT_ORDER).content["id"] != gateway.post("/orders", LIMIT_ORDER).content["id"]
    assert orders.count() == 2


class TestIdempotency:
    def test_repeated_request_gets_the_first_answer(self, gateway: Gateway, orders: Orders) -> None:
        first = gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
        again = gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
        assert (again.status, again.text) == (201, first.text)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert orders.count() == 1

    def test_repeated_request_gets_the_first_answer_whatever_became_of_the_order(self, gateway: Gateway) -> None:
        first = gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
        gateway.post(f"/orders/{first.content['id']}/cancel")
        assert gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key").text == first.text

    def test_price_written_in_another_way_is_the_same_order(self, gateway: Gateway) -> None:
        gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
        again = gateway.post("/orders", {**LIMIT_ORDER, "limit_price": "10.250"}, Idempotency_Key="a-key")
        assert again.headers["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize("body", [{**LIMIT_ORDER, "quantity": 4}, {**LIMIT_ORDER, "side": "sell"}, MARKET_ORDER])
    def test_key_with_another_order_is_refused(self, gateway: Gateway, orders: Orders, body: dict[str, Any]) -> None:
        gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key")
        answer = gateway.post("/orders", body, Idempotency_Key="a-key")
        assert (answer.status, answer.content["code"]) == (422, "idempotency_key_reused")
        assert orders.count() == 1

    def test_name_of_the_header_is_not_case_sensitive(self, gateway: Gateway, orders: Orders) -> None:
        gateway.post("/orders", LIMIT_ORDER, idempotency_key="a-key")
        gateway.post("/orders", LIMIT_ORDER, IDEMPOTENCY_KEY="a-key")
        assert orders.count() == 1

    def test_refused_request_does_not_use_up_its_key(self, gateway: Gateway) -> None:
        gateway.post("/orders", {**LIMIT_ORDER, "quantity": 0}, Idempotency_Key="a-key")
        assert gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="a-key").status == 201

    def test_longest_key_is_taken(self, gateway: Gateway) -> None:
        assert gateway.post("/orders", LIMIT_ORDER, Idempotency_Key="0" * 255).status == 201


def test_of_many_requests_at_once_with_one_key_one_creates_the_order(aws: dict[str, str], orders: Orders) -> None:
    # One level below the routes: a function instance of Lambda handles one request at a time.
    barrier, store = Barrier(8), broker().store
    requests = [OrderRequest(**{**LIMIT_ORDER, "quantity": 3 + number % 2}) for number in range(8)]

    def submit(request: OrderRequest) -> str:
        barrier.wait()
        try:
            submission = submit_order(store, request, "a-key", utc_now)
        except KeyReusedError:
            return "refused"
        return "replayed" if submission.replayed else "created"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(submit, requests))
    assert (results.count("created"), results.count("replayed"), results.count("refused")) == (1, 3, 4)
    assert orders.count() == 1
