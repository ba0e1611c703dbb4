"""What is wrong with a request to the art market is named field by field, and nothing of it is stored."""

import json
from typing import Any

import pytest

from tests.functional.conftest import problem_of
from tests.functional.gateway import REQUEST_ID
from tests.functional.market import BUY, SELL, ArtMarket

LONG = "x" * 10_000


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


def sell(**changes: Any) -> dict[str, Any]:
    return {**SELL, **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in SELL.items() if name != field}


def raw(field: str, text: str) -> bytes:
    """Return a sell order with the text as the field's JSON."""
    return f'{{"{field}": {text}, {json.dumps(without(field))[1:]}'.encode()


ID_RULES: list[tuple[str, str, str]] = [
    ("negative", "-1", "greater_than_equal"),
    ("-10^30", str(-(10**30)), "greater_than_equal"),
    ("2^53", str(2**53), "less_than_equal"),
    ("2^64", str(2**64), "less_than_equal"),
    ("10^30", str(10**30), "less_than_equal"),
    ("4,000 digits", "9" * 4_000, "less_than_equal"),
    ("float", "1.5", "int_type"),
    ("1.0", "1.0", "int_type"),
    ("-0.0", "-0.0", "int_type"),
    ("1e3", "1e3", "int_type"),
    ("1e400", "1e400", "int_type"),
    ("string", '"1"', "int_type"),
    ("empty string", '""', "int_type"),
    ("true", "true", "int_type"),
    ("false", "false", "int_type"),
    ("null", "null", "int_type"),
    ("list", "[1]", "int_type"),
    ("object", '{"a": 1}', "int_type"),
]

FIELD_RULES: list[tuple[str, Any, str, str]] = [
    *[
        (f"{field} {name}", raw(field, text), field, rule)
        for field in ("user_id", "artwork_id")
        for name, text, rule in ID_RULES
    ],
    *[(f"{field} missing", without(field), field, "missing") for field in SELL],
    ("price 0", sell(price=0), "price", "greater_than"),
    ("price 0.0", raw("price", "0.0"), "price", "greater_than"),
    ("price minus 0", raw("price", "-0.0"), "price", "greater_than"),
    ("price negative", sell(price=-10.25), "price", "greater_than"),
    ("price -1e400", raw("price", "-1e400"), "price", "greater_than"),
    ("price with 3 decimals", sell(price=10.255), "price", "decimal_max_places"),
    ("price 0.001", sell(price=0.001), "price", "decimal_max_places"),
    ("price tiny", raw("price", "1e-400"), "price", "decimal_max_places"),
    ("price a bit over 10^12", raw("price", "1000000000000.01"), "price", "less_than_equal"),
    ("price 10^12 + 1", sell(price=10**12 + 1), "price", "less_than_equal"),
    ("price 10^13", sell(price=10**13), "price", "less_than_equal"),
    ("price 1e400", raw("price", "1e400"), "price", "less_than_equal"),
    ("price 1e999999999", raw("price", "1e999999999"), "price", "decimal_parsing"),
    ("price of 5,000 digits", raw("price", "0." + "1" * 5_000), "price", "decimal_parsing"),
    ("price a numeric text", sell(price="10.25"), "price", "decimal_type"),
    ("price the text NaN", sell(price="NaN"), "price", "decimal_type"),
    ("price empty", sell(price=""), "price", "decimal_type"),
    ("price a long text", sell(price=LONG), "price", "decimal_type"),
    ("price true", sell(price=True), "price", "decimal_type"),
    ("price false", sell(price=False), "price", "decimal_type"),
    ("price null", sell(price=None), "price", "decimal_type"),
    ("price a list", sell(price=[10]), "price", "decimal_type"),
    ("price an object", sell(price={"a": 1}), "price", "decimal_type"),
    ("direction hold", sell(direction="hold"), "direction", "literal_error"),
    ("direction in capitals", sell(direction="SELL"), "direction", "literal_error"),
    ("direction with a blank", sell(direction="sell "), "direction", "literal_error"),
    ("direction empty", sell(direction=""), "direction", "literal_error"),
    ("direction long", sell(direction=LONG), "direction", "literal_error"),
    ("direction null", sell(direction=None), "direction", "literal_error"),
    ("direction a boolean", sell(direction=True), "direction", "literal_error"),
    ("direction a list", sell(direction=["sell"]), "direction", "literal_error"),
]

BODY_RULES: list[tuple[str, bytes | None, str]] = [
    ("no body", None, "json_invalid"),
    ("empty body", b"", "json_invalid"),
    ("array", b"[]", "object_type"),
    ("array with an order", json.dumps([SELL]).encode(), "object_type"),
    ("text", b'"order"', "object_type"),
    ("null", b"null", "object_type"),
    ("no JSON", b"price=1", "json_invalid"),
    ("cut JSON", json.dumps(SELL).encode()[:-1], "json_invalid"),
    ("price NaN", raw("price", "NaN"), "json_invalid"),
    ("price Infinity", raw("price", "Infinity"), "json_invalid"),
    ("price -Infinity", raw("price", "-Infinity"), "json_invalid"),
    ("user_id NaN", raw("user_id", "NaN"), "json_invalid"),
    ("user_id of 10,000 digits", raw("user_id", "9" * 10_000), "json_invalid"),
    ("price with a huge exponent", raw("price", "1e99999999999999999999"), "json_invalid"),
    ("invalid UTF-8", b'{"direction": "\xff"}', "json_invalid"),
    ("nested deeply", b"[" * 30_000 + b"]" * 30_000, "json_invalid"),
]


@pytest.mark.parametrize(
    ("body", "field", "rule"), [row[1:] for row in FIELD_RULES], ids=[row[0] for row in FIELD_RULES]
)
def test_field_that_breaks_a_rule_is_named_with_the_rule(art: ArtMarket, body: Any, field: str, rule: str) -> None:
    answer = art.post(body)
    assert answer.status == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.content["code"] == "validation_failed"
    assert problem_of(answer.content) == {(("body", field), rule)}
    assert art.stored() == 0


@pytest.mark.parametrize(("body", "rule"), [row[1:] for row in BODY_RULES], ids=[row[0] for row in BODY_RULES])
def test_body_that_is_no_json_object_is_refused(art: ArtMarket, body: bytes | None, rule: str) -> None:
    answer = art.post(body)
    assert answer.status == 422, answer.text
    assert problem_of(answer.content) == {(("body",), rule)}
    assert art.stored() == 0


def test_problem_has_every_member(art: ArtMarket) -> None:
    assert art.post(sell(price=0)).content == {
        "type": "urn:rialto:problem:validation_failed",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request is not valid: body.price.",
        "code": "validation_failed",
        "request_id": REQUEST_ID,
        "errors": [{"loc": ["body", "price"], "msg": "Input should be greater than 0", "type": "greater_than"}],
    }


def test_price_as_text_is_told_what_it_should_be(art: ArtMarket) -> None:
    (error,) = art.post(sell(price="10.25")).content["errors"]
    assert error["msg"] == "Input should be a number"


def test_empty_object_names_every_field(art: ArtMarket) -> None:
    assert problem_of(art.post({}).content) == {(("body", field), "missing") for field in SELL}
    assert art.stored() == 0


def test_every_broken_field_is_named_at_once(art: ArtMarket) -> None:
    body = {"user_id": -1, "artwork_id": "7", "price": 0, "direction": "hold"}
    assert {loc for loc, _ in problem_of(art.post(body).content)} == {("body", field) for field in SELL}


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
def test_body_over_64_kilobytes_is_too_large(art: ArtMarket, size: int) -> None:
    body = json.dumps(SELL).encode()
    answer = art.post(body + b" " * (size - len(body)))
    assert (answer.status, answer.content["code"]) == (413, "body_too_large")
    assert art.stored() == 0


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "x", "a" * 5_000])
def test_body_declared_as_something_else_is_unsupported(art: ArtMarket, media_type: str) -> None:
    answer = art.post(SELL, content_type=media_type)
    assert (answer.status, answer.content["code"]) == (415, "unsupported_media_type")
    assert art.stored() == 0


@pytest.mark.parametrize("key", ["", "   ", "0" * 256, "a\tb", "a\x00b", "schlüssel"])
def test_broken_idempotency_key_is_refused(art: ArtMarket, key: str) -> None:
    answer = art.post(SELL, Idempotency_Key=key)
    assert answer.status == 422
    assert problem_of(answer.content) == {(("header", "Idempotency-Key"), "idempotency_key")}
    assert art.stored() == 0


@pytest.mark.parametrize("base", [SELL, BUY])
@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ("0.01", "0.01"),
        ("1000000000000", "1000000000000"),
        ("1e12", "1000000000000"),
        ("999999999999.99", "999999999999.99"),
        ("10.250", "10.25"),
        ("10.00", "10"),
        ("0.1", "0.1"),
        ("4.35", "4.35"),
    ],
)
def test_price_within_the_limits_is_taken_exactly(art: ArtMarket, base: dict[str, Any], price: str, shown: str) -> None:
    body = json.dumps({**base, "price": 0}).replace('"price": 0', f'"price": {price}').encode()
    answer = art.post(body)
    assert answer.status == 201, answer.text
    assert f'"price":{shown},' in answer.text
    assert f'"price":{shown},' in art.get(f"/orders/{answer.content['order_id']}").text


@pytest.mark.parametrize("field", ["user_id", "artwork_id"])
@pytest.mark.parametrize("value", [0, 2**53 - 1])
def test_ids_at_the_limits_are_taken(art: ArtMarket, field: str, value: int) -> None:
    answer = art.post(sell(**{field: value}))
    assert (answer.status, answer.content[field]) == (201, value)
    assert art.order(answer.content["order_id"])[field] == value


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 1_000])
@pytest.mark.parametrize("path", ["/orders?", "/orders?user_id=1&", "/transactions?user_id=1&", "/artworks?"])
def test_limit_out_of_range_is_refused(art: ArtMarket, path: str, limit: str) -> None:
    answer = art.get(f"{path}limit={limit}")
    assert (answer.status, problem_of(answer.content)) == (422, {(("query", "limit"), "limit")})


@pytest.mark.parametrize("user", ["", "-1", "1.5", "x", "1e3", "+1", "%20", "%C2%B2", str(2**53), "9" * 1_000])
@pytest.mark.parametrize("path", ["/orders", "/transactions"])
def test_user_that_is_no_id_is_refused(art: ArtMarket, path: str, user: str) -> None:
    answer = art.get(f"{path}?user_id={user}")
    assert (answer.status, problem_of(answer.content)) == (422, {(("query", "user_id"), "id")})


@pytest.mark.parametrize("sort", ["", "price", "NEWEST", "newest,price_asc", "x" * 1_000])
def test_unknown_sort_is_refused(art: ArtMarket, sort: str) -> None:
    answer = art.get(f"/artworks?sort={sort}")
    assert (answer.status, problem_of(answer.content)) == (422, {(("query", "sort"), "enum")})
