"""Lists in pages: a limit and an opaque cursor that knows which list it belongs to."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.errors import InvalidCursorError, InvalidRequestError

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_MAX_CURSOR_LENGTH = 2048


@dataclass(frozen=True)
class Page:
    """What part of a list is asked for: at most ``limit`` items behind the position ``after``."""

    limit: int
    after: tuple[str, ...] | None


def read_page(query: Mapping[str, str], list_name: str, positions: int) -> Page:
    """Return the page that a query string asks for.

    ``list_name`` names the list with its filters, ``positions`` is the number of strings in a position.

    Raises:
        InvalidRequestError: if the limit is no whole number from 1 to 100.
        InvalidCursorError: if the cursor is broken or of another list.
    """
    cursor = query.get("cursor")
    after = None if cursor is None else _decode(cursor, list_name, positions)
    return Page(_read_limit(query.get("limit")), after)


def encode_cursor(list_name: str, position: tuple[str, ...]) -> str:
    """Return the opaque cursor for what comes behind this position."""
    text = json.dumps([list_name, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    message = f"Input should be a whole number from 1 to {MAX_LIMIT}"
    raise InvalidRequestError([{"loc": ["query", "limit"], "msg": message, "type": "limit"}])


def _decode(cursor: str, list_name: str, positions: int) -> tuple[str, ...]:
    broken = InvalidCursorError("The cursor is broken. Use next_cursor of an answer as it stands.")
    if len(cursor) > _MAX_CURSOR_LENGTH:
        raise broken
    try:
        content = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise broken from None
    if not isinstance(content, list) or not all(isinstance(part, str) for part in content):
        raise broken
    if content[:1] != [list_name] or len(content) != positions + 1:
        raise InvalidCursorError("The cursor belongs to another list or filter.")
    return tuple(content[1:])
