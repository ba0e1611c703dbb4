"""Orders are watched: what changes is told once, over broken connections, and what was missed is told, too."""

from collections.abc import AsyncIterator

import pytest
from rialto_client import (
    Client,
    InvalidRequestError,
    NotFoundError,
    OrderChange,
    OrderEvent,
    OrderStatus,
    UnavailableError,
    UnexpectedAnswerError,
    WatchGap,
)

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.conftest import QUICK, SHORT
from tests.unit.client.market_server import Fault, answers, hangs, resets, stops_half_way

pytestmark = pytest.mark.anyio
STREAM = {"Content-Type": "text/event-stream"}


@pytest.fixture
async def client(broker: BrokerServer) -> AsyncIterator[Client]:
    """A client of it."""
    async with Client(broker.url, timeout=SHORT, retries=QUICK) as connected:
        yield connected


async def take(watch: AsyncIterator[OrderEvent], count: int) -> list[OrderEvent]:
    return [await anext(watch) for _ in range(count)]


async def test_orders_come_as_they_stand_and_again_when_they_change(client: Client, broker: BrokerServer) -> None:
    one, other = broker.make(), broker.make()
    broker.news = [[broker.change(one, "accepted"), broker.change(other, "accepted")], []]
    watch = client.watch_orders([one["id"], other["id"]])

    first = await take(watch, 2)
    broker.news[1:] = [[broker.change(other, "placed", "filled", status="FILLED", cum_qty=10, avg_px=101.5)]]
    (then,) = await take(watch, 1)

    assert [event.order.id for event in first if isinstance(event, OrderChange)] == [one["id"], other["id"]]
    assert isinstance(then, OrderChange)
    assert (then.order.status, then.order.cum_qty, then.missed) == (OrderStatus.FILLED, 10, 0)
    assert [entry.cause for entry in then.entries] == ["placed", "filled"]
    assert broker.seen[0].query == {"ids": f"{one['id']},{other['id']}"}
    assert [request.headers.get("last-event-id") for request in broker.seen[:2]] == [None, "1"]
    assert broker.seen[0].headers["accept"] == "text/event-stream"


async def test_without_ids_the_newest_are_watched(client: Client, broker: BrokerServer) -> None:
    broker.news = [[broker.change(broker.make(), "accepted")]]

    await take(client.watch_orders(), 1)

    assert broker.seen[0].query == {}


async def test_a_gap_is_told_before_its_order(client: Client, broker: BrokerServer) -> None:
    order = broker.make()
    gap = {"id": order["id"], "missed": 13, "detail": "13 steps are not kept any more."}
    lost = {"id": None, "missed": None, "detail": "More than 100 orders came."}
    broker.news = [[("gap", lost), ("gap", gap), broker.change(order, "filled", missed=13)]]

    first, second, change = await take(client.watch_orders(), 3)

    assert (first, second) == (WatchGap.model_validate(lost), WatchGap.model_validate(gap))
    assert isinstance(change, OrderChange)
    assert (change.missed, change.cursor) == (13, "1")


@pytest.mark.parametrize("fault", [resets, hangs, stops_half_way, answers(503), answers(200, b"<html>", STREAM)])
async def test_an_answer_that_is_lost_is_asked_for_again_from_the_same_place(
    client: Client, broker: BrokerServer, fault: Fault
) -> None:
    order = broker.make()
    broker.news = [[broker.change(order, "accepted")], [broker.change(order, "placed", status="NEW")]]
    watch = client.watch_orders([order["id"]])
    await take(watch, 1)
    broker.faults.extend([fault, fault])

    (change,) = await take(watch, 1)

    assert isinstance(change, OrderChange)
    assert change.order.status is OrderStatus.NEW
    assert {request.headers.get("last-event-id") for request in broker.seen[1:]} == {"1"}


async def test_after_an_error_another_watch_goes_on_where_it_was(client: Client, broker: BrokerServer) -> None:
    order = broker.make()
    broker.news = [[broker.change(order, "accepted")], [broker.change(order, "placed", status="NEW")]]
    watch = client.watch_orders([order["id"]])
    (first,) = await take(watch, 1)
    broker.faults.extend([resets] * 4)
    with pytest.raises(UnavailableError):
        await anext(watch)

    assert isinstance(first, OrderChange)
    (change,) = await take(client.watch_orders([order["id"]], cursor=first.cursor), 1)

    assert isinstance(change, OrderChange)
    assert [entry.cause for entry in change.entries] == ["placed"]


async def test_what_is_refused_is_told(client: Client, broker: BrokerServer) -> None:
    with pytest.raises(NotFoundError):
        await anext(client.watch_orders(["unknown"]))
    with pytest.raises(InvalidRequestError):
        await anext(client.watch_orders(cursor="x"))


@pytest.mark.parametrize(
    "text",
    [
        b'event: order\ndata: {"order": 1}\n\n',
        b'event: gap\ndata: {"missed": 1}\n\n',
    ],
)
async def test_an_event_that_is_not_as_promised_is_no_event(client: Client, broker: BrokerServer, text: bytes) -> None:
    broker.faults.append(answers(200, b"retry: 50\n\n" + text))

    with pytest.raises(UnexpectedAnswerError):
        await anext(client.watch_orders())


async def test_events_that_are_not_known_yet_and_comments_are_passed_over(client: Client, broker: BrokerServer) -> None:
    order = broker.make()
    broker.news = [[("weather", {"sun": True}), broker.change(order, "accepted")]]
    broker.faults.append(answers(200, b"retry: 50\r\n\r\n:\n\nretry: soon\n\n"))

    (change,) = await take(client.watch_orders(), 1)

    assert isinstance(change, OrderChange)
