"""What stands in for API Gateway's own answers."""

import json

import pytest
from gateway_responses import kind_of, render, responses_in

DECLARED = {
    "MISSING_AUTHENTICATION_TOKEN": {
        "statusCode": "404",
        "responseParameters": {"gatewayresponse.header.Content-Type": "'application/problem+json'"},
        "responseTemplates": {"application/json": '{"code": "no_such_route", "request_id": "$context.requestId"}'},
    }
}
MISSING = b'{"message":"Missing Authentication Token"}'


def test_the_template_decides() -> None:
    answer = render(DECLARED, "MISSING_AUTHENTICATION_TOKEN", "r-1")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body) == {"code": "no_such_route", "request_id": "r-1"}


def test_without_a_declaration_it_is_the_default_of_api_gateway() -> None:
    answer = render({}, "DEFAULT_5XX", "r-1")
    assert answer.status == 500
    assert json.loads(answer.body) == {"message": "Internal server error"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (200, {"X-Request-Id": "1"}, b"{}", ""),
        (500, {"X-Request-Id": "1"}, b"{}", ""),
        (404, {"X-Request-Id": "1"}, b"{}", ""),
        (502, {}, b'{"message": "Worker process died"}', "DEFAULT_5XX"),
        (504, {}, b"", "DEFAULT_5XX"),
        (403, {}, MISSING, "MISSING_AUTHENTICATION_TOKEN"),
        (403, {"x-amzn-errortype": "MissingAuthenticationTokenException"}, b"", "MISSING_AUTHENTICATION_TOKEN"),
        (404, {}, b'{"message": "no such API"}', "DEFAULT_5XX"),
        (415, {}, b"{}", ""),
        (429, {}, b'{"message":"Too Many Requests"}', "THROTTLED"),
        (429, {"X-Request-Id": "1"}, b"{}", ""),
    ],
)
def test_only_answers_of_the_cloud_are_replaced(status: int, headers: dict[str, str], body: bytes, kind: str) -> None:
    assert kind_of(status, headers, body) == kind


def test_finds_them_in_the_template() -> None:
    definition = {"x-amazon-apigateway-gateway-responses": DECLARED}
    assert responses_in({"Resources": {"RestAPI": {"Properties": {"DefinitionBody": definition}}}}) == DECLARED
    assert responses_in({"Resources": {"RestAPI": {"Properties": {"DefinitionBody": {}}}}}) == {}
