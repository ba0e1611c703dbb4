"""Lists that come in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from rialto_client.errors import UnexpectedAnswerError
from rialto_client.models import Order, Transaction
from rialto_client.values import PageRequest, PageResponse

PAGE_SIZE = 100
"""The most that Rialto gives at once."""


class OrderPage(PageResponse):
    """Some open orders."""

    orders: list[Order]


class TransactionPage(PageResponse):
    """Some transactions."""

    transactions: list[Transaction]


Q = TypeVar("Q", bound=PageRequest)
P = TypeVar("P", bound=PageResponse)


async def follow_pages(view: Callable[[Q], Awaitable[P]], request: Q) -> AsyncIterator[P]:
    """Yield the page that is asked for, and all that follow it.

    ``view`` is a function that returns pages, such as ``client.view_artworks``. Rows that change place meanwhile may
    come twice, or not at all.

    Raises:
        UnexpectedAnswerError: if the server leads in a circle.
    """
    while True:
        page = await view(request)
        yield page
        if page.next_cursor is None:
            return
        if page.next_cursor == request.cursor:
            raise UnexpectedAnswerError("The list never ends: its next page is the same page.")
        request = request.model_copy(update={"cursor": page.next_cursor})
