import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import InvalidCursorError, InvalidRequestError
from chalicelib.core.pagination import Page, encode_cursor, read_page


def packed(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_without_limit_and_cursor_the_first_50_are_asked_for() -> None:
    assert read_page({}, "orders:", 2) == Page(50, None)


@given(st.text(max_size=60), st.text(max_size=60))
def test_cursor_comes_back_as_its_position(first: str, second: str) -> None:
    cursor = encode_cursor("orders:", (first, second))
    assert read_page({"cursor": cursor}, "orders:", 2).after == (first, second)


@given(st.text(max_size=20))
def test_cursor_needs_no_escaping_in_a_query(text: str) -> None:
    assert set(encode_cursor("orders:", (text, "x"))) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("50", 50), ("100", 100), ("007", 7)])
def test_limit_from_1_to_100_is_taken(text: str, limit: int) -> None:
    assert read_page({"limit": text}, "orders:", 2).limit == limit


@pytest.mark.parametrize("text", ["0", "101", "-1", "x", "", " 5", "1.5", "1e1", "+5", "٣", "²", "9" * 5_000])
def test_other_limit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read_page({"limit": text}, "orders:", 2)
    (error,) = raised.value.extensions["errors"]
    assert error["loc"] == ["query", "limit"]


@pytest.mark.parametrize("list_name", ["orders:NEW", "trades:", ""])
def test_cursor_of_another_list_or_filter_is_refused(list_name: str) -> None:
    cursor = encode_cursor(list_name, ("a", "b"))
    with pytest.raises(InvalidCursorError, match="another list"):
        read_page({"cursor": cursor}, "orders:", 2)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "not base64!",
        "€",
        "====",
        packed({"a": 1}),
        packed("orders:"),
        packed(["orders:", 1, 2]),
        packed(["orders:", None, "b"]),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 1_400).decode(),
        encode_cursor("orders:", ("a" * 3_000, "b")),
        encode_cursor("orders:", ("a", "b"))[:-2],
        encode_cursor("orders:", ("a", "b")) + "AAAA",
        "A" * 1_000_000,
    ],
)
def test_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        read_page({"cursor": cursor}, "orders:", 2)


@pytest.mark.parametrize("position", [(), ("a",), ("a", "b", "c")])
def test_cursor_with_another_number_of_positions_is_refused(position: tuple[str, ...]) -> None:
    with pytest.raises(InvalidCursorError):
        read_page({"cursor": encode_cursor("orders:", position)}, "orders:", 2)


@given(st.text())
def test_no_cursor_breaks_anything_else(cursor: str) -> None:
    try:
        read_page({"cursor": cursor}, "orders:", 2)
    except InvalidCursorError:
        return
    raise AssertionError("a made-up cursor was taken")
