"""What the methods of all markets share."""

from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

from rialto_client.connection import Connection
from rialto_client.errors import NotFoundError
from rialto_client.problem import Problem
from rialto_client.values import PageRequest, PageResponse

_MAX_KEY_LENGTH = 255
_MAX_ID_LENGTH = 1_000

P = TypeVar("P", bound=PageResponse)


class Calls:
    """Methods over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _view_page(self, path: str, request: PageRequest, model: type[P]) -> P:
        wanted = request.model_dump(mode="json", exclude_none=True)
        return await self._connection.get(path, {name: str(value) for name, value in wanted.items()}, model)


def key_or_new(given: str | None) -> str:
    """Return the key, checked, or one that nobody has."""
    return str(uuid4()) if given is None else check_key(given)


def check_key(key: str) -> str:
    """Return the key.

    Raises:
        ValueError: if it is not made of 1 to 255 printable ASCII characters.
    """
    if not key.strip() or len(key) > _MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ValueError(f"An idempotency key has 1 to {_MAX_KEY_LENGTH} printable ASCII characters.")
    return key


def path_of(collection: str, id: str, action: str = "", *, what: str = "order") -> str:
    """Return the path of one thing, or of what can be done with it.

    Raises:
        NotFoundError: if nothing can have this id.
    """
    # No such text can be a segment of a URL's path, so it is no id.
    if id in ("", ".", "..") or len(id) > _MAX_ID_LENGTH:
        detail = f"There is no {what} {id[:64]!r}."
        raise NotFoundError(Problem(status=404, title="Not Found", detail=detail, code=f"unknown_{what}"))
    return f"{collection}/{quote(id, safe='')}{action}"
