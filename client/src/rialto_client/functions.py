"""The client's functions without a client: each call opens a connection to ``RIALTO_URL`` and closes it again."""

from collections.abc import AsyncIterator, Collection

from rialto_client.broker import (
    BrokerOrder,
    BrokerOrderId,
    BrokerOrderRequest,
    BrokerOrderViewRequest,
    BrokerOrderViewResponse,
    OrderEvent,
    Timeline,
)
from rialto_client.client import Client
from rialto_client.exchange import (
    ExchangeControl,
)
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
from rialto_client.operations import (
    DeadLetterViewResponse,
    HealthResponse,
    InvariantViewResponse,
    QueueViewResponse,
    RedriveResponse,
)
from rialto_client.strategies import (
    CreateOrderResponse,
    OrderLogViewRequest,
    OrderLogViewResponse,
    PositionViewRequest,
    PositionViewResponse,
    ProfileCounts,
    Profiles,
    Signal,
    SignalId,
    SignalRequest,
    SignalResponse,
    SignalViewRequest,
    SignalViewResponse,
)


async def send_order(request: OrderRequest, *, idempotency_key: str | None = None) -> OrderResponse:
    """Send an order, see :meth:`Client.send_order`."""
    async with Client() as client:
        return await client.send_order(request, idempotency_key=idempotency_key)


async def cancel_order(request: CancelOrderRequest) -> CancelOrderResponse:
    """Cancel an order, see :meth:`Client.cancel_order`."""
    async with Client() as client:
        return await client.cancel_order(request)


async def view_order(order_id: OrderId) -> OrderState:
    """View an order, see :meth:`Client.view_order`."""
    async with Client() as client:
        return await client.view_order(order_id)


async def view_orders(request: OrderViewRequest) -> OrderViewResponse:
    """View open orders, see :meth:`Client.view_orders`."""
    async with Client() as client:
        return await client.view_orders(request)


async def view_order_page(request: OrderPageRequest | None = None) -> OrderPageResponse:
    """View a page of the open orders, see :meth:`Client.view_order_page`."""
    async with Client() as client:
        return await client.view_order_page(request)


async def view_transactions(request: TransactionViewRequest) -> TransactionViewResponse:
    """View a user's transactions, see :meth:`Client.view_transactions`."""
    async with Client() as client:
        return await client.view_transactions(request)


async def view_transaction_page(request: TransactionPageRequest) -> TransactionPageResponse:
    """View a page of a user's transactions, see :meth:`Client.view_transaction_page`."""
    async with Client() as client:
        return await client.view_transaction_page(request)


async def view_artworks(request: ArtworkViewRequest | None = None) -> ArtworkViewResponse:
    """View a page of what is for sale, see :meth:`Client.view_artworks`."""
    async with Client() as client:
        return await client.view_artworks(request)


async def view_book(artwork_id: ArtworkId) -> Book:
    """View what there is for an artwork, see :meth:`Client.view_book`."""
    async with Client() as client:
        return await client.view_book(artwork_id)


async def place_broker_order(request: BrokerOrderRequest, *, idempotency_key: str | None = None) -> BrokerOrder:
    """Place an order with the broker, see :meth:`Client.place_broker_order`."""
    async with Client() as client:
        return await client.place_broker_order(request, idempotency_key=idempotency_key)


async def view_broker_order(order_id: BrokerOrderId) -> BrokerOrder:
    """View an order of the broker, see :meth:`Client.view_broker_order`."""
    async with Client() as client:
        return await client.view_broker_order(order_id)


async def view_broker_orders(request: BrokerOrderViewRequest | None = None) -> BrokerOrderViewResponse:
    """View a page of the broker's orders, see :meth:`Client.view_broker_orders`."""
    async with Client() as client:
        return await client.view_broker_orders(request)


async def view_timeline(order_id: BrokerOrderId) -> Timeline:
    """View what became of an order of the broker, see :meth:`Client.view_timeline`."""
    async with Client() as client:
        return await client.view_timeline(order_id)


async def follow_broker_order(order_id: BrokerOrderId, *, within: float = 60.0) -> AsyncIterator[Timeline]:
    """Yield an order's timeline whenever there is more of it, see :meth:`Client.follow_broker_order`."""
    async with Client() as client:
        async for timeline in client.follow_broker_order(order_id, within=within):
            yield timeline


async def watch_orders(
    order_ids: Collection[BrokerOrderId] = (), *, cursor: str | None = None
) -> AsyncIterator[OrderEvent]:
    """Yield orders whenever they change, see :meth:`Client.watch_orders`."""
    async with Client() as client:
        async for event in client.watch_orders(order_ids, cursor=cursor):
            yield event


async def cancel_broker_order(order_id: BrokerOrderId) -> BrokerOrder:
    """Cancel an order of the broker, see :meth:`Client.cancel_broker_order`."""
    async with Client() as client:
        return await client.cancel_broker_order(order_id)


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


async def view_signal(signal_id: SignalId) -> Signal:
    """View a signal, see :meth:`Client.view_signal`."""
    async with Client() as client:
        return await client.view_signal(signal_id)


async def view_signals(request: SignalViewRequest | None = None) -> SignalViewResponse:
    """View a page of the signals, see :meth:`Client.view_signals`."""
    async with Client() as client:
        return await client.view_signals(request)


async def replace_profiles(profiles: Profiles) -> ProfileCounts:
    """Replace all profiles, see :meth:`Client.replace_profiles`."""
    async with Client() as client:
        return await client.replace_profiles(profiles)


async def view_profiles() -> Profiles:
    """View all profiles, see :meth:`Client.view_profiles`."""
    async with Client() as client:
        return await client.view_profiles()


async def view_positions(request: PositionViewRequest | None = None) -> PositionViewResponse:
    """View a page of the open positions, see :meth:`Client.view_positions`."""
    async with Client() as client:
        return await client.view_positions(request)


async def view_order_log(request: OrderLogViewRequest | None = None) -> OrderLogViewResponse:
    """View a page of the closed positions, see :meth:`Client.view_order_log`."""
    async with Client() as client:
        return await client.view_order_log(request)


async def view_queues() -> QueueViewResponse:
    """View how full the queues are, see :meth:`Client.view_queues`."""
    async with Client() as client:
        return await client.view_queues()


async def view_dead_letters(queue: str) -> DeadLetterViewResponse:
    """View a sample of a queue's dead letters, see :meth:`Client.view_dead_letters`."""
    async with Client() as client:
        return await client.view_dead_letters(queue)


async def redrive_dead_letters(queue: str) -> RedriveResponse:
    """Move dead letters back to their queue, see :meth:`Client.redrive_dead_letters`."""
    async with Client() as client:
        return await client.redrive_dead_letters(queue)


async def view_invariants() -> InvariantViewResponse:
    """View what the last check of the live data found, see :meth:`Client.view_invariants`."""
    async with Client() as client:
        return await client.view_invariants()


async def run_invariants() -> InvariantViewResponse:
    """Begin a check of the live data, see :meth:`Client.run_invariants`."""
    async with Client() as client:
        return await client.run_invariants()


async def check_health() -> HealthResponse:
    """Tell whether every table can be read, see :meth:`Client.check_health`."""
    async with Client() as client:
        return await client.check_health()


async def view_exchange() -> ExchangeControl:
    """View how the local exchange behaves, see :meth:`Client.view_exchange`."""
    async with Client() as client:
        return await client.view_exchange()


async def control_exchange(control: ExchangeControl) -> ExchangeControl:
    """Let the local exchange behave so, see :meth:`Client.control_exchange`."""
    async with Client() as client:
        return await client.control_exchange(control)
