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
from rialto_client.strategies import CreateOrderResponse, ProfileCounts, Profiles, SignalRequest, SignalResponse


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


async def send_signal(
    request: SignalRequest, *, dry_run: bool = False, idempotency_key: str | None = None
) -> SignalResponse:
    """Send a signal, see :meth:`Client.send_signal`."""
    async with Client() as client:
        return await client.send_signal(request, dry_run=dry_run, idempotency_key=idempotency_key)


async def create_order(request: SignalRequest, *, idempotency_key: str | None = None) -> CreateOrderResponse:
    """Send a signal by the route of the older producers, see :meth:`Client.create_order`."""
    async with Client() as client:
        return await client.create_order(request, idempotency_key=idempotency_key)


async def replace_profiles(profiles: Profiles) -> ProfileCounts:
    """Replace all profiles, see :meth:`Client.replace_profiles`."""
    async with Client() as client:
        return await client.replace_profiles(profiles)


async def view_profiles() -> Profiles:
    """View all profiles, see :meth:`Client.view_profiles`."""
    async with Client() as client:
        return await client.view_profiles()
