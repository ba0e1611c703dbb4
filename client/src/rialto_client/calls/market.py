"""The art market's methods."""

from rialto_client.calls.base import Calls, key_or_new, path_of
from rialto_client.errors import ConflictError
from rialto_client.models import (
    ArtworkId,
    ArtworkViewRequest,
    ArtworkViewResponse,
    Book,
    CancelOrderRequest,
    CancelOrderResponse,
    OrderId,
    OrderPageRequest,
    OrderPageResponse,
    OrderRequest,
    OrderResponse,
    OrderState,
    OrderViewRequest,
    OrderViewResponse,
    TransactionPageRequest,
    TransactionPageResponse,
    TransactionViewRequest,
    TransactionViewResponse,
)
from rialto_client.pages import PAGE_SIZE, OrderPage, TransactionPage, follow_pages


class MarketCalls(Calls):
    """Orders, transactions and what is for sale."""

    async def send_order(self, request: OrderRequest, *, idempotency_key: str | None = None) -> OrderResponse:
        """Send an order; exactly one comes of it, however often it has to be sent.

        ``idempotency_key`` is for sending once more what ended in UnavailableError; without it every call is an
        order of its own.

        Raises:
            InvalidRequestError: if the market does not take such an order.
            UnavailableError: if it is not known whether the order was taken.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        return await self._connection.post("/market/orders", OrderResponse, request, key_or_new(idempotency_key))

    async def cancel_order(self, request: CancelOrderRequest) -> CancelOrderResponse:
        """Cancel an order. One that was filled stays so: ``is_canceled`` is False then.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if it is not known whether the order is canceled.
        """
        path = path_of("/market/orders", request.order_id, "/cancel")
        try:
            return await self._connection.post(path, CancelOrderResponse)
        except ConflictError as error:
            if error.problem.is_canceled is not False:
                raise
            return CancelOrderResponse(is_canceled=False)

    async def view_order(self, order_id: OrderId) -> OrderState:
        """View an order; with its transaction when it is filled.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if the market cannot be asked.
        """
        return await self._connection.get(path_of("/market/orders", order_id), {}, OrderState)

    async def view_orders(self, request: OrderViewRequest) -> OrderViewResponse:
        """View all open orders, of one user or of everybody.

        Raises:
            InvalidRequestError: if the id is out of range.
            UnavailableError: if the market cannot be asked.
        """

        async def view(page: OrderPageRequest) -> OrderPage:
            return await self._view_page("/market/orders", page, OrderPage)

        pages = follow_pages(view, OrderPageRequest(user_id=request.user_id, limit=PAGE_SIZE))
        return OrderViewResponse(orders=[order async for page in pages for order in page.orders])

    async def view_order_page(self, request: OrderPageRequest | None = None) -> OrderPageResponse:
        """View a page of the open orders; see :meth:`view_artworks` for the next one."""
        return await self._view_page("/market/orders", request or OrderPageRequest(), OrderPageResponse)

    async def view_transactions(self, request: TransactionViewRequest) -> TransactionViewResponse:
        """View all transactions of a user, newest first.

        Raises:
            InvalidRequestError: if the id is out of range.
            UnavailableError: if the market cannot be asked.
        """

        async def view(page: TransactionPageRequest) -> TransactionPage:
            return await self._view_page("/market/transactions", page, TransactionPage)

        pages = follow_pages(view, TransactionPageRequest(user_id=request.user_id, limit=PAGE_SIZE))
        return TransactionViewResponse(transactions=[one async for page in pages for one in page.transactions])

    async def view_transaction_page(self, request: TransactionPageRequest) -> TransactionPageResponse:
        """View a page of a user's transactions; see :meth:`view_artworks` for the next one."""
        return await self._view_page("/market/transactions", request, TransactionPageResponse)

    async def view_artworks(self, request: ArtworkViewRequest | None = None) -> ArtworkViewResponse:
        """View a page of what is for sale: the newest unless told otherwise.

        The next page begins at this one's ``next_cursor``; after the last one that is None.

        Raises:
            InvalidRequestError: if the limit is out of range, or the cursor is not one of this list.
            UnavailableError: if the market cannot be asked.
        """
        return await self._view_page("/market/artworks", request or ArtworkViewRequest(), ArtworkViewResponse)

    async def view_book(self, artwork_id: ArtworkId) -> Book:
        """View what there is for an artwork.

        Raises:
            NotFoundError: if no artwork can have this id.
            UnavailableError: if the market cannot be asked.
        """
        return await self._connection.get(f"/market/artworks/{artwork_id}", {}, Book)
