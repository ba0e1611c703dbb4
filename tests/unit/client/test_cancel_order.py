"""Canceling: once, again, too late, and what is not there."""

import pytest
from rialto_client import CancelOrderRequest, Client, ConflictError, Direction, NotFoundError, OrderRequest

from tests.unit.client.market_server import Fault, MarketServer, answers, hangs, problem, resets

pytestmark = pytest.mark.anyio

ORDER = OrderRequest(user_id=1, artwork_id=7, price=12.5, direction=Direction.SELL)


async def _send(client: Client) -> CancelOrderRequest:
    return CancelOrderRequest(order_id=(await client.send_order(ORDER)).order_id)


async def test_an_open_order_is_canceled_and_stays_so(client: Client) -> None:
    request = await _send(client)

    assert [(await client.cancel_order(request)).is_canceled for _ in range(2)] == [True, True]


@pytest.mark.parametrize("fault", [resets, hangs, answers(500), answers(503), answers(429)])
async def test_a_cancel_whose_answer_is_lost_is_asked_for_again(
    client: Client, market: MarketServer, fault: Fault
) -> None:
    request = await _send(client)
    market.faults.append(fault)

    assert (await client.cancel_order(request)).is_canceled
    assert len(market.seen) == 3


async def test_a_filled_order_is_not_canceled_and_that_is_no_error(client: Client, market: MarketServer) -> None:
    request = await _send(client)
    market.filled.add(request.order_id)

    assert (await client.cancel_order(request)).is_canceled is False


async def test_another_conflict_is_an_error(client: Client, market: MarketServer) -> None:
    market.faults.append(answers(*problem(409, "conflict", "Not now.")))

    with pytest.raises(ConflictError, match="Not now"):
        await client.cancel_order(CancelOrderRequest(order_id="order-0"))


@pytest.mark.parametrize("order_id", ["order-9", "a/b", "a?b#c", "ü %2F", "../orders", "\n", "7-\0"])
async def test_an_unknown_order_is_not_found(client: Client, market: MarketServer, order_id: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.cancel_order(CancelOrderRequest(order_id=order_id))

    assert caught.value.code == "unknown_order"
    assert len(market.seen) == 1


@pytest.mark.parametrize("order_id", ["", ".", "..", "x" * 70_000])
async def test_what_can_be_no_id_is_not_even_asked_for(client: Client, market: MarketServer, order_id: str) -> None:
    with pytest.raises(NotFoundError):
        await client.cancel_order(CancelOrderRequest(order_id=order_id))

    assert market.seen == []
