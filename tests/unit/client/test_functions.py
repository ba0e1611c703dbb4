"""The plain functions: one for each method of the client, which asks the Rialto of the environment."""

import inspect
from collections.abc import Awaitable

import pytest
import rialto_client
from rialto_client import (
    BrokerOrderRequest,
    CancelOrderRequest,
    Client,
    Direction,
    ExchangeControl,
    OrderRequest,
    OrderViewRequest,
    Position,
    Profiles,
    SignalRequest,
    TransactionPageRequest,
    TransactionViewRequest,
)

from tests.unit.client.platform_server import PlatformServer

METHODS = [name for name in dir(Client) if not name.startswith("_") and name != "aclose"]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_plain_function(name: str) -> None:
    method, function = inspect.signature(getattr(Client, name)), inspect.signature(getattr(rialto_client, name))

    assert [*method.parameters.values()][1:] == [*function.parameters.values()]
    assert method.return_annotation == function.return_annotation


@pytest.mark.anyio
async def test_a_plain_function_needs_the_url_only(platform: PlatformServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIALTO_URL", platform.url)
    placed = await rialto_client.place_broker_order(
        BrokerOrderRequest(side=Direction.BUY, instrument="US0378331005", quantity=1)
    )
    offer = await rialto_client.send_order(OrderRequest(user_id=1, artwork_id=2, price=3, direction=Direction.SELL))
    signal = await rialto_client.send_signal(SignalRequest(strategy="S", instrument="I", position=Position.BUY))
    assert [one.status async for one in rialto_client.follow_broker_order(placed.id)][-1] == "NEW"
    platform.news = [[platform.change({**platform.make()}, "accepted")]]
    assert (await anext(rialto_client.watch_orders())).missed == 0
    calls: list[Awaitable[object]] = [
        rialto_client.view_order(offer.order_id),
        rialto_client.view_orders(OrderViewRequest()),
        rialto_client.view_order_page(),
        rialto_client.view_transactions(TransactionViewRequest(user_id=1)),
        rialto_client.view_transaction_page(TransactionPageRequest(user_id=1)),
        rialto_client.view_artworks(),
        rialto_client.view_book(2),
        rialto_client.cancel_order(CancelOrderRequest(order_id=offer.order_id)),
        rialto_client.view_broker_order(placed.id),
        rialto_client.view_broker_orders(),
        rialto_client.view_timeline(placed.id),
        rialto_client.cancel_broker_order(placed.id),
        rialto_client.create_order(SignalRequest(strategy="S", instrument="I", position=Position.SELL)),
        rialto_client.view_signal(signal.signal_id or ""),
        rialto_client.view_signals(),
        rialto_client.replace_profiles(Profiles({})),
        rialto_client.view_profiles(),
        rialto_client.view_positions(),
        rialto_client.view_order_log(),
        rialto_client.view_queues(),
        rialto_client.view_dead_letters("placements"),
        rialto_client.redrive_dead_letters("placements"),
        rialto_client.view_invariants(),
        rialto_client.run_invariants(),
        rialto_client.check_health(),
        rialto_client.view_exchange(),
        rialto_client.control_exchange(ExchangeControl()),
    ]

    for call in calls:
        await call

    # The five above among them; each of the others has answered, too.
    assert len(calls) + 5 == len(METHODS)
