"""Requests as API Gateway hands them to the API function, and its answers."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from chalice.local import LambdaContext, LambdaEventConverter, RouteMatcher

from app import app
from tests.conformance import check_answer

Event = dict[str, Any]
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

UNKNOWN_IDS = [
    "7b7a8f8e-0000-4000-8000-000000000000",
    "7B7A8F8E-0000-4000-8000-000000000000",
    "1",
    "health",
    "%00",
    quote("ü"),
    quote("' OR 1=1"),
    "x" * 10_000,
]
"""Parts of a path that name nothing there is."""


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def content(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.text)


class Gateway:
    """Calls the API function. Every answer has to be as the API's document describes it."""

    def __init__(self) -> None:
        self._converter = LambdaEventConverter(RouteMatcher(list(app.routes)))

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a request; a body that is not bytes goes as JSON."""
        answer = app(self.event(method, path, body, headers), LambdaContext("api_handler", 512))
        single = {name: values[-1] for name, values in answer["multiValueHeaders"].items()}
        headers = answer["headers"] | single
        check_answer(method, path, answer["statusCode"], headers, answer["body"])
        return Answer(answer["statusCode"], headers, answer["body"])

    def event(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Event:
        """Return what the function is called with for a request."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        defaults = {} if body is None else {"content-type": "application/json"}
        event: Event = self._converter.create_lambda_event(method, path, {**defaults, **(headers or {})}, raw)
        event["requestContext"]["requestId"] = REQUEST_ID
        event["body"], event["isBase64Encoded"] = _as_text(raw)
        return event

    def get(self, path: str) -> Answer:
        """Send a GET."""
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a POST; of header names "_" stands for "-"."""
        return self.send("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def _as_text(raw: bytes) -> tuple[str | None, bool]:
    try:
        return raw.decode() or None, False
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), True
