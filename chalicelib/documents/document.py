"""Makes the OpenAPI document of the registered routes, their models and their descriptions."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from chalicelib.core.idempotency import HEADER as KEY_HEADER
from chalicelib.core.idempotency import MAX_LENGTH
from chalicelib.core.pagination import DEFAULT_LIMIT, MAX_LIMIT
from chalicelib.documents.catalogue import MARKETS
from chalicelib.documents.description import Body, Form, Parameter, Route, Schema
from chalicelib.documents.problems import CODES, GatewayFault
from chalicelib.documents.responses import HEADERS, JSON, Responses
from chalicelib.documents.schemas import make_schemas

VERSION = "0.1.0"
ABOUT = """\
Orders at a stock exchange, a market for art, and strategies that trade for their users.

Errors are problems as RFC 9457 has them, with a stable `code`; a path or a method that does not exist is a 404 with the
code `no_such_route`. Moments are RFC 3339 in UTC. Lists come in pages: `next_cursor` leads to the next one and is null
at the end. With an `Idempotency-Key` a request that is sent twice is carried out once. Fields of a request that are not
described are ignored.
"""
LIMIT = Parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "Rows of a page, at most.",
    10,
)
CURSOR = Parameter("cursor", {"type": "string"}, "The `next_cursor` of the page before, of the same list and filter.")
KEY = Parameter(
    KEY_HEADER,
    {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": "^[ -~]*[!-~][ -~]*$"},
    "Any text of your own: the same key again gets the first answer and changes nothing.",
    "my-first-order",
)


class Entry(Protocol):
    """What Chalice knows of a route."""

    view_name: str
    view_function: Any


Registered = Mapping[str, Mapping[str, Entry]]
"""Chalice's routes, by path and method."""


def build_document(registered: Registered) -> dict[str, Any]:
    """Return the document. Every route that is described must be registered."""
    schemas, components = make_schemas(_forms())
    responses = Responses(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for market, routes in MARKETS.items():
        for (method, path), route in routes.items():
            operation = _operation(market, route, registered[path][method])
            if route.body:
                operation["requestBody"] = _request_body(route.body, schemas[route.body.form])
            operation["responses"] = responses.of(route)
            if links := _links(route, operation["operationId"]):
                operation["responses"][str(route.answer.status)]["links"] = links
            paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.1",
        "info": {"title": "Rialto", "version": VERSION, "description": ABOUT},
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "servers": [{"url": "."}],
        "tags": [{"name": market} for market in MARKETS],
        "paths": paths,
        "components": {"schemas": components, "responses": responses.components, "headers": HEADERS},
    }


def _forms() -> Iterator[Form]:
    for routes in MARKETS.values():
        for route in routes.values():
            for answer in (route.answer, *route.errors):
                yield from (form for form in (answer.form, *answer.events.values()) if form)
            if route.body:
                yield route.body.form
    yield from (code.form for code in CODES.values())
    yield GatewayFault


def _operation(market: str, route: Route, entry: Entry) -> dict[str, Any]:
    query = (*route.query, LIMIT, CURSOR) if route.paged else route.query
    located = [("path", one) for one in route.path] + [("query", one) for one in query]
    located += [("header", one) for one in route.headers]
    if route.keyed:
        located.append(("header", KEY))
    operation: dict[str, Any] = {
        "operationId": entry.view_name,
        "tags": [market],
        "summary": route.summary,
        "description": inspect.cleandoc(entry.view_function.__doc__ or "").replace("``", "`"),
    }
    if located:
        operation["parameters"] = [_parameter(place, one) for place, one in located]
    return operation


def _request_body(body: Body, schema: Schema) -> Schema:
    examples = {name: {"value": value} for name, value in body.examples.items()}
    return {
        "description": f"At most {body.max_bytes // 1024} KB.",
        "required": True,
        "content": {JSON: {"schema": schema, "examples": examples}},
    }


def _links(route: Route, own_id: str) -> dict[str, Any]:
    links = {link.operation: {"operationId": link.operation, "parameters": link.parameters} for link in route.links}
    if route.paged:
        needed = {one.name: f"$request.query.{one.name}" for one in route.query if one.required}
        cursor = {CURSOR.name: "$response.body#/next_cursor"}
        links["next_page"] = {"operationId": own_id, "parameters": {**needed, **cursor}}
    return links


def _parameter(place: str, one: Parameter) -> Schema:
    parameter: Schema = {"name": one.name, "in": place, "description": one.description, "schema": one.schema}
    if one.required:
        parameter["required"] = True
    if one.example is not None:
        parameter["example"] = one.example
    return parameter
