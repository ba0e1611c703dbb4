"""The document's operations as a collection for Bruno: plain text files, one for each request."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
BASE_URL = "http://127.0.0.1:8080"
_PLACEHOLDER = re.compile(r"([^{]*){(\w+)}")


def make_collection(document: Document) -> dict[str, str]:
    """Return the text of each file by its path in the collection."""
    settings = {"version": "1", "name": document["info"]["title"], "type": "collection", "ignore": []}
    files = {"bruno.json": json.dumps(settings, indent=2) + "\n", "environments/local.bru": _environment(document)}
    for folder, (tag, operations) in enumerate(_by_tag(document).items(), 1):
        place = tag.lower().replace(" ", "-")
        files[f"{place}/folder.bru"] = _block("meta", {"name": tag, "seq": folder})
        for at, (method, path, operation) in enumerate(operations, 1):
            parts = _request(document, method, path, operation)
            meta = _block("meta", {"name": operation["summary"], "type": "http", "seq": at})
            files[f"{place}/{operation['operationId']}.bru"] = "\n".join([meta, *parts])
    return files


def _by_tag(document: Document) -> dict[str, list[tuple[str, str, Any]]]:
    found: dict[str, list[tuple[str, str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append((method, path, operation))
    return found


def _request(document: Document, method: str, path: str, operation: Any) -> Iterator[str]:
    """Yield the blocks of one request. What is optional is there, and switched off with a tilde."""
    parameters = operation.get("parameters", [])
    query = {one["name"]: one for one in parameters if one["in"] == "query"}
    sent = {name: _text(one.get("example", "")) for name, one in query.items()}
    required = "&".join(f"{name}={sent[name]}" for name, one in query.items() if one.get("required"))
    body = operation.get("requestBody")
    url = "{{base_url}}" + _PLACEHOLDER.sub(lambda found: f"{found[1]}{{{{{_variable(found[1])}}}}}", path)
    mode = "json" if body else "none"
    yield _block(method, {"url": f"{url}?{required}" if required else url, "body": mode, "auth": "none"})
    if query:
        yield _block("params:query", {("" if query[name].get("required") else "~") + name: sent[name] for name in sent})
    headers = {f"~{one['name']}": _text(one["example"]) for one in parameters if one["in"] == "header"}
    if headers:
        yield _block("headers", headers)
    if body:
        (content,) = body["content"].values()
        example = next(iter(content["examples"].values()))["value"]
        yield _raw_block("body:json", json.dumps(example, indent=2, ensure_ascii=False))
    status, answer = next(iter(operation["responses"].items()))
    variables = dict(_found_by_links(document, answer))
    if variables:
        yield _block("vars:post-response", variables)
    yield _block("assert", {"res.status": f"eq {status}", **_fields(document, answer)})
    yield _raw_block("docs", operation["description"])


def _fields(document: Document, answer: Any) -> dict[str, str]:
    """Return an assertion for each field that the answer always has."""
    schema = answer["content"].get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    required = document["components"]["schemas"].get(name, {}).get("required", [])
    return {f"res.body.{field}": "isDefined" for field in required}


def _found_by_links(document: Document, answer: Any) -> Iterator[tuple[str, str]]:
    """Yield the variables that later requests need, each with its place in this answer."""
    paths = {one["operationId"]: path for path, methods in document["paths"].items() for one in methods.values()}
    for link in answer.get("links", {}).values():
        for name, expression in link["parameters"].items():
            before, placeholder, _ = paths[link["operationId"]].partition(f"{{{name}}}")
            if placeholder:
                yield _variable(before), expression.replace("$response.body#/", "res.body.")


def _environment(document: Document) -> str:
    """Return the variables with which each request can be sent by itself."""
    variables = {"base_url": BASE_URL}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for one in operation.get("parameters", []):
                if one["in"] == "path":
                    variables[_variable(path.partition("{")[0])] = _text(one["example"])
    return _block("vars", variables)


def _variable(before: str) -> str:
    """Return the variable for the id that stands behind this part of a path."""
    return before.strip("/").replace("/", "_") + "_id"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _block(name: str, entries: Mapping[str, Any]) -> str:
    return _raw_block(name, "\n".join(f"{key}: {value}".rstrip() for key, value in entries.items()))


def _raw_block(name: str, text: str) -> str:
    lines = "\n".join(f"  {line}" for line in text.splitlines())
    return f"{name} {{\n{lines}\n}}\n"
