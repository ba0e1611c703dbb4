"""The wire contract through the gateway, where something between client and view could change it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.stack import ISIN, Stack

ORDER = {"type": "limit", "side": "sell", "instrument": ISIN, "limit_price": "10.50", "quantity": 2}


def test_the_201_has_exactly_the_fields_of_the_contract(stack: Stack) -> None:
    response = stack.http.post("/orders", json={**ORDER, "comment": "ignored"})

    answer = response.json()
    assert response.status_code == 201
    assert list(answer) == ["id", "created_at", "type", "side", "instrument", "limit_price", "quantity", "status"]
    assert (answer["limit_price"], answer["status"]) == (10.5, "PENDING_NEW")


def test_a_key_used_by_many_clients_at_once_makes_one_order(stack: Stack) -> None:
    headers = {"Idempotency-Key": "e2e-one-order"}
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: stack.http.post("/orders", json=ORDER, headers=headers), range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotency-Replayed") != "true" for answer in answers) == 1
    other = stack.http.post("/orders", json={**ORDER, "quantity": 3}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 422, "validation_failed"),
        (b"{}", "application/json", 422, "validation_failed"),
        (b"[]", "application/json", 422, "validation_failed"),
        (b"{nonsense", "application/json", 422, "validation_failed"),
        (b'{"quantity": NaN}', "application/json", 422, "validation_failed"),
        (b"\xff\xfe", "application/json", 422, "validation_failed"),
        (b"type=market", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b'{"x": "' + b"x" * 1_000_000 + b'"}', "application/json", 413, "body_too_large"),
        (b"x" * 11_000_000, "application/json", 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_a_problem_and_stores_nothing(
    stack: Stack, body: bytes, content_type: str, status: int, code: str
) -> None:
    newest = stack.http.get("/orders", params={"limit": 1}).json()["orders"]

    response = stack.http.post("/orders", content=body, headers={"Content-Type": content_type})

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"]
    assert stack.http.get("/orders", params={"limit": 1}).json()["orders"] == newest


def test_all_orders_are_listed_newest_first_in_pages(stack: Stack) -> None:
    submitted = [stack.submit()["id"] for _ in range(12)]

    listed: list[str] = []
    cursor: str | None = None
    while len(listed) < 12:
        query = {"limit": "5", **({"cursor": cursor} if cursor else {})}
        response = stack.http.get("/orders", params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        listed += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]

    assert listed[:12] == submitted[::-1]


def test_a_cursor_with_percent_signs_and_pluses_is_passed_on_as_it_stands(stack: Stack) -> None:
    response = stack.http.get("/orders?cursor=%2B%25+%E2%82%AC")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
