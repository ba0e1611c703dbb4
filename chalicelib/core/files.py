"""Files that ship with the code and go over the wire as they are, each with its content type and its ETag."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalice.app import Response

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml; charset=utf-8",
}
POLICY = {
    # Everything comes from here, and nothing is inline: a name or a title can never become a script or a style.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class StaticFile:
    """One file as it goes over the wire."""

    content_type: str
    etag: str
    text: str


@cache
def read_files(folder: Path) -> Mapping[str, StaticFile]:
    """Return every file of a folder by name, read once. No other name leads to a file, whatever is asked for."""
    return {path.name: _read(path) for path in folder.iterdir() if path.suffix in CONTENT_TYPES}


def file_response(file: StaticFile, request_headers: Mapping[str, str]) -> Response:
    """Return the file; 304 if the client has it as it is."""
    # Asked for again each time, so that a page never mixes files of two deployments; the answer is mostly a 304.
    # With its type on a 304, too: Chalice would call the answer JSON, and a cache may believe the newer header.
    kept = {"Content-Type": file.content_type, "ETag": file.etag, "Cache-Control": "no-cache"}
    headers: dict[str, str | list[str]] = {**POLICY, **kept}
    if _matches(request_headers.get("If-None-Match", ""), file.etag):
        return Response("", status_code=304, headers=headers)
    return Response(file.text, status_code=200, headers=headers)


def _read(path: Path) -> StaticFile:
    raw = path.read_bytes()
    return StaticFile(CONTENT_TYPES[path.suffix], f'"{hashlib.sha256(raw).hexdigest()[:32]}"', raw.decode())


def _matches(condition: str, etag: str) -> bool:
    """Tell whether the client has the file: a weak comparison (RFC 9110, section 13.1.2)."""
    known = {entry.strip().removeprefix("W/") for entry in condition.split(",")}
    return etag in known or "*" in known
