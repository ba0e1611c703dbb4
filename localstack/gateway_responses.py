"""What API Gateway answers in its own name: the GatewayResponses of the template, which local clouds do not apply."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXTENSION = "x-amazon-apigateway-gateway-responses"
HEADER = "gatewayresponse.header."
# Our functions set it on every answer they make, so that an answer without it is the cloud's.
OURS = "X-Request-Id"

# (status, message) where the template says nothing.
DEFAULTS = {
    "DEFAULT_5XX": (500, "Internal server error"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "THROTTLED": (429, "Too Many Requests"),
}


@dataclass(frozen=True)
class Answer:
    """An answer as it goes over the wire."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def responses_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gateway responses that a template declares, by type."""
    responses: dict[str, Any] = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"].get(EXTENSION, {})
    return responses


def render(responses: Mapping[str, Any], kind: str, request_id: str) -> Answer:
    """Return the answer for a type of gateway response, as declared or else API Gateway's default."""
    status, message = DEFAULTS[kind]
    declared = responses.get(kind, {})
    template = declared.get("responseTemplates", {}).get("application/json", '{"message":$context.error.messageString}')
    body = template.replace("$context.error.messageString", json.dumps(message))
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    for name, value in declared.get("responseParameters", {}).items():
        if name.startswith(HEADER) and value.startswith("'"):
            headers[name.removeprefix(HEADER)] = value.strip("'")
    return Answer(int(declared.get("statusCode", status)), body.replace("$context.requestId", request_id), headers)


def kind_of(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return the gateway response that stands in for an answer of the cloud; none for an answer of our functions."""
    if OURS in headers:
        return ""
    if "MissingAuthenticationToken" in headers.get("x-amzn-errortype", "") or (
        status in (403, 404) and b"Missing Authentication Token" in body
    ):
        return "MISSING_AUTHENTICATION_TOKEN"
    if status == 429:
        return "THROTTLED"
    # A 404 that is not ours means that the API itself is gone.
    return "DEFAULT_5XX" if status >= 500 or status == 404 else ""
