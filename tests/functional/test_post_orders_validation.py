"""POST /orders, row by row of its validation table: a precise problem, and nothing stored."""

import json
from typing import Any

import pytest

from tests.functional.conftest import LIMIT_ORDER, MARKET_ORDER, Orders, problem_of
from tests.functional.gateway import REQUEST_ID, Gateway


def limit(**changes: Any) -> dict[str, Any]:
    return {**LIMIT_ORDER, **changes}


def market(**changes: Any) -> dict[str, Any]:
    return {**MARKET_ORDER, **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in LIMIT_ORDER.items() if name != field}


def raw(field: str, text: str) -> bytes:
    """Return a limit order with the text as the field's JSON."""
    rest = json.dumps(without(field))[1:]
    return f'{{"{field}": {text}, {rest}'.encode()


LONG = "x" * 10_000

FIELD_RULES: list[tuple[str, Any, str, str]] = [
    ("type missing", without("type"), "type", "missing"),
    ("type unknown", limit(type="stop"), "type", "literal_error"),
    ("type in capitals", limit(type="LIMIT"), "type", "literal_error"),
    ("type null", limit(type=None), "type", "literal_error"),
    ("type a number", limit(type=1), "type", "literal_error"),
    ("type a list", limit(type=["limit"]), "type", "literal_error"),
    ("type long", limit(type=LONG), "type", "literal_error"),
    ("side missing", without("side"), "side", "missing"),
    ("side unknown", limit(side="hold"), "side", "literal_error"),
    ("side empty", limit(side=""), "side", "literal_error"),
    ("side a boolean", limit(side=True), "side", "literal_error"),
    ("instrument missing", without("instrument"), "instrument", "missing"),
    ("instrument null", limit(instrument=None), "instrument", "string_type"),
    ("instrument a number", limit(instrument=123456789012), "instrument", "string_type"),
    ("instrument a list of 12", limit(instrument=list("DE0007664039")), "instrument", "string_type"),
    ("instrument empty", limit(instrument=""), "instrument", "string_length"),
    ("instrument of 11", limit(instrument="DE000766403"), "instrument", "string_length"),
    ("instrument of 13", limit(instrument="DE00076640399"), "instrument", "string_length"),
    ("instrument long", limit(instrument=LONG), "instrument", "string_length"),
    ("instrument blank", limit(instrument=" " * 12), "instrument", "string_blank"),
    ("instrument of no-break spaces", limit(instrument="\u00a0" * 12), "instrument", "string_blank"),
    ("instrument with umlauts", limit(instrument="DÜ0007664039"), "instrument", "string_characters"),
    ("instrument of emoji", limit(instrument="😀" * 12), "instrument", "string_characters"),
    ("instrument with a control character", limit(instrument="DE00076640\u0000\n"), "instrument", "string_characters"),
    ("instrument with a lone surrogate", raw("instrument", '"DE00076640\\ud8009"'), "instrument", "string_characters"),
    ("price missing for limit", without("limit_price"), "limit_price", "limit_price_required"),
    ("price null for limit", limit(limit_price=None), "limit_price", "limit_price_required"),
    ("price for market", market(limit_price=10), "limit_price", "limit_price_prohibited"),
    ("price 0 for market", market(limit_price=0), "limit_price", "limit_price_prohibited"),
    ("broken price for market", market(limit_price="x"), "limit_price", "limit_price_prohibited"),
    ("price 0", limit(limit_price=0), "limit_price", "greater_than"),
    ("price negative", limit(limit_price=-10.25), "limit_price", "greater_than"),
    ("price minus 0", raw("limit_price", "-0.0"), "limit_price", "greater_than"),
    ("price with 3 decimals", limit(limit_price=10.255), "limit_price", "decimal_max_places"),
    ("price text with 3 decimals", limit(limit_price="10.255"), "limit_price", "decimal_max_places"),
    ("price tiny", raw("limit_price", "1e-400"), "limit_price", "decimal_max_places"),
    ("price over 10^12", limit(limit_price=10**12 + 1), "limit_price", "less_than_equal"),
    ("price 1e400", raw("limit_price", "1e400"), "limit_price", "less_than_equal"),
    ("price 1e999999999", raw("limit_price", "1e999999999"), "limit_price", "decimal_parsing"),
    ("price of 5,000 digits", raw("limit_price", "0." + "1" * 5_000), "limit_price", "decimal_parsing"),
    ("price no number", limit(limit_price="cheap"), "limit_price", "decimal_parsing"),
    ("price the text NaN", limit(limit_price="NaN"), "limit_price", "decimal_parsing"),
    ("price the text Infinity", limit(limit_price="Infinity"), "limit_price", "decimal_parsing"),
    ("price empty", limit(limit_price=""), "limit_price", "decimal_parsing"),
    ("price a long text", limit(limit_price=LONG), "limit_price", "decimal_parsing"),
    ("price a boolean", limit(limit_price=True), "limit_price", "decimal_type"),
    ("price a list", limit(limit_price=[10]), "limit_price", "decimal_type"),
    ("price an object", limit(limit_price={"a": 1}), "limit_price", "decimal_type"),
    ("quantity missing", without("quantity"), "quantity", "missing"),
    ("quantity null", limit(quantity=None), "quantity", "int_type"),
    ("quantity 0", limit(quantity=0), "quantity", "greater_than"),
    ("quantity negative", limit(quantity=-3), "quantity", "greater_than"),
    ("quantity over 10^9", limit(quantity=10**9 + 1), "quantity", "less_than_equal"),
    ("quantity 10^20", limit(quantity=10**20), "quantity", "less_than_equal"),
    ("quantity a fraction", limit(quantity=3.5), "quantity", "int_type"),
    ("quantity 3.0", limit(quantity=3.0), "quantity", "int_type"),
    ("quantity 1e3", raw("quantity", "1e3"), "quantity", "int_type"),
    ("quantity 1e400", raw("quantity", "1e400"), "quantity", "int_type"),
    ("quantity a boolean", limit(quantity=True), "quantity", "int_type"),
    ("quantity a text", limit(quantity="3"), "quantity", "int_type"),
    ("quantity a list", limit(quantity=[3]), "quantity", "int_type"),
]

BODY_RULES: list[tuple[str, bytes | None, str]] = [
    ("no body", None, "json_invalid"),
    ("empty body", b"", "json_invalid"),
    ("array", b"[]", "object_type"),
    ("array with an order", json.dumps([LIMIT_ORDER]).encode(), "object_type"),
    ("text", b'"order"', "object_type"),
    ("number", b"3", "object_type"),
    ("null", b"null", "object_type"),
    ("no JSON", b"type=limit", "json_invalid"),
    ("cut JSON", json.dumps(LIMIT_ORDER).encode()[:-1], "json_invalid"),
    ("two objects", b"{}{}", "json_invalid"),
    ("price NaN", raw("limit_price", "NaN"), "json_invalid"),
    ("price Infinity", raw("limit_price", "Infinity"), "json_invalid"),
    ("price -Infinity", raw("limit_price", "-Infinity"), "json_invalid"),
    ("extra field NaN", raw("quantity", '3, "note": NaN'), "json_invalid"),
    ("quantity of 10,000 digits", raw("quantity", "9" * 10_000), "json_invalid"),
    ("price with a huge exponent", raw("limit_price", "1e99999999999999999999"), "json_invalid"),
    ("invalid UTF-8", b'{"type": "\xff"}', "json_invalid"),
    ("nested deeply", b"[" * 30_000 + b"]" * 30_000, "json_invalid"),
    ("nested deeply inside", raw("quantity", '{"a":' * 8_000 + "1" + "}" * 8_000), "json_invalid"),
]


@pytest.mark.parametrize(
    ("body", "field", "rule"), [row[1:] for row in FIELD_RULES], ids=[row[0] for row in FIELD_RULES]
)
def test_field_that_breaks_a_rule_is_named_with_the_rule(
    gateway: Gateway, orders: Orders, body: Any, field: str, rule: str
) -> None:
    answer = gateway.post("/orders", body)
    assert answer.status == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.content["code"] == "validation_failed"
    assert problem_of(answer.content) == {(("body", field), rule)}
    assert orders.count() == 0


@pytest.mark.parametrize(("body", "rule"), [row[1:] for row in BODY_RULES], ids=[row[0] for row in BODY_RULES])
def test_body_that_is_no_json_object_is_refused(
    gateway: Gateway, orders: Orders, body: bytes | None, rule: str
) -> None:
    answer = gateway.post("/orders", body)
    assert answer.status == 422, answer.text
    assert problem_of(answer.content) == {(("body",), rule)}
    assert orders.count() == 0


def test_problem_has_every_member(gateway: Gateway) -> None:
    assert gateway.post("/orders", limit(quantity=0)).content == {
        "type": "urn:rialto:problem:validation_failed",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request is not valid: body.quantity.",
        "code": "validation_failed",
        "request_id": REQUEST_ID,
        "errors": [{"loc": ["body", "quantity"], "msg": "Input should be greater than 0", "type": "greater_than"}],
    }


def test_empty_object_names_every_required_field(gateway: Gateway, orders: Orders) -> None:
    missing = {(("body", field), "missing") for field in ("type", "side", "instrument", "quantity")}
    assert problem_of(gateway.post("/orders", {}).content) == missing
    assert orders.count() == 0


def test_every_broken_field_is_named_at_once(gateway: Gateway) -> None:
    body = {"type": "limit", "side": "hold", "instrument": "DE", "quantity": 3.5}
    assert {loc for loc, _ in problem_of(gateway.post("/orders", body).content)} == {
        *(("body", "side"), ("body", "instrument"), ("body", "limit_price"), ("body", "quantity"))
    }


@pytest.mark.parametrize("body", [without("limit_price"), limit(limit_price=None)])
def test_limit_order_needs_a_price(gateway: Gateway, body: dict[str, Any]) -> None:
    (error,) = gateway.post("/orders", body).content["errors"]
    assert error["msg"] == "Attribute `limit_price` is required for type `limit`"


def test_market_order_has_no_price(gateway: Gateway) -> None:
    (error,) = gateway.post("/orders", market(limit_price=10)).content["errors"]
    assert error["msg"] == "Providing a `limit_price` is prohibited for type `market`"


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
def test_body_over_64_kilobytes_is_too_large(gateway: Gateway, orders: Orders, size: int) -> None:
    body = json.dumps(LIMIT_ORDER).encode()
    answer = gateway.post("/orders", body + b" " * (size - len(body)))
    assert (answer.status, answer.content["code"]) == (413, "body_too_large")
    assert orders.count() == 0


def test_body_of_64_kilobytes_is_taken(gateway: Gateway) -> None:
    body = json.dumps(LIMIT_ORDER).encode()
    assert gateway.post("/orders", body + b" " * (64 * 1024 - len(body))).status == 201


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/xml", "x", "a" * 5_000, "image/png"],
)
def test_body_declared_as_something_else_is_unsupported(gateway: Gateway, orders: Orders, media_type: str) -> None:
    answer = gateway.post("/orders", LIMIT_ORDER, content_type=media_type)
    assert (answer.status, answer.content["code"]) == (415, "unsupported_media_type")
    assert orders.count() == 0


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"]
)
def test_json_by_any_of_its_names_is_taken(gateway: Gateway, media_type: str) -> None:
    assert gateway.post("/orders", LIMIT_ORDER, content_type=media_type).status == 201


@pytest.mark.parametrize("key", ["", "   ", "0" * 256, "a\tb", "a\x00b", "schlüssel"])
def test_broken_idempotency_key_is_refused(gateway: Gateway, orders: Orders, key: str) -> None:
    answer = gateway.post("/orders", LIMIT_ORDER, Idempotency_Key=key)
    assert answer.status == 422
    assert problem_of(answer.content) == {(("header", "Idempotency-Key"), "idempotency_key")}
    assert orders.count() == 0


def test_of_a_field_that_comes_twice_the_last_counts(gateway: Gateway) -> None:
    answer = gateway.post("/orders", raw("quantity", '5, "quantity": 7'))
    assert (answer.status, answer.content["quantity"]) == (201, 7)
