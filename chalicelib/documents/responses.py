"""The answers of a route as OpenAPI has them."""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.idempotency import REPLAYED_HEADER
from chalicelib.documents.description import Answer, Form, Route, Schema
from chalicelib.documents.problems import CODES, GatewayFault, example_of

PROBLEM = "application/problem+json"
JSON = "application/json"
REQUEST_ID = "X-Request-Id"
HEADERS: Mapping[str, Schema] = {
    REQUEST_ID: {
        "description": "The request's id, as it stands in our logs.",
        "required": True,
        "schema": {"type": "string"},
    },
    REPLAYED_HEADER: {
        "description": "true when the key was used before: this is the first request's answer, and nothing changed.",
        "schema": {"type": "string", "const": "true"},
    },
    "Location": {
        "description": "The path of what was made.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
}
GATEWAY_FAULT = {"message": "Internal server error while placing the order", "RESPONSE": "ERROR"}
GATEWAY_CODES = ("body_too_large", "throttled")
"""Problems that the gateway tells before a function runs, whatever form a route gives to its errors."""
GATEWAY_STATUSES = (413, 429, 500)
"""What the gateway answers has none of our headers."""
TITLES = {200: "OK", 201: "Created", 202: "Accepted", 304: "Not Modified"} | {
    code.error.status: code.error.title for code in CODES.values()
}


class Responses:
    """Makes the answers of routes. Those that only tell problems are shared: ``components`` has them."""

    def __init__(self, schemas: Mapping[Form, Schema]) -> None:
        self._schemas = schemas
        self.components: dict[str, Schema] = {}

    def of(self, route: Route) -> dict[str, Schema]:
        """Return every answer of a route by its status."""
        codes = _codes_by_status(route)
        forms: dict[int, list[Answer]] = {}
        for answer in (route.answer, *route.errors):
            forms.setdefault(answer.status, []).append(answer)
        return {
            str(status): self._own(route, forms[status], codes.get(status, []))
            if status in forms
            else self._shared(status, codes[status])
            for status in sorted({*codes, *forms})
        }

    def _own(self, route: Route, answers: list[Answer], codes: list[str]) -> Schema:
        status = answers[0].status
        content = {answer.media_type: self._content(answer) for answer in answers if answer.media_type}
        names = [REQUEST_ID] if status not in GATEWAY_STATUSES else []
        if status == route.answer.status:
            names += [*route.answer.headers, *([REPLAYED_HEADER] if route.keyed else [])]
        return self._response(status, codes, content, names)

    def _shared(self, status: int, codes: list[str]) -> Schema:
        name = "Or".join(code.title().replace("_", "") for code in codes)
        names = [REQUEST_ID] if status not in GATEWAY_STATUSES else []
        self.components[name] = self._response(status, codes, {}, names)
        return {"$ref": f"#/components/responses/{name}"}

    def _response(self, status: int, codes: list[str], content: dict[str, Schema], headers: list[str]) -> Schema:
        if codes:
            content[PROBLEM] = self._problems(codes)
        if status == 500:
            self._add_gateway_fault(content)
        told = ", ".join(f"`{code}`" for code in codes)
        response: Schema = {"description": f"{TITLES[status]}: {told}" if told else TITLES[status]}
        if headers:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
        return {**response, "content": content} if content else response

    def _content(self, answer: Answer) -> Schema:
        schema = self._schemas[answer.form] if answer.form else {"type": "string"}
        if answer.events:
            schema = {"oneOf": [_event(name, self._schemas[form]) for name, form in answer.events.items()]}
        content: dict[str, Any] = {"schema": schema}
        return content if answer.example is None else {**content, "example": answer.example}

    def _problems(self, codes: list[str]) -> Schema:
        forms = [{**self._schemas[CODES[code].form], "properties": {"code": {"const": code}}} for code in codes]
        examples = {code: {"value": example_of(code)} for code in codes}
        return {"schema": forms[0] if len(forms) == 1 else {"oneOf": forms}, "examples": examples}

    def _add_gateway_fault(self, content: dict[str, Schema]) -> None:
        """Any function may die or hang: then the gateway answers, in one form for all routes."""
        fault = self._schemas[GatewayFault]
        ours = content.get(JSON)
        if ours is None:
            content[JSON] = {"schema": fault, "example": GATEWAY_FAULT}
        else:
            examples = {"ours": {"value": ours["example"]}, "the gateway's": {"value": GATEWAY_FAULT}}
            content[JSON] = {"schema": {"anyOf": [ours["schema"], fault]}, "examples": examples}


def _event(name: str, data: Schema) -> Schema:
    """Return one event of a stream. OpenAPI 3.1 has no words for streams; readers of one take this for each event."""
    text = {"type": "string", "contentMediaType": JSON, "contentSchema": data}
    properties = {"event": {"const": name}, "data": text, "id": {"type": "string"}}
    return {"type": "object", "title": name, "required": ["event", "data"], "properties": properties}


def _codes_by_status(route: Route) -> dict[int, list[str]]:
    """Return the codes of all problems that a route may answer, those of its kind included."""
    codes = list(route.problems)
    if route.body:
        codes += ["validation_failed", "body_too_large", "unsupported_media_type"]
    if route.paged:
        codes += ["validation_failed", "invalid_cursor"]
    if route.keyed:
        codes.append("idempotency_key_reused")
    replaced = {answer.status for answer in route.errors}
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys([*codes, "throttled", "internal_error"]):
        status = CODES[code].error.status
        if status not in replaced or code in GATEWAY_CODES:
            found.setdefault(status, []).append(code)
    return found
