"""Lists that come in pages."""

from collections.abc import AsyncIterator
from typing import TypeVar

from pydantic import BaseModel

from rialto_client.connection import Connection
from rialto_client.errors import UnexpectedAnswerError
from rialto_client.models import Order, Transaction

PAGE_SIZE = 100
"""The most that the market gives at once."""


class Page(BaseModel):
    """What every page has beside its rows: where the next one begins, None at the end."""

    next_cursor: str | None = None


class OrderPage(Page):
    """Some open orders."""

    orders: list[Order]


class TransactionPage(Page):
    """Some transactions."""

    transactions: list[Transaction]


P = TypeVar("P", bound=Page)


async def read_pages(connection: Connection, path: str, query: dict[str, str], model: type[P]) -> AsyncIterator[P]:
    """Yield all pages of a list.

    Raises:
        UnexpectedAnswerError: if the server leads in a circle.
    """
    cursor: str | None = None
    while True:
        position = {} if cursor is None else {"cursor": cursor}
        page = await connection.get(path, {**query, "limit": str(PAGE_SIZE), **position}, model)
        yield page
        if page.next_cursor is None:
            return
        if page.next_cursor == cursor:
            raise UnexpectedAnswerError("The list never ends: its next page is the same page.")
        cursor = page.next_cursor
