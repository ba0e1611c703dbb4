"""What is wrong with a signal is named field by field on both routes, and nothing of it is stored.

``POST /create_order`` is read by a program that looks for RESPONSE in every answer, whatever its status.
"""

from collections.abc import Callable

import pytest

from tests.functional.conftest import problem_of
from tests.functional.gateway import REQUEST_ID, Answer
from tests.functional.traders import Traders

Spell = Callable[[str], str]
KB64 = 64 * 1024


@pytest.fixture
def traders(aws: dict[str, str]) -> Traders:
    return Traders(aws)


def body(spell: Spell, **texts: str | None) -> bytes:
    """Return a signal in the spelling of a route, with these texts as the fields' JSON; None leaves one out."""
    fields = {"strategy": '"STRATEGY_B"', "instrument": '"MINDA"', "position": '"BUY"', **texts}
    return (
        "{" + ", ".join(f'"{spell(name)}": {text}' for name, text in fields.items() if text is not None) + "}"
    ).encode()


NAME_RULES: list[tuple[str, str | None, str]] = [
    ("missing", None, "missing"),
    ("null", "null", "string_type"),
    ("a number", "1", "string_type"),
    ("a fraction", "1.5", "string_type"),
    ("1e400", "1e400", "string_type"),
    ("a boolean", "true", "string_type"),
    ("a list", '["MINDA"]', "string_type"),
    ("an object", '{"a": 1}', "string_type"),
    ("empty", '""', "string_too_short"),
    ("of 65 characters", f'"{"x" * 65}"', "string_too_long"),
    ("of 65 emoji", f'"{"😀" * 65}"', "string_too_long"),
    ("of 1,000 characters", f'"{"x" * 1_000}"', "string_too_long"),
    ("of 60,000 characters", f'"{"x" * 60_000}"', "string_too_long"),
    ("blank", '"   "', "string_blank"),
    ("a tab", r'"\t"', "string_blank"),
    ("a no-break space", r'"\u00a0"', "string_blank"),
    ("with a control character", r'"MIN\u0000DA"', "string_characters"),
    ("with a line break", r'"MINDA\n"', "string_characters"),
    ("with the separator of keys", r'"MIN\u001fDA"', "string_characters"),
    ("with a delete", r'"MINDA\u007f"', "string_characters"),
    ("with a direction mark", r'"MINDA\u202e"', "string_characters"),
    ("with a zero-width space", r'"MINDA\u200b"', "string_characters"),
    ("a lone surrogate", r'"\ud800"', "string_unicode"),
    ("with a lone surrogate", r'"MIN\udfffDA"', "string_unicode"),
]
POSITION_RULES: list[tuple[str, str | None, str]] = [
    ("missing", None, "missing"),
    ("HOLD", '"HOLD"', "literal_error"),
    ("buy", '"buy"', "literal_error"),
    ("with a blank", '"BUY "', "literal_error"),
    ("empty", '""', "literal_error"),
    ("long", f'"{"x" * 10_000}"', "literal_error"),
    ("a number", "1", "literal_error"),
    ("a boolean", "true", "literal_error"),
    ("null", "null", "literal_error"),
    ("a list", '["BUY"]', "literal_error"),
    ("an object", '{"BUY": 1}', "literal_error"),
    ("a lone surrogate", r'"\ud800"', "string_unicode"),
]
FIELD_RULES = [
    *[
        (f"{field} {name}", field, text, rule)
        for field in ("strategy", "instrument")
        for name, text, rule in NAME_RULES
    ],
    *[(f"position {name}", "position", text, rule) for name, text, rule in POSITION_RULES],
]

BODY_RULES: list[tuple[str, Callable[[Spell], bytes | None], str]] = [
    ("no body", lambda _: None, "json_invalid"),
    ("empty body", lambda _: b"", "json_invalid"),
    ("blank body", lambda _: b" \n", "json_invalid"),
    ("array", lambda _: b"[]", "object_type"),
    ("array with a signal", lambda spell: b"[" + body(spell) + b"]", "object_type"),
    ("text", lambda _: b'"BUY"', "object_type"),
    ("number", lambda _: b"3", "object_type"),
    ("null", lambda _: b"null", "object_type"),
    ("no JSON", lambda _: b"STRATEGY=STRATEGY_B&INSTRUMENT=MINDA&POSITION=BUY", "json_invalid"),
    ("cut JSON", lambda spell: body(spell)[:-1], "json_invalid"),
    ("two objects", lambda spell: body(spell) * 2, "json_invalid"),
    ("position NaN", lambda spell: body(spell, position="NaN"), "json_invalid"),
    ("strategy Infinity", lambda spell: body(spell, strategy="Infinity"), "json_invalid"),
    ("instrument -Infinity", lambda spell: body(spell, instrument="-Infinity"), "json_invalid"),
    ("extra field NaN", lambda spell: body(spell, note="NaN"), "json_invalid"),
    ("number of 10,000 digits", lambda spell: body(spell, position="9" * 10_000), "json_invalid"),
    ("huge exponent", lambda spell: body(spell, position="1e99999999999999999999"), "json_invalid"),
    ("invalid UTF-8", lambda _: b'{"STRATEGY": "\xff"}', "json_invalid"),
    ("control character as it stands", lambda spell: body(spell, strategy='"A\0"'), "json_invalid"),
    ("nested deeply", lambda _: b"[" * 30_000 + b"]" * 30_000, "json_invalid"),
    ("nested deeply inside", lambda spell: body(spell, note='{"a":' * 8_000 + "1" + "}" * 8_000), "json_invalid"),
]
FIELD_IDS, BODY_IDS = [row[0] for row in FIELD_RULES], [row[0] for row in BODY_RULES]
media_types = pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/xml", "x", "a" * 5_000]
)
broken_keys = pytest.mark.parametrize("key", ["", "   ", "0" * 256, "a\tb", "a\x00b", "schlüssel"])
sizes = pytest.mark.parametrize("size", [KB64 + 1, 65 * 1024, 1024 * 1024])


def padded(text: bytes, size: int) -> bytes:
    return text + b" " * (size - len(text))


class TestCreateOrder:
    def assert_refused(self, answer: Answer, status: int, *names: str) -> None:
        """Check that the producer can read the answer, and a person what is wrong."""
        assert answer.status == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Request-Id"] == REQUEST_ID
        assert answer.content.keys() == {"RESPONSE", "REASON"}
        assert answer.content["RESPONSE"] == "REJECTED"
        for name in names:
            assert name in answer.content["REASON"]
        assert len(answer.text) < 1_000

    @pytest.mark.parametrize(("field", "text"), [row[1:3] for row in FIELD_RULES], ids=FIELD_IDS)
    def test_field_that_breaks_a_rule_is_named(self, traders: Traders, field: str, text: str | None) -> None:
        answer = traders.gateway.post("/create_order", body(str.upper, **{field: text}))
        self.assert_refused(answer, 422, f"The request is not valid: body.{field.upper()}. body.{field.upper()}: ")
        assert traders.stored() == 0

    @pytest.mark.parametrize("make", [row[1] for row in BODY_RULES], ids=BODY_IDS)
    def test_body_that_is_no_json_object_is_refused(
        self, traders: Traders, make: Callable[[Spell], bytes | None]
    ) -> None:
        answer = traders.gateway.post("/create_order", make(str.upper))
        self.assert_refused(answer, 422, "body: Input should be a JSON object")
        assert traders.stored() == 0

    def test_empty_object_names_every_field(self, traders: Traders) -> None:
        answer = traders.gateway.post("/create_order", {})
        missing = [f"body.{name}: Field required" for name in ("STRATEGY", "INSTRUMENT", "POSITION")]
        self.assert_refused(answer, 422, *missing)
        assert traders.stored() == 0

    def test_names_of_the_other_route_are_not_taken(self, traders: Traders) -> None:
        self.assert_refused(traders.gateway.post("/create_order", body(str.lower)), 422, "body.STRATEGY")

    @sizes
    def test_body_over_64_kilobytes_is_too_large(self, traders: Traders, size: int) -> None:
        answer = traders.gateway.post("/create_order", padded(body(str.upper), size))
        self.assert_refused(answer, 413, f"The body has {size} bytes")
        assert traders.stored() == 0

    def test_body_of_64_kilobytes_is_taken(self, traders: Traders) -> None:
        answer = traders.gateway.post("/create_order", padded(body(str.upper), KB64))
        assert (answer.status, answer.content["RESPONSE"]) == (200, "REJECTED")

    @media_types
    def test_body_declared_as_something_else_is_unsupported(self, traders: Traders, media_type: str) -> None:
        answer = traders.gateway.post("/create_order", body(str.upper), content_type=media_type)
        self.assert_refused(answer, 415, "Send the body as application/json")
        assert traders.stored() == 0

    @broken_keys
    def test_broken_idempotency_key_is_refused(self, traders: Traders, key: str) -> None:
        answer = traders.gateway.post("/create_order", body(str.upper), Idempotency_Key=key)
        self.assert_refused(answer, 422, "header.Idempotency-Key: ")
        assert traders.stored() == 0

    def test_fields_that_are_not_known_are_ignored(self, traders: Traders) -> None:
        answer = traders.gateway.post("/create_order", body(str.upper, quantity="9", order_id='"mine"', note="null"))
        assert (answer.status, answer.content["ORDER_ID"] == "mine") == (200, False)


class TestSignals:
    @pytest.mark.parametrize(("field", "text", "rule"), [row[1:] for row in FIELD_RULES], ids=FIELD_IDS)
    def test_field_that_breaks_a_rule_is_named_with_the_rule(
        self, traders: Traders, field: str, text: str | None, rule: str
    ) -> None:
        answer = traders.gateway.post("/signals", body(str.lower, **{field: text}))
        assert answer.status == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.content["code"] == "validation_failed"
        assert problem_of(answer.content) == {(("body", field), rule)}
        assert len(answer.text) < 1_000
        assert traders.stored() == 0

    @pytest.mark.parametrize(("make", "rule"), [row[1:] for row in BODY_RULES], ids=BODY_IDS)
    def test_body_that_is_no_json_object_is_refused(
        self, traders: Traders, make: Callable[[Spell], bytes | None], rule: str
    ) -> None:
        answer = traders.gateway.post("/signals", make(str.lower))
        assert answer.status == 422, answer.text
        assert problem_of(answer.content) == {(("body",), rule)}
        assert traders.stored() == 0

    def test_problem_has_every_member(self, traders: Traders) -> None:
        assert traders.gateway.post("/signals", body(str.lower, position='"HOLD"')).content == {
            "type": "urn:rialto:problem:validation_failed",
            "title": "Unprocessable Content",
            "status": 422,
            "detail": "The request is not valid: body.position.",
            "code": "validation_failed",
            "request_id": REQUEST_ID,
            "errors": [
                {"loc": ["body", "position"], "msg": "Input should be 'BUY' or 'SELL'", "type": "literal_error"}
            ],
        }

    def test_every_broken_field_is_named_at_once(self, traders: Traders) -> None:
        answer = traders.gateway.post("/signals", {"strategy": 1, "instrument": " ", "position": "HOLD"})
        assert problem_of(answer.content) == {
            (("body", "strategy"), "string_type"),
            (("body", "instrument"), "string_blank"),
            (("body", "position"), "literal_error"),
        }

    def test_empty_object_names_every_field(self, traders: Traders) -> None:
        missing = {(("body", field), "missing") for field in ("strategy", "instrument", "position")}
        assert problem_of(traders.gateway.post("/signals", {}).content) == missing
        assert traders.stored() == 0

    def test_names_of_the_other_route_are_not_taken(self, traders: Traders) -> None:
        assert traders.gateway.post("/signals", body(str.upper)).status == 422

    @sizes
    def test_body_over_64_kilobytes_is_too_large(self, traders: Traders, size: int) -> None:
        answer = traders.gateway.post("/signals", padded(body(str.lower), size))
        assert (answer.status, answer.content["code"]) == (413, "body_too_large")
        assert traders.stored() == 0

    @media_types
    def test_body_declared_as_something_else_is_unsupported(self, traders: Traders, media_type: str) -> None:
        answer = traders.gateway.post("/signals", body(str.lower), content_type=media_type)
        assert (answer.status, answer.content["code"]) == (415, "unsupported_media_type")
        assert traders.stored() == 0

    @broken_keys
    @pytest.mark.parametrize("query", ["", "?dry_run=true"])
    def test_broken_idempotency_key_is_refused(self, traders: Traders, query: str, key: str) -> None:
        answer = traders.gateway.post(f"/signals{query}", body(str.lower), Idempotency_Key=key)
        assert answer.status == 422
        assert problem_of(answer.content) == {(("header", "Idempotency-Key"), "idempotency_key")}
        assert traders.stored() == 0

    @pytest.mark.parametrize("value", ["", "1", "True", "TRUE", "yes", "true,true", "x" * 1_000])
    def test_dry_run_that_is_neither_true_nor_false_is_refused(self, traders: Traders, value: str) -> None:
        answer = traders.gateway.post(f"/signals?dry_run={value}", body(str.lower))
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "dry_run"), "bool_parsing")})
        assert traders.stored() == 0

    def test_preview_of_a_broken_signal_is_refused(self, traders: Traders) -> None:
        answer = traders.gateway.post("/signals?dry_run=true", body(str.lower, position="null"))
        assert (answer.status, problem_of(answer.content)) == (422, {(("body", "position"), "literal_error")})


@pytest.mark.parametrize("name", ["x", "x" * 64, "😀" * 64, "L&T", "Holland Proctor", " x ", "é", '"', "\\", "'; --"])
def test_name_within_the_limits_is_taken_as_it_stands(traders: Traders, name: str) -> None:
    traders.put_profiles({name: {name: [name]}})
    answer = traders.create_order((name, name, "BUY"))
    assert (answer.content["RESPONSE"], answer.content["USERS"]) == ("ACCEPTED", [name])
    (position,) = traders.positions()
    assert (position["user"], position["strategy"], position["instrument"]) == (name, name, name)
    (order,) = traders.orders()
    assert (order["user"], order["strategy"], order["instrument"]) == (name, name, name)
