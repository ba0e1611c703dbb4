"""Lists in pages: a limit and an opaque cursor that knows which list it belongs to."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.core.errors import InvalidCursorError, InvalidRequestError

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_MAX_CURSOR_LENGTH = 4096
_MAX_KEY_BYTES = 1024
MAX_LOOKED_AT = 1_000
"""Rows that one page of a filtered list looks at: it may be short, or empty, and still have a cursor to go on from."""
MORE = 2
"""Rows that :func:`first_behind` looks at beside those that it returns: the one at the place, and the next."""
_T = TypeVar("_T")


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
    text = json.dumps([list_name, *position], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def take_page(
    fetch: Callable[[_T | None, int], Sequence[_T]], limit: int, wanted: Callable[[_T], bool]
) -> tuple[list[_T], _T | None]:
    """Return up to ``limit`` wanted rows, and the row behind which the list goes on, None at its end.

    ``fetch`` returns so many rows behind a row (None: behind the cursor); fewer than that are the last.
    """
    found: list[_T] = []
    last: _T | None = None
    looked_at = 0
    size = limit + 1
    while looked_at < MAX_LOOKED_AT:
        rows = fetch(last, size)
        for row in rows:
            if wanted(row):
                found.append(row)
            if len(found) > limit:
                return found[:limit], found[limit - 1]
            last = row
        if len(rows) < size:
            return found, None
        looked_at += len(rows)
        # What is wanted is rare: larger steps cost fewer calls.
        size = MAX_LIMIT + 1
    return found, last


def first_behind(
    rows: Iterable[_T],
    place: Callable[[_T], tuple[Any, ...]],
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    descending: bool = False,
) -> list[_T]:
    """Return the first ``limit`` rows behind a place (None: of all), in the order of their places.

    The rows come from an index that is sorted by the first part of their places only: DynamoDB promises no order among
    those that agree in it, and they may lie on both sides of ``after``. So they are read to the last of them before any
    is left out; a page would lose the others else.
    """
    found: list[_T] = []
    for row in rows:
        if len(found) >= limit and place(row)[0] != place(found[-1])[0]:
            break
        if after is None or (place(row) < after if descending else place(row) > after):
            found.append(row)
    return sorted(found, key=place, reverse=descending)[:limit]


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
    if not isinstance(content, list) or not all(_can_be_key(part) for part in content):
        raise broken
    if content[:1] != [list_name] or len(content) != positions + 1:
        raise InvalidCursorError("The cursor belongs to another list or filter.")
    return tuple(content[1:])


def _can_be_key(part: object) -> bool:
    """Tell whether DynamoDB would take this as a sort key: what it refuses is no position."""
    try:
        return isinstance(part, str) and len(part.encode()) <= _MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False
