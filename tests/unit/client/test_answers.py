"""How answers, pauses and settings are read."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from rialto_client import Direction, OrderRequest, Problem, Retries, Timeout
from rialto_client.answers import read_retry_after
from rialto_client.problem import read_problem

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def _seconds(text: str) -> float:
    return read_retry_after(httpx.Headers({b"Retry-After": text.encode("latin-1", "replace")}), lambda: NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


def test_no_retry_after_is_no_pause() -> None:
    assert read_retry_after(httpx.Headers()) == 0


@given(st.text() | st.from_regex(r"\d{1,400}") | st.from_regex(r"\w{3}, \d+ Nov \d+ \d+:\d+:\d+ \w+"))
def test_no_retry_after_breaks_the_client(text: str) -> None:
    assert _seconds(text) >= 0


def test_pauses_double_up_to_the_longest_and_are_drawn_at_random() -> None:
    retries = Retries(first_pause=0.5, longest_pause=3)

    assert [retries.pause_after(attempt, 0, lambda: 1) for attempt in range(1, 6)] == [0.5, 1, 2, 3, 3]
    assert retries.pause_after(2, 0, lambda: 0.25) == 0.25
    assert retries.pause_after(100_000, 0, lambda: 1) == 3
    assert len({retries.pause_after(3, 0) for _ in range(9)}) > 1


@given(st.integers(1, 1_000), st.floats(0, 100), st.floats(0, 1))
def test_no_pause_is_shorter_than_the_server_asks_for(attempt: int, retry_after: float, drawn: float) -> None:
    assert retry_after <= Retries().pause_after(attempt, retry_after, lambda: drawn) <= retry_after + 5


@pytest.mark.parametrize("settings", [{"connect": 0}, {"read": -1}, {"overall": 0}])
def test_a_timeout_is_positive(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="timeout"):
        Timeout(**settings)


@pytest.mark.parametrize("settings", [{"attempts": 0}, {"first_pause": -1}, {"longest_pause": -1}])
def test_there_is_at_least_one_attempt(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="attempt"):
        Retries(**settings)


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda v: str(v).encode()))
def test_whatever_a_body_is_there_is_a_problem_with_the_status(body: bytes) -> None:
    assert read_problem(502, body).status == 502


def test_a_problem_that_is_none_keeps_its_status_only() -> None:
    assert read_problem(500, b'{"message": "Internal server error", "status": 200}') == Problem(status=500)
    assert read_problem(422, b'{"code": 7}') == Problem(status=422)
    assert str(Problem(status=500)) == "500"


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": True},
        {"user_id": "1"},
        {"artwork_id": 1.5},
        {"price": float("nan")},
        {"price": float("inf")},
        {"direction": "hold"},
    ],
)
def test_a_request_of_the_wrong_types_is_not_made(wrong: dict[str, object]) -> None:
    right = {"user_id": 1, "artwork_id": 2, "price": 3.0, "direction": "buy"}

    assert OrderRequest.model_validate(right).direction is Direction.BUY
    with pytest.raises(ValidationError):
        OrderRequest.model_validate(right | wrong)


def test_prices_go_out_with_the_digits_they_were_written_with() -> None:
    for price in (0.01, 0.1, 1.15, 999_999_999_999.99, 10**12):
        request = OrderRequest(user_id=1, artwork_id=2, price=price, direction="buy")
        assert OrderRequest.model_validate_json(request.model_dump_json()).price == price
