"""Where the client connects to, through what, and what it tells the log."""

import logging
import socket

import httpx
import pytest
import rialto_client
from rialto_client import (
    CancelOrderRequest,
    Client,
    OrderRequest,
    OrderViewRequest,
    Retries,
    TransactionViewRequest,
    UnavailableError,
)
from rialto_client.settings import DEFAULT_URL, read_base_url

from tests.unit.client.market_server import MarketServer, answers

pytestmark = pytest.mark.anyio

ORDER = OrderRequest(user_id=918_273, artwork_id=7, price=4455.66, direction="buy")


async def test_the_plain_functions_talk_to_the_url_of_the_environment(
    market: MarketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIALTO_URL", market.url)

    sent = await rialto_client.send_order(ORDER)
    again = await rialto_client.send_order(ORDER, idempotency_key=market.keys[0])
    viewed = await rialto_client.view_orders(OrderViewRequest())
    await rialto_client.view_transactions(TransactionViewRequest(user_id=1))
    await rialto_client.view_artworks()
    canceled = await rialto_client.cancel_order(CancelOrderRequest(order_id=sent.order_id))

    assert sent == again
    assert [order.order_id for order in viewed.orders] == [sent.order_id]
    assert canceled.is_canceled


@pytest.mark.parametrize("value", [None, "", " "])
def test_without_a_url_it_is_the_local_one(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("RIALTO_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("RIALTO_URL", value)

    assert read_base_url(None) == DEFAULT_URL == "http://127.0.0.1:8080"


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "localhost", "ftp://host", "http://", "http://host:port", "/path"])
def test_a_url_that_leads_nowhere_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Client(url)


async def test_the_url_may_have_a_stage_and_the_transport_may_be_any() -> None:
    paths = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, json={"orders": [], "next_cursor": None})

    async with Client("https://api.example/stage/", transport=httpx.MockTransport(answer)) as client:
        await client.view_orders(OrderViewRequest())

    assert paths == ["/stage/market/orders"]


async def test_a_client_keeps_its_connection(market: MarketServer, client: Client) -> None:
    for _ in range(5):
        await client.view_orders(OrderViewRequest())

    assert len(market.seen) == 5
    assert market.connections == 1


async def test_a_proxy_is_not_asked_for_our_own_loopback(market: MarketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async with Client(market.url) as client:
        await client.view_orders(OrderViewRequest())

    assert len(market.seen) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with Client(url, retries=Retries(attempts=3, first_pause=0)) as client:
            with pytest.raises(UnavailableError) as caught:
                await client.view_orders(OrderViewRequest())

    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    assert (caught.value.attempts, caught.value.idempotency_key) == (3, None)


async def test_no_body_is_ever_logged_or_in_an_error(
    client: Client, market: MarketServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    market.faults.extend([answers(503, {"secret": "hush"}), *[answers(201, {"order_id": ["hush"]})] * 3])

    with pytest.raises(UnavailableError) as caught:
        await client.send_order(ORDER)

    told = [record.getMessage() for record in caplog.records if record.name.startswith("rialto_client")]
    assert len(told) == 3
    assert told[0].startswith("POST /market/orders: ServerFaultError, again in 0.00 s")
    cause = caught.value.__cause__
    assert cause is not None
    for content in ("hush", "4455.66", "918273"):
        assert content not in caplog.text
        assert content not in f"{caught.value} {cause!r} {cause.__context__!r}"
