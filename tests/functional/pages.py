"""Lists, page by page."""

from typing import Any

from tests.functional.gateway import Gateway

Row = dict[str, Any]
MAX_PAGES = 100


class EndlessListError(Exception):
    """Raised when a list goes on though it can have no more pages."""


def walk(gateway: Gateway, path: str, name: str) -> list[list[Row]]:
    """Return the rows of every page of a list."""
    pages, cursor = [], ""
    for _ in range(MAX_PAGES):
        content = gateway.get(f"{path}{'&' if '?' in path else '?'}{cursor}").content
        pages.append(content[name])
        if content["next_cursor"] is None:
            return pages
        cursor = f"cursor={content['next_cursor']}"
    raise EndlessListError(path)


def flat(pages: list[list[Row]]) -> list[Row]:
    """Return the rows of all pages."""
    return [row for page in pages for row in page]
