"""The client's functions without a client: each call opens a connection to ``RIALTO_URL`` and closes it again."""

from rialto_client.client import Client
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


async def send_order(request: OrderRequest, *, idempotency_key: str | None = None) -> OrderResponse:
    """Send an order, see :meth:`Client.send_order`."""
    async with Client() as client:
        return await client.send_order(request, idempotency_key=idempotency_key)


async def cancel_order(request: CancelOrderRequest) -> CancelOrderResponse:
    """Cancel an order, see :meth:`Client.cancel_order`."""
    async with Client() as client:
        return await client.cancel_order(request)


async def view_orders(request: OrderViewRequest) -> OrderViewResponse:
    """View open orders, see :meth:`Client.view_orders`."""
    async with Client() as client:
        return await client.view_orders(request)


async def view_transactions(request: TransactionViewRequest) -> TransactionViewResponse:
    """View a user's transactions, see :meth:`Client.view_transactions`."""
    async with Client() as client:
        return await client.view_transactions(request)


async def view_artworks(request: ArtworkViewRequest | None = None) -> ArtworkViewResponse:
    """View a page of what is for sale, see :meth:`Client.view_artworks`."""
    async with Client() as client:
        return await client.view_artworks(request)
