"""Answers against the API's document: a field, a status, a code or a header that it does not tell is a fault."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from chalicelib.core.event_stream import MEDIA_TYPE
from chalicelib.documents.catalogue import PAGES
from chalicelib.documents.routes import DOCUMENT, FOLDER
from tests.event_stream import read_stream

Schema = dict[str, Any]


class NotAsDescribedError(AssertionError):
    """Raised when an answer is not what the document promises."""


@cache
def document() -> dict[str, Any]:
    """Return the document that ships."""
    content: dict[str, Any] = json.loads((FOLDER / DOCUMENT).read_text())
    return content


def check_answer(method: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """Compare an answer of ours with the document.

    Raises:
        NotAsDescribedError: if it has anything that the document does not tell, or lacks what it tells.
    """
    template = template_of(path.partition("?")[0])
    if template in PAGES:
        return
    where = f"{method} {template}"
    operation = document()["paths"].get(template, {}).get(method.lower())
    if operation is None or str(status) not in operation["responses"]:
        raise NotAsDescribedError(f"{where} answered {status}, which is not described: {text}")
    response = resolve(operation["responses"][str(status)])
    given = {name.lower(): value for name, value in headers.items()}
    for name, header in response.get("headers", {}).items():
        _check_header(where, name, resolve(header), given.get(name.lower()))
    media_type = given.get("content-type", "").partition(";")[0]
    if "content" not in response:
        return
    if media_type not in response["content"]:
        raise NotAsDescribedError(f"{where} answered {status} as {media_type!r}, which is not described")
    if media_type == MEDIA_TYPE:
        _check_events(where, response["content"][media_type]["schema"]["oneOf"], text)
    if media_type.endswith("json"):
        for error in validator(json.dumps(response["content"][media_type]["schema"])).iter_errors(json.loads(text)):
            raise NotAsDescribedError(f"{where} {status}: {error.message} at {error.instance_path}\n{text}")


def _check_events(where: str, kinds: list[Schema], text: str) -> None:
    told = {kind["properties"]["event"]["const"]: kind["properties"]["data"]["contentSchema"] for kind in kinds}
    for event in read_stream(text).events:
        for error in validator(json.dumps(told[event.name])).iter_errors(event.data):
            raise NotAsDescribedError(f"{where}: {error.message} at {error.instance_path}\n{event.text}")


def template_of(path: str) -> str:
    """Return the path of the document, or of a page, that a request's path stands for."""
    templates: list[str] = [*document()["paths"], *sorted(PAGES)]
    for template in templates:
        if _pattern(template).fullmatch(path):
            return template
    raise NotAsDescribedError(f"{path} is not described")


def resolve(part: Schema) -> Schema:
    """Return what a reference leads to; anything else as it stands."""
    if "$ref" not in part:
        return part
    found = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


@cache
def validator(schema: str) -> jsonschema_rs.Validator:
    """Return what validates against a schema of the document, in JSON; no object may have a field more than told."""
    return jsonschema_rs.validator_for(
        {**json.loads(schema), "components": {"schemas": _closed_schemas()}}, validate_formats=True
    )


@cache
def _closed_schemas() -> dict[str, Schema]:
    schemas = document()["components"]["schemas"]
    return {
        name: {"additionalProperties": False, **schema} if "properties" in schema else schema
        for name, schema in schemas.items()
    }


@cache
def _pattern(template: str) -> re.Pattern[str]:
    # The most specific template comes first in the document: /orders/{order_id} stands behind /orders.
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)))


def _check_header(where: str, name: str, header: Schema, value: str | None) -> None:
    if value is None:
        if header.get("required"):
            raise NotAsDescribedError(f"{where} has no {name}")
    elif not validator(json.dumps(header["schema"])).is_valid(value):
        raise NotAsDescribedError(f"{where} has {name}: {value}")
