"""Rialto through one pool of connections."""

from typing import Self
from urllib.parse import quote
from uuid import uuid4

import httpx

from rialto_client.connection import Connection
from rialto_client.errors import ConflictError, NotFoundError
from rialto_client.models import (
    ArtworkViewRequest,
    ArtworkViewResponse,
    CancelOrderRequest,
    CancelOrderResponse,
    OrderRequest,
    OrderResponse,
    OrderViewRequest,
    OrderViewResponse,
    TransactionViewRequest,
    TransactionViewResponse,
)
from rialto_client.pages import OrderPage, TransactionPage, read_pages
from rialto_client.problem import Problem
from rialto_client.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Retries, Timeout, read_base_url
from rialto_client.strategies import (
    CreateOrderBody,
    CreateOrderResponse,
    ProfileCounts,
    Profiles,
    SignalRequest,
    SignalResponse,
)

_MAX_KEY_LENGTH = 255
_MAX_ID_LENGTH = 1_000


class Client:
    """The functions of this package over connections that are kept, for as long as the ``async with`` lasts.

    ``transport`` takes the place of the network, e.g. in tests, and is closed with the client. Every method raises
    RefusedError or one of its kind when the market says no, and UnavailableError when it cannot be asked.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(read_base_url(base_url), timeout, retries, transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def send_order(self, request: OrderRequest, *, idempotency_key: str | None = None) -> OrderResponse:
        """Send an order; exactly one comes of it, however often it has to be sent.

        ``idempotency_key`` is for sending once more what ended in UnavailableError; without it every call is an
        order of its own.

        Raises:
            InvalidRequestError: if the market does not take such an order.
            UnavailableError: if it is not known whether the order was taken.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        return await self._connection.post("/market/orders", OrderResponse, request, _key(idempotency_key))

    async def cancel_order(self, request: CancelOrderRequest) -> CancelOrderResponse:
        """Cancel an order. One that was filled stays so: ``is_canceled`` is False then.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if it is not known whether the order is canceled.
        """
        try:
            return await self._connection.post(_cancel_path(request.order_id), CancelOrderResponse)
        except ConflictError as error:
            if error.problem.is_canceled is not False:
                raise
            return CancelOrderResponse(is_canceled=False)

    async def view_orders(self, request: OrderViewRequest) -> OrderViewResponse:
        """View all open orders, of one user or of everybody.

        Raises:
            InvalidRequestError: if the id is out of range.
            UnavailableError: if the market cannot be asked.
        """
        query = {} if request.user_id is None else {"user_id": str(request.user_id)}
        pages = read_pages(self._connection, "/market/orders", query, OrderPage)
        return OrderViewResponse(orders=[order async for page in pages for order in page.orders])

    async def view_transactions(self, request: TransactionViewRequest) -> TransactionViewResponse:
        """View all transactions of a user, newest first.

        Raises:
            InvalidRequestError: if the id is out of range.
            UnavailableError: if the market cannot be asked.
        """
        query = {"user_id": str(request.user_id)}
        pages = read_pages(self._connection, "/market/transactions", query, TransactionPage)
        return TransactionViewResponse(transactions=[one async for page in pages for one in page.transactions])

    async def view_artworks(self, request: ArtworkViewRequest | None = None) -> ArtworkViewResponse:
        """View a page of what is for sale: the newest unless told otherwise.

        The next page begins at this one's ``next_cursor``; after the last one that is None.

        Raises:
            InvalidRequestError: if the limit is out of range, or the cursor is not one of this list.
            UnavailableError: if the market cannot be asked.
        """
        wanted = (request or ArtworkViewRequest()).model_dump(exclude_none=True)
        query = {name: str(value) for name, value in wanted.items()}
        return await self._connection.get("/market/artworks", query, ArtworkViewResponse)

    async def send_signal(
        self, request: SignalRequest, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> SignalResponse:
        """Send a signal; it is carried out once, however often it has to be sent.

        A dry run tells what would become of it, and changes nothing. ``idempotency_key`` as in :meth:`send_order`.

        Raises:
            InvalidRequestError: if this is no signal.
            UnavailableError: if it is not known what became of it.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        key = _key(idempotency_key)
        path, key_of_change = ("/signals?dry_run=true", None) if dry_run else ("/signals", key)
        return await self._connection.change_users("POST", path, SignalResponse, request, key_of_change)

    async def create_order(self, request: SignalRequest, *, idempotency_key: str | None = None) -> CreateOrderResponse:
        """Send a signal by the route of the older producers, which answers in one word whatever the status is.

        Raises:
            RefusedError: if there is no such route.
            UnavailableError: if it is not known what became of it.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        body, key = CreateOrderBody(**request.model_dump()), _key(idempotency_key)
        return await self._connection.post_for_reply("/create_order", CreateOrderResponse, body, key)

    async def replace_profiles(self, profiles: Profiles) -> ProfileCounts:
        """Replace all profiles by these; open positions stay.

        Raises:
            InvalidRequestError: if they break a rule, or are too many.
            ConflictError: if another replacement was faster. After a lost answer that may have been this one.
            UnavailableError: if it is not known whether they were replaced.
        """
        return await self._connection.change_users("PUT", "/strategies/profiles", ProfileCounts, profiles)

    async def view_profiles(self) -> Profiles:
        """View all profiles.

        Raises:
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get("/strategies/profiles", {}, Profiles)


def _key(given: str | None) -> str:
    return str(uuid4()) if given is None else check_key(given)


def check_key(key: str) -> str:
    """Return the key.

    Raises:
        ValueError: if it is not made of 1 to 255 printable ASCII characters.
    """
    if not key.strip() or len(key) > _MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ValueError(f"An idempotency key has 1 to {_MAX_KEY_LENGTH} printable ASCII characters.")
    return key


def _cancel_path(order_id: str) -> str:
    # No such text can be a segment of a URL's path, so it is no order's id.
    if order_id in ("", ".", "..") or len(order_id) > _MAX_ID_LENGTH:
        detail = f"There is no order {order_id[:64]!r}."
        raise NotFoundError(Problem(status=404, title="Not Found", detail=detail, code="unknown_order"))
    return f"/market/orders/{quote(order_id, safe='')}/cancel"
