"""Sends the requests of the collection as Bruno does, as far as the collection uses what Bruno can."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

METHODS = ("get", "put", "post", "delete")
_BLOCK = re.compile(r"^([\w:-]+) \{\n(.*?)^\}$", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"{{(\w+)}}")
MISSING = object()


def read_blocks(path: Path) -> dict[str, str]:
    """Return the blocks of a file by name, each without its indentation."""
    blocks = _BLOCK.findall(path.read_text())
    return {name: "\n".join(line.removeprefix("  ") for line in text.splitlines()) for name, text in blocks}


def read_entries(text: str) -> dict[str, str]:
    """Return the entries of a block that are switched on."""
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("~"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def requests_of(collection: Path) -> list[Path]:
    """Return the files of the collection's requests in the order in which Bruno runs them."""
    files = [path for path in collection.glob("*/*.bru") if path.parent.name != "environments"]
    requests = [path for path in files if path.name != "folder.bru"]
    return sorted(requests, key=lambda path: (_seq(path.parent / "folder.bru"), _seq(path)))


def _seq(path: Path) -> int:
    return int(read_entries(read_blocks(path)["meta"])["seq"])


@dataclass
class Runner:
    """Sends one request after the other, and keeps the variables that answers set."""

    http: httpx.Client
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, path: Path) -> list[str]:
        """Send the request of a file; return what is not as the file asserts."""
        blocks = read_blocks(path)
        method = next(name for name in METHODS if name in blocks)
        url = self._fill(read_entries(blocks[method])["url"])
        body = blocks.get("body:json")
        headers = read_entries(blocks.get("headers", "")) | ({"Content-Type": "application/json"} if body else {})
        response = self.http.request(method.upper(), url, content=body and self._fill(body), headers=headers)
        faults = list(_faults(read_entries(blocks["assert"]), response))
        for name, expression in read_entries(blocks.get("vars:post-response", "")).items():
            self.variables[name] = str(_look(response, expression))
        return faults

    def _fill(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self.variables[found[1]], text)


def _faults(asserted: dict[str, str], response: httpx.Response) -> Iterator[str]:
    for expression, rule in asserted.items():
        seen = _look(response, expression)
        operator, _, operand = rule.partition(" ")
        if not {"eq": str(seen) == operand, "isDefined": seen is not MISSING}[operator]:
            yield f"{expression}: {rule}, seen {seen}: {response.text[:500]}"


def _look(response: httpx.Response, expression: str) -> Any:
    root, _, name = expression.removeprefix("res.").partition(".")
    if root == "status":
        return response.status_code
    content = json.loads(response.text)
    return content.get(name, MISSING)
