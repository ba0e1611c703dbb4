import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Request, Response
from pydantic import BaseModel, RootModel

from chalicelib.core import errors
from chalicelib.core.errors import InvalidRequestError, RialtoError, UnsupportedMediaTypeError
from chalicelib.core.http import MAX_ERRORS, json_response, query_of, read_model, view
from chalicelib.core.telemetry import MetricUnit, put_metrics
from tests.log import Log

FAULT = {"message": "Internal server error while placing the order"}
ERRORS: list[tuple[RialtoError, int, str, str]] = [
    (errors.UnsupportedMediaTypeError("no"), 415, "unsupported_media_type", "Unsupported Media Type"),
    (errors.BodyTooLargeError("no"), 413, "body_too_large", "Content Too Large"),
    (errors.InvalidCursorError("no"), 400, "invalid_cursor", "Bad Request"),
    (errors.NotFoundError("no"), 404, "not_found", "Not Found"),
    (errors.ConflictError("no"), 409, "conflict", "Conflict"),
    (errors.KeyReusedError("no"), 422, "idempotency_key_reused", "Unprocessable Content"),
    (errors.BusyError("no"), 503, "busy", "Service Unavailable"),
    (errors.UnfinishedError("no"), 503, "unfinished", "Service Unavailable"),
    (errors.RialtoError("no"), 500, "internal_error", "Internal Server Error"),
]


class Names(RootModel[dict[str, dict[str, int]]]):
    """Numbers by two names."""


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


def answer(
    handle: Callable[[], Response],
    fault: dict[str, Any] | None = None,
    error_body: Callable[[RialtoError], dict[str, Any]] | None = None,
) -> Response:
    answered: Response = view(request, fault, error_body)(handle)()
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
        ours = {kind for kind in RialtoError.__subclasses__() if kind.__module__ == errors.__name__}
        assert tested == {RialtoError, *ours}

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


class TestErrorBody:
    """For a route whose contract fixes another form than a problem."""

    @staticmethod
    def as_text(error: RialtoError) -> dict[str, Any]:
        return {"RESPONSE": error.status, "REASON": error.detail, "more": error.extensions}

    @pytest.mark.parametrize(("error", "status"), [(error, status) for error, status, *_ in ERRORS])
    def test_every_error_has_the_form_of_the_contract(self, error: RialtoError, status: int) -> None:
        answered = answer(raising(error), FAULT, self.as_text)
        assert answered.status_code == status
        assert json.loads(answered.body) == {"RESPONSE": status, "REASON": "no", "more": {}}
        assert answered.headers["Content-Type"] == "application/json"
        assert answered.headers["X-Request-Id"] == "id-1"

    def test_fields_of_the_error_are_there_to_be_told(self) -> None:
        error = errors.UnfinishedError("no", code="signal_unfinished", signal_id="s")
        assert json.loads(answer(raising(error), FAULT, self.as_text).body)["more"] == {"signal_id": "s"}

    def test_fault_keeps_the_body_of_faults(self) -> None:
        answered = answer(raising(ValueError("secret")), FAULT, self.as_text)
        assert (answered.status_code, json.loads(answered.body)) == (500, FAULT)

    def test_answer_of_the_view_is_left_as_it_is(self) -> None:
        assert answer(lambda: json_response({"a": 1}), FAULT, self.as_text).body == '{"a":1}'


class TestMetrics:
    """What is measured has happened: that it cannot be written down changes nothing."""

    @pytest.mark.parametrize(
        "metrics", [[("Faults", "furlongs", 1)], [("Faults", MetricUnit.Count, {1})], [("Faults",)], [None], None]
    )
    def test_metric_that_is_none_is_logged_and_goes_no_further(self, metrics: Any, log: Log) -> None:
        put_metrics(metrics)
        assert [line["message"] for line in log.read()] == ["metrics not written"]
        assert log.read_metrics() == {}

    def test_fault_on_the_way_to_a_metric_goes_no_further(self, log: Log) -> None:
        def broken() -> Iterator[tuple[str, MetricUnit, float]]:
            yield "Faults", MetricUnit.Count, 1
            raise ConnectionError

        put_metrics(broken())
        assert [line["message"] for line in log.read()] == ["metrics not written"]

    def test_missing_namespace_goes_no_further(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE")
        put_metrics([("Faults", MetricUnit.Count, 1)])
        assert answer(raising(ValueError("secret")), FAULT).status_code == 500

    def test_metric_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        put_metrics([("Faults", MetricUnit.Count, 1), ("Latency", MetricUnit.Milliseconds, 2.5)])
        content = json.loads(capsys.readouterr().out)
        assert (content["Faults"], content["Latency"]) == ([1.0], [2.5])

    def test_no_metrics_are_no_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        put_metrics([])
        assert capsys.readouterr().out == ""


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


class TestNamesOnce:
    def read(self, body: str) -> Names:
        return read_model(request(body), Names, names_once=True)

    def repeated(self, body: str) -> list[dict[str, Any]]:
        with pytest.raises(InvalidRequestError) as raised:
            self.read(body)
        found: list[dict[str, Any]] = raised.value.extensions["errors"]
        assert {error["type"] for error in found} == {"name_repeated"}
        return found

    @pytest.mark.parametrize(
        "body",
        [
            '{"a": {"b": 1}, "a": {"b": 1}}',
            '{"x": {}, "a": {"b": 1}, "y": {}, "a": {}}',
            '{"x": {"a": 1, "a": 2}}',
            '{"x": {"a": 1, "\\u0061": 1}}',
        ],
    )
    def test_name_that_stands_twice_in_one_object_is_refused(self, body: str) -> None:
        assert self.repeated(body) == [
            {"loc": ["body", "a"], "msg": "Stands twice in one object", "type": "name_repeated"}
        ]

    def test_each_repeated_name_is_told_once(self) -> None:
        body = '{"a": {}, "b": {}, "a": {}, "c": {}, "b": {}, "a": {}}'
        assert [error["loc"][1] for error in self.repeated(body)] == ["a", "b"]

    def test_name_may_stand_in_several_objects(self) -> None:
        body = '{"a": {"a": 1, "b": 2}, "b": {"a": 1, "b": 2}}'
        assert self.read(body).root == {"a": {"a": 1, "b": 2}, "b": {"a": 1, "b": 2}}

    @pytest.mark.parametrize("body", ['{"A": {}, "a": {}}', '{"é": {}, "e\u0301": {}}', '{"a": {}, "a ": {}}'])
    def test_names_that_look_alike_are_two(self, body: str) -> None:
        assert len(self.read(body).root) == 2

    def test_not_more_than_100_names_are_told(self) -> None:
        body = ",".join(f'"{number}": {{}}' for number in range(150))
        found = self.repeated(f"{{{body},{body}}}")
        assert len(found) == MAX_ERRORS == 100

    def test_long_name_is_cut(self) -> None:
        (error,) = self.repeated(f'{{"{"é" * 5_000}": {{}}, "{"é" * 5_000}": {{}}}}')
        assert error["loc"] == ["body", "é" * 100]

    @pytest.mark.parametrize("body", ["{", "[]", '{"a": {}, "a": {}', "[" * 60_000, '{"a":' * 60_000])
    def test_what_is_no_json_object_is_told_apart(self, body: str) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            read_model(request(body), Names, 10**6, names_once=True)
        assert raised.value.extensions["errors"][0]["loc"] == ["body"]


class TestTelling:
    """An error names what is wrong in the client's own words, and can always be written."""

    def broken(self, body: str) -> list[dict[str, Any]]:
        answered = answer(lambda: json_response(read_model(request(body), Names).root))
        answered.body.encode()
        assert answered.status_code == 422
        found: list[dict[str, Any]] = json.loads(answered.body)["errors"]
        return found

    def test_not_more_than_100_fields_are_told(self) -> None:
        found = self.broken(json.dumps({str(number): {"a": "x"} for number in range(150)}))
        assert [error["loc"] for error in found] == [["body", str(number), "a"] for number in range(MAX_ERRORS)]

    def test_long_name_is_cut(self) -> None:
        (error,) = self.broken(json.dumps({"é" * 5_000: {"a": "x"}}))
        assert error["loc"] == ["body", "é" * 100, "a"]

    @pytest.mark.parametrize("name", ["\ud800", "a\udfffb", "\udc00" * 200])
    def test_half_a_character_in_a_name_is_replaced(self, name: str) -> None:
        found = self.broken(json.dumps({"a": {name: "x"}}))
        assert all("\ufffd" in error["loc"][2] for error in found)

    @pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
    def test_half_a_character_in_a_repeated_name_is_replaced(self, name: str) -> None:
        body = f'{{"a": {{{json.dumps(name)}: 1, {json.dumps(name)}: 1}}}}'
        answered = answer(lambda: json_response(read_model(request(body), Names, names_once=True).root))
        answered.body.encode()
        assert "?" in json.loads(answered.body)["errors"][0]["loc"][1]

    def test_what_the_client_sent_is_not_repeated(self) -> None:
        found = self.broken('{"a": {"b": "secret"}}')
        assert all(error.keys() == {"loc", "msg", "type"} for error in found)
        assert "secret" not in json.dumps(found)


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
