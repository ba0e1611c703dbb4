import json
from collections.abc import Callable
from typing import Any

import pytest
from chalice.app import Request, Response
from pydantic import BaseModel

from chalicelib.core import errors
from chalicelib.core.errors import InvalidRequestError, RialtoError, UnsupportedMediaTypeError
from chalicelib.core.http import json_response, query_of, read_model, view

FAULT = {"message": "Internal server error while placing the order"}
ERRORS: list[tuple[RialtoError, int, str, str]] = [
    (errors.UnsupportedMediaTypeError("no"), 415, "unsupported_media_type", "Unsupported Media Type"),
    (errors.BodyTooLargeError("no"), 413, "body_too_large", "Content Too Large"),
    (errors.InvalidCursorError("no"), 400, "invalid_cursor", "Bad Request"),
    (errors.NotFoundError("no"), 404, "not_found", "Not Found"),
    (errors.ConflictError("no"), 409, "conflict", "Conflict"),
    (errors.KeyReusedError("no"), 422, "idempotency_key_reused", "Unprocessable Content"),
    (errors.BusyError("no"), 503, "busy", "Service Unavailable"),
    (errors.RialtoError("no"), 500, "internal_error", "Internal Server Error"),
]


class Item(BaseModel):
    name: str
    count: int
    tags: list[int] = []


def request(body: str | bytes | None = None, headers: dict[str, str] | None = None, **event: Any) -> Request:
    return Request(
        {
            "requestContext": {"httpMethod": "POST", "resourcePath": "/items", "requestId": "id-1"},
            "headers": headers or {},
            "pathParameters": {},
            "multiValueQueryStringParameters": None,
            "stageVariables": {},
            "body": body,
            "isBase64Encoded": False,
            **event,
        },
        None,
    )


def answer(handle: Callable[[], Response], fault: dict[str, Any] | None = None) -> Response:
    answered: Response = view(request, fault)(handle)()
    return answered


def raising(error: Exception) -> Callable[[], Response]:
    def handle() -> Response:
        raise error

    return handle


def read(body: str | bytes | None, headers: dict[str, str] | None = None) -> Item:
    return read_model(request(body, headers), Item)


def broken(body: str | bytes | None) -> list[dict[str, Any]]:
    with pytest.raises(InvalidRequestError) as raised:
        read(body)
    found: list[dict[str, Any]] = raised.value.extensions["errors"]
    return found


class TestView:
    def test_answer_of_the_view_goes_out_with_the_request_id(self) -> None:
        answered = answer(lambda: json_response({"a": 1}, 201))
        assert (answered.status_code, answered.body) == (201, '{"a":1}')
        assert answered.headers["X-Request-Id"] == "id-1"

    @pytest.mark.parametrize(("error", "status", "code", "title"), ERRORS)
    def test_error_is_a_problem_with_every_member(self, error: RialtoError, status: int, code: str, title: str) -> None:
        answered = answer(raising(error))
        assert json.loads(answered.body) == {
            "type": f"urn:rialto:problem:{code}",
            "title": title,
            "status": status,
            "detail": "no",
            "code": code,
            "request_id": "id-1",
        }
        assert answered.status_code == status
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert answered.headers["X-Request-Id"] == "id-1"

    def test_every_error_has_a_row_above(self) -> None:
        tested = {type(error) for error, *_ in ERRORS} | {InvalidRequestError}
        assert tested == {RialtoError, *RialtoError.__subclasses__()}

    def test_error_may_have_its_own_code_and_members(self) -> None:
        error = errors.ConflictError("no", code="order_final", order_status="FILLED")
        content = json.loads(answer(raising(error)).body)
        assert (content["code"], content["order_status"]) == ("order_final", "FILLED")
        assert content["type"] == "urn:rialto:problem:order_final"

    @pytest.mark.parametrize("error", [ValueError("secret"), RecursionError(), KeyError("secret")])
    def test_anything_else_is_a_fault_of_ours_that_tells_nothing(self, error: Exception) -> None:
        answered = answer(raising(error))
        assert (answered.status_code, json.loads(answered.body)["code"]) == (500, "internal_error")
        assert "secret" not in answered.body
        assert answered.headers["X-Request-Id"] == "id-1"

    def test_fault_has_exactly_the_body_of_the_contract_where_there_is_one(self) -> None:
        answered = answer(raising(ValueError("secret")), FAULT)
        assert answered.body == '{"message":"Internal server error while placing the order"}'
        assert answered.headers["Content-Type"] == "application/json"
        assert answered.headers["X-Request-Id"] == "id-1"

    def test_errors_are_problems_also_where_there_is_a_fault_body(self) -> None:
        assert answer(raising(errors.NotFoundError("no")), FAULT).status_code == 404


class TestBody:
    def test_object_becomes_the_model(self) -> None:
        assert read('{"name": "a", "count": 2, "tags": [1]}') == Item(name="a", count=2, tags=[1])

    def test_path_to_each_broken_field_is_told(self) -> None:
        found = broken('{"count": "x", "tags": [1, "y"]}')
        assert [error["loc"] for error in found] == [["body", "name"], ["body", "count"], ["body", "tags", 1]]
        assert all(error.keys() == {"loc", "msg", "type"} for error in found)

    @pytest.mark.parametrize(
        "body",
        [None, "", " ", "{", "{}{}", "NaN", '{"count": NaN}', '{"count": -Infinity}', "'a'", "[" * 60_000],
    )
    def test_what_is_no_json_is_told_apart(self, body: str | None) -> None:
        assert broken(body) == [{"loc": ["body"], "msg": "Input should be a JSON object", "type": "json_invalid"}]

    @pytest.mark.parametrize("body", ["[]", "1", "null", "true", '"{}"', "1e400"])
    def test_json_that_is_no_object_is_told_apart(self, body: str) -> None:
        assert [error["type"] for error in broken(body)] == ["object_type"]

    @pytest.mark.parametrize("body", [b'{"name": "\xff"}', b"\xfe\xff", b"\x80"])
    def test_invalid_utf_8_is_no_json(self, body: bytes) -> None:
        assert [error["type"] for error in broken(body)] == ["json_invalid"]

    @pytest.mark.parametrize("number", ["9" * 5_000, "1e99999999999999999999"])
    def test_number_beyond_all_bounds_is_no_json(self, number: str) -> None:
        assert [error["type"] for error in broken(f'{{"name": "a", "count": {number}}}')] == ["json_invalid"]

    def test_of_duplicate_keys_the_last_counts(self) -> None:
        assert read('{"name": "a", "count": 1, "count": 2}').count == 2

    def test_base64_body_is_decoded(self) -> None:
        encoded = request("eyJuYW1lIjogImEiLCAiY291bnQiOiAyfQ==", isBase64Encoded=True)
        assert read_model(encoded, Item).name == "a"

    def test_size_counts_bytes(self) -> None:
        body = '{"name": "€€", "count": 1}'
        assert read_model(request(body), Item, max_bytes=len(body.encode())).name == "€€"
        with pytest.raises(errors.BodyTooLargeError):
            read_model(request(body), Item, max_bytes=len(body))

    @pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "json", ""])
    def test_body_declared_as_something_else_is_unsupported(self, media_type: str) -> None:
        with pytest.raises(UnsupportedMediaTypeError):
            read('{"name": "a", "count": 2}', {"content-type": media_type})

    def test_body_without_declaration_is_json(self) -> None:
        assert read('{"name": "a", "count": 2}').count == 2


class TestAnswers:
    def test_text_goes_out_as_it_is(self) -> None:
        assert json_response({"name": "€"}).body == '{"name":"€"}'

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_what_is_not_json_never_goes_out(self, number: float) -> None:
        assert answer(lambda: json_response({"price": number})).status_code == 500

    def test_of_a_repeated_parameter_the_last_counts(self) -> None:
        assert query_of(request(multiValueQueryStringParameters={"limit": ["1", "2"]})) == {"limit": "2"}

    def test_no_parameters_are_none(self) -> None:
        assert query_of(request()) == {}
