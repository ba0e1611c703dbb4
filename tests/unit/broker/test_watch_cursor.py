"""The cursor of a watcher comes back as it was given out, or not at all."""

import base64
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.broker.order import OrderId
from chalicelib.broker.watch import MOST_WATCHED, Mark, Marks
from chalicelib.broker.watch_cursor import MAX_LENGTH, decode_marks, encode_marks
from chalicelib.core.errors import InvalidCursorError

_ids = st.uuids().map(lambda each: OrderId(str(each)))
_numbers = st.integers(0, 2**63 - 1)
_marks = st.dictionaries(_ids, st.builds(Mark, _numbers, _numbers), max_size=20)
ONE = {OrderId("0b0f6e0e-3b7e-4c5a-9d53-5a4b3f3c8a11"): Mark(3, 2)}


@given(st.text(), _marks)
def test_marks_come_back_as_they_were(scope: str, marks: Marks) -> None:
    assert decode_marks(scope, encode_marks(scope, marks)) == marks


@given(_marks)
def test_a_cursor_needs_no_escaping_in_a_header_or_a_query(marks: Marks) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert set(encode_marks("newest", marks)) <= set(alphabet)


def test_a_hundred_orders_with_long_histories_fit_into_a_header() -> None:
    marks = {OrderId(str(uuid4())): Mark(2**35 - 1, 2**35 - 1) for _ in range(MOST_WATCHED)}

    cursor = encode_marks("newest", marks)

    assert len(cursor) <= 3_600 < MAX_LENGTH
    assert decode_marks("newest", cursor) == marks


@given(_marks, st.data())
def test_a_cursor_with_any_bit_changed_is_refused(marks: Marks, data: st.DataObject) -> None:
    cursor = encode_marks("newest", marks)
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(InvalidCursorError):
        decode_marks("newest", base64.urlsafe_b64encode(raw).decode().rstrip("="))


@given(_marks, st.data())
def test_a_cursor_that_is_cut_off_is_refused(marks: Marks, data: st.DataObject) -> None:
    cursor = encode_marks("newest", marks)

    with pytest.raises(InvalidCursorError):
        decode_marks("newest", cursor[: data.draw(st.integers(0, len(cursor) - 1))])


@given(st.text(), st.text(), _marks)
def test_a_cursor_of_other_orders_is_refused(scope: str, other: str, marks: Marks) -> None:
    if scope != other:
        with pytest.raises(InvalidCursorError, match="belongs to other orders"):
            decode_marks(other, encode_marks(scope, marks))


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_marks("newest", text)


@pytest.mark.parametrize("cursor", ["", "=", "€", "A" * 5_000, encode_marks("newest", ONE) + "!"])
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_marks("newest", cursor)
