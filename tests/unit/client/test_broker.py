"""The functions of the broker: orders are placed once, followed to the exchange's answer, listed and canceled."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from rialto_client import (
    BrokerOrderRequest,
    BrokerOrderViewRequest,
    Client,
    ConflictError,
    Direction,
    InvalidRequestError,
    NotFoundError,
    OrderStatus,
    follow_pages,
)

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.conftest import QUICK, SHORT
from tests.unit.client.market_server import Fault, answers, hangs, resets

pytestmark = pytest.mark.anyio

BUY = BrokerOrderRequest(side=Direction.BUY, instrument="US0378331005", quantity=10)
LIMIT = BrokerOrderRequest(side=Direction.SELL, instrument="DE0007164600", quantity=5, limit_price=Decimal("120.5"))


@pytest.fixture
async def client(broker: BrokerServer) -> AsyncIterator[Client]:
    """A client of it."""
    async with Client(broker.url, timeout=SHORT, retries=QUICK) as connected:
        yield connected


async def test_an_order_goes_out_as_the_broker_reads_it(client: Client, broker: BrokerServer) -> None:
    order = await client.place_broker_order(BUY)
    limited = await client.place_broker_order(LIMIT)

    assert [request.body for request in broker.seen] == [
        {"side": "buy", "instrument": "US0378331005", "quantity": 10, "limit_price": None, "type": "market"},
        {"side": "sell", "instrument": "DE0007164600", "quantity": 5, "limit_price": "120.5", "type": "limit"},
    ]
    assert (order.status, order.type, order.limit_price) == (OrderStatus.PENDING_NEW, "market", None)
    assert limited.limit_price == Decimal("120.5")


@pytest.mark.parametrize("price", ["0.01", "100.0000000000000000001", "999999999999.99", "1000000000000"])
async def test_a_limit_price_goes_out_to_the_last_digit(client: Client, broker: BrokerServer, price: str) -> None:
    await client.place_broker_order(LIMIT.model_copy(update={"limit_price": Decimal(price)}))

    assert broker.seen[0].body["limit_price"] == price


@pytest.mark.parametrize("price", [0.01, 101.25, 999_999_999_999.99, 1_000_000_000_000])
async def test_a_limit_price_comes_back_with_the_digits_that_were_sent(
    client: Client, broker: BrokerServer, price: float
) -> None:
    order_id = broker.make(limit_price=price)["id"]

    order = await client.view_broker_order(order_id)

    assert order.limit_price == Decimal(str(price))
    assert f'"limit_price":{float(price)!r}' in order.model_dump_json()


async def test_a_lost_answer_makes_no_second_order(client: Client, broker: BrokerServer) -> None:
    fault = {"message": "Internal server error while placing the order"}
    broker.faults.extend([resets, answers(500, fault)])

    order = await client.place_broker_order(BUY)

    assert [one["id"] for one in broker.placed.values()] == [order.id]
    assert len(set(broker.keys)) == 1
    assert (await client.place_broker_order(BUY, idempotency_key=broker.keys[0])).id == order.id


async def test_a_wrong_order_names_its_fields(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await client.place_broker_order(BUY.model_copy(update={"instrument": "X"}))

    assert caught.value.errors[0].loc == ("body", "instrument")


async def test_an_order_is_followed_to_the_answer_of_the_exchange(client: Client, broker: BrokerServer) -> None:
    broker.plan = [("unavailable", "PENDING_NEW"), ("unavailable", "PENDING_NEW"), ("placed", "NEW")]
    order = await client.place_broker_order(BUY)

    followed = [timeline async for timeline in client.follow_broker_order(order.id)]

    assert [timeline.count for timeline in followed] == [1, 2, 3, 4]
    assert [entry.cause for entry in followed[-1].entries] == ["accepted", "unavailable", "unavailable", "placed"]
    assert followed[-1].status is OrderStatus.NEW


async def test_following_has_an_end(client: Client, broker: BrokerServer) -> None:
    broker.plan = []
    order = await client.place_broker_order(BUY)

    followed = [timeline async for timeline in client.follow_broker_order(order.id, within=0.25)]

    assert [timeline.status for timeline in followed] == [OrderStatus.PENDING_NEW]


async def test_orders_come_page_by_page_and_by_status(client: Client, broker: BrokerServer) -> None:
    for number in range(5):
        broker.make(status="NEW" if number % 2 else "FILLED")

    pages = [page async for page in follow_pages(client.view_broker_orders, BrokerOrderViewRequest(limit=2))]
    filled = await client.view_broker_orders(BrokerOrderViewRequest(status=OrderStatus.FILLED))

    assert [order.id[-1] for page in pages for order in page.orders] == ["4", "3", "2", "1", "0"]
    assert [order.id[-1] for order in filled.orders] == ["4", "2", "0"]
    assert broker.seen[-1].query == {"limit": "50", "status": "FILLED"}


@pytest.mark.parametrize("fault", [resets, hangs, answers(500)])
async def test_a_cancel_whose_answer_is_lost_is_asked_for_again(
    client: Client, broker: BrokerServer, fault: Fault
) -> None:
    order_id = broker.make()["id"]
    broker.faults.append(fault)

    assert (await client.cancel_broker_order(order_id)).status is OrderStatus.CANCELED
    assert (await client.cancel_broker_order(order_id)).status is OrderStatus.CANCELED


async def test_what_is_final_otherwise_is_not_canceled(client: Client, broker: BrokerServer) -> None:
    order_id = broker.make(status="FILLED")["id"]

    with pytest.raises(ConflictError) as caught:
        await client.cancel_broker_order(order_id)
    assert (caught.value.code, caught.value.problem.order_status) == ("order_final", "FILLED")


@pytest.mark.parametrize("order_id", ["unknown", "a/b?c#d", "", "..", "x" * 2_000])
async def test_an_unknown_order_is_not_found(client: Client, order_id: str) -> None:
    for ask in (client.view_broker_order, client.view_timeline, client.cancel_broker_order):
        with pytest.raises(NotFoundError):
            await ask(order_id)
