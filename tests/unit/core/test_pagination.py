import base64
import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.core.errors import InvalidCursorError, InvalidRequestError
from chalicelib.core.pagination import MAX_LOOKED_AT, Page, encode_cursor, first_behind, read_page, take_page


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
        encode_cursor("orders:", ("a" * 1_025, "b")),
        encode_cursor("orders:", ("b", "€" * 342)),
        packed(["orders:", "\ud800", "b"]),
        encode_cursor("orders:", ("a", "b"))[:-2],
        encode_cursor("orders:", ("a", "b")) + "AAAA",
        "A" * 1_000_000,
    ],
)
def test_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        read_page({"cursor": cursor}, "orders:", 2)


@pytest.mark.parametrize("part", ["a" * 1_024, "€" * 341])
def test_longest_key_of_a_table_is_a_position(part: str) -> None:
    cursor = encode_cursor("orders:", (part, "b"))
    assert read_page({"cursor": cursor}, "orders:", 2).after == (part, "b")


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


class Rows:
    """A list of the numbers from 1 on, and how it was read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.looked_at = 0
        self.calls = 0

    def behind(self, place: int | None) -> Callable[[int | None, int], list[int]]:
        """Return what reads the list behind a place, None for its beginning."""

        def fetch(last: int | None, size: int) -> list[int]:
            start = (place or 0) if last is None else last
            rows = list(range(start + 1, min(start + size, self.count) + 1))
            self.looked_at += len(rows)
            self.calls += 1
            return rows

        return fetch


def anything(row: int) -> bool:
    return row > 0


def nothing(row: int) -> bool:
    return row < 0


class TestTakePage:
    @pytest.mark.parametrize(
        ("count", "limit", "found", "place"),
        [
            (0, 1, [], None),
            (1, 1, [1], None),
            (2, 1, [1], 1),
            (2, 2, [1, 2], None),
            (2, 3, [1, 2], None),
            (3, 2, [1, 2], 2),
        ],
    )
    def test_list_ends_with_its_last_row(self, count: int, limit: int, found: list[int], place: int | None) -> None:
        assert take_page(Rows(count).behind(None), limit, anything) == (found, place)

    @pytest.mark.parametrize("limit", [1, 2, 50, 100])
    def test_whole_page_is_one_read_of_one_row_more(self, limit: int) -> None:
        rows = Rows(1_000)
        found, place = take_page(rows.behind(None), limit, anything)
        assert (len(found), place) == (limit, limit)
        assert (rows.calls, rows.looked_at) == (1, limit + 1)

    def test_list_goes_on_behind_the_last_row_of_the_page_and_not_behind_the_last_that_was_read(self) -> None:
        found, place = take_page(Rows(100).behind(None), 3, lambda row: row % 7 == 0)
        assert (found, place) == ([7, 14, 21], 21)

    def test_rows_that_are_not_wanted_at_the_end_are_no_page(self) -> None:
        assert take_page(Rows(100).behind(None), 3, lambda row: row <= 3) == ([1, 2, 3], None)

    def test_page_may_be_empty_and_go_on(self) -> None:
        rows = Rows(10 * MAX_LOOKED_AT)
        found, place = take_page(rows.behind(None), 50, nothing)
        assert found == []
        assert place == rows.looked_at
        assert MAX_LOOKED_AT <= rows.looked_at < MAX_LOOKED_AT + 200

    def test_page_may_be_short_and_go_on(self) -> None:
        rows = Rows(10 * MAX_LOOKED_AT)
        found, place = take_page(rows.behind(None), 50, lambda row: row == 900)
        assert found == [900]
        assert place is not None
        assert place == rows.looked_at

    @given(st.integers(0, 60), st.sets(st.integers(1, 60)), st.integers(1, 7))
    @example(count=60, wanted=set(), limit=1)
    def test_pages_have_every_wanted_row_once_and_in_order(self, count: int, wanted: set[int], limit: int) -> None:
        place: int | None = None
        seen: list[int] = []
        while True:
            found, place = take_page(Rows(count).behind(place), limit, wanted.__contains__)
            assert len(found) <= limit
            seen += found
            if place is None:
                break
            assert len(found) == limit, "a page is short though it did not look at many rows"
        assert seen == sorted(row for row in wanted if row <= count)

    @given(st.integers(2_000, 4_000), st.sets(st.integers(1, 4_000), max_size=6), st.sampled_from([1, 50, 100]))
    def test_pages_of_a_rare_filter_have_every_wanted_row_once_and_in_order(
        self, count: int, wanted: set[int], limit: int
    ) -> None:
        place: int | None = None
        seen: list[int] = []
        pages = 0
        while pages == 0 or place is not None:
            before = place or 0
            found, place = take_page(Rows(count).behind(place), limit, wanted.__contains__)
            assert place is None or place > before, "the list does not move on"
            seen += found
            pages += 1
        assert seen == sorted(row for row in wanted if row <= count)
        assert pages <= count // MAX_LOOKED_AT + 1 + len(seen)


Place = tuple[int, int]


class TestFirstBehind:
    @given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 9))), st.integers(1, 5), st.booleans(), st.randoms())
    def test_pages_meet_whatever_the_order_of_those_that_agree(
        self, places: set[Place], limit: int, descending: bool, random: Random
    ) -> None:
        shuffled = random.sample(sorted(places), len(places))
        rows = sorted(shuffled, key=lambda place: place[0], reverse=descending)
        found: list[Place] = []
        while page := first_behind(rows, lambda row: row, found[-1] if found else None, limit, descending=descending):
            assert len(page) == limit or len(found) + len(page) == len(places)
            found += page
        assert found == sorted(places, reverse=descending)

    def test_no_more_is_read_than_to_the_next_that_differs(self) -> None:
        rows = iter([(1, 2), (1, 1), (2, 1), (3, 1)])
        assert first_behind(rows, lambda row: row, None, 1) == [(1, 1)]
        assert list(rows) == [(3, 1)]
