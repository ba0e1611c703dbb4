"""Prices: exact decimals with at most two places. Never a float inside; a JSON number outside."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_PRICE = Decimal(10) ** 12
PRICE_SCHEMA = {"type": "number", "exclusiveMinimum": 0, "maximum": int(MAX_PRICE), "multipleOf": 0.01}
PRICE_TEXT_SCHEMA = {
    "type": "string",
    "maxLength": 40,
    "pattern": r"^[+]?0*([1-9][0-9]{0,11}([.][0-9]{0,2}0*)?|1000000000000([.]0*)?|[.](0[1-9]|[1-9][0-9]?)0*)$",
    "description": "The same in text. An exponent is understood, too.",
}
"""What :func:`parse_price` takes, as JSON Schema tells it."""
_CENT = Decimal("0.01")
_NUMERIC = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)


def parse_price(value: Any) -> Decimal:
    """Return a price from a number or a numeric string: > 0, at most 10^12, at most 2 decimals.

    Raises:
        PydanticCustomError: if the value is no such price; its type tells which rule it breaks.
    """
    price = _to_decimal(value)
    if price <= 0:
        raise PydanticCustomError("greater_than", "Input should be greater than 0")
    if price > MAX_PRICE:
        raise PydanticCustomError("less_than_equal", "Input should be less than or equal to 1000000000000")
    if price != price.quantize(_CENT):
        raise PydanticCustomError("decimal_max_places", "Input should have no more than 2 decimal places")
    return price.quantize(_CENT)


def _to_decimal(value: Any) -> Decimal:
    # A bool is an int in Python but no price. JSON numbers arrive as int or Decimal, see core/http.py.
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise PydanticCustomError("decimal_type", "Input should be a number or a numeric string")
    text = str(value)
    if not _NUMERIC.fullmatch(text):
        raise PydanticCustomError("decimal_parsing", "Input should be a finite number")
    return Decimal(text)


def to_json_number(amount: Decimal) -> int | float:
    """Return the amount for a JSON answer: whole amounts as integers, others as the nearest double.

    Exact for every price that :func:`parse_price` lets through: they have at most 15 significant digits.
    """
    return int(amount) if amount == amount.to_integral_value() else float(amount)


Price = Annotated[Decimal, BeforeValidator(parse_price), WithJsonSchema({"anyOf": [PRICE_SCHEMA, PRICE_TEXT_SCHEMA]})]
