from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from chalicelib.core.money import parse_price, to_json_number

MESSAGES = {
    "greater_than": "Input should be greater than 0",
    "less_than_equal": "Input should be less than or equal to 1000000000000",
    "decimal_max_places": "Input should have no more than 2 decimal places",
    "decimal_parsing": "Input should be a finite number",
    "decimal_type": "Input should be a number or a numeric string",
}
prices = st.integers(1, 10**14).map(lambda cents: Decimal(cents).scaleb(-2))


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (1, "1.00"),
        (10.25, "10.25"),
        (0.1, "0.10"),
        (Decimal("0.01"), "0.01"),
        ("0.01", "0.01"),
        ("10.250000", "10.25"),
        ("+3", "3.00"),
        ("1e3", "1000.00"),
        ("5.", "5.00"),
        (".5", "0.50"),
        (10**12, "1000000000000.00"),
        (1e12, "1000000000000.00"),
    ],
)
def test_price_is_read_exactly(value: Any, price: str) -> None:
    assert str(parse_price(value)) == price


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (0, "greater_than"),
        (-1, "greater_than"),
        ("-0.00", "greater_than"),
        ("1e-500", "decimal_max_places"),
        ("0.001", "decimal_max_places"),
        (10.255, "decimal_max_places"),
        (10**12 + 1, "less_than_equal"),
        ("1000000000000.01", "less_than_equal"),
        ("1e400", "less_than_equal"),
        (Decimal("1E+400"), "less_than_equal"),
        (10**30, "less_than_equal"),
        (float("nan"), "decimal_parsing"),
        (float("inf"), "decimal_parsing"),
        (Decimal("NaN"), "decimal_parsing"),
        (Decimal("-Infinity"), "decimal_parsing"),
        ("", "decimal_parsing"),
        (" 1", "decimal_parsing"),
        ("1 ", "decimal_parsing"),
        ("1_000", "decimal_parsing"),
        ("1,5", "decimal_parsing"),
        ("0x10", "decimal_parsing"),
        ("ten", "decimal_parsing"),
        ("١٢", "decimal_parsing"),
        ("1e999999999", "decimal_parsing"),
        ("9" * 10_000, "decimal_parsing"),
        (10**100, "decimal_parsing"),
        (True, "decimal_type"),
        (None, "decimal_type"),
        ([1], "decimal_type"),
        ({}, "decimal_type"),
        (b"1", "decimal_type"),
    ],
)
def test_what_is_no_price_names_the_rule_it_breaks(value: Any, rule: str) -> None:
    with pytest.raises(PydanticCustomError) as raised:
        parse_price(value)
    assert (raised.value.type, raised.value.message()) == (rule, MESSAGES[rule])


@given(prices)
def test_every_price_survives_text_and_json_number(price: Decimal) -> None:
    assert parse_price(str(price)) == price
    assert parse_price(to_json_number(price)) == price


@given(prices)
def test_price_has_two_places(price: Decimal) -> None:
    assert parse_price(price).as_tuple().exponent == -2


@given(st.integers() | st.floats() | st.text() | st.decimals() | st.none() | st.booleans())
def test_anything_is_a_price_or_breaks_a_named_rule(value: Any) -> None:
    try:
        price = parse_price(value)
    except PydanticCustomError:
        return
    assert 0 < price <= 10**12


@pytest.mark.parametrize(("amount", "number"), [("10.00", 10), ("10.25", 10.25), ("1000000000000", 10**12)])
def test_whole_amounts_are_integers_in_json(amount: str, number: float) -> None:
    shown = to_json_number(Decimal(amount))
    assert (shown, type(shown)) == (number, type(number))
