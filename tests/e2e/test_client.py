"""The Python client against the deployed stack: what it promises holds with the real market behind it."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
import rialto_client
from rialto_client import (
    ArtworkViewRequest,
    CancelOrderRequest,
    Client,
    Direction,
    InvalidRequestError,
    Listing,
    NotFoundError,
    OrderRequest,
    OrderViewRequest,
    Sort,
    Transaction,
    TransactionViewRequest,
)

from tests.e2e.stack import Stack

pytestmark = pytest.mark.anyio

PACKAGE = Path(__file__).parents[2] / "client"
EXAMPLES = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
_artworks = itertools.count(7_000_000)

T = TypeVar("T")


@pytest.fixture
def anyio_backend() -> str:
    """The client is made for asyncio."""
    return "asyncio"


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    """A client of the deployed market."""
    async with Client(stack.deployment.url) as connected:
        yield connected


@pytest.fixture
def artwork_id() -> int:
    """An artwork that nobody offered yet. Its users are numbered from a thousand times it."""
    return next(_artworks)


class LostAnswers(httpx.AsyncBaseTransport):
    """A network that loses the first answers to POSTs, after the market did what they ask for."""

    def __init__(self, times: int) -> None:
        self.network = httpx.AsyncHTTPTransport(trust_env=False)
        self.to_lose = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; lose what comes back."""
        response = await self.network.handle_async_request(request)
        if request.method == "POST" and self.to_lose:
            self.to_lose -= 1
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("The answer was lost.", request=request)
        return response

    async def aclose(self) -> None:
        """Close the network."""
        await self.network.aclose()


async def _eventually(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    async with asyncio.timeout(60):
        while not wanted(seen := await look()):
            await asyncio.sleep(0.2)
        return seen


async def _send(client: Client, user_id: int, artwork_id: int, price: float, direction: Direction) -> str:
    request = OrderRequest(user_id=user_id, artwork_id=artwork_id, price=price, direction=direction)
    return (await client.send_order(request)).order_id


async def _transactions(client: Client, user_id: int) -> list[Transaction]:
    return (await client.view_transactions(TransactionViewRequest(user_id=user_id))).transactions


async def _open_orders(client: Client, user_id: int | None = None) -> list[str]:
    return [order.order_id for order in (await client.view_orders(OrderViewRequest(user_id=user_id))).orders]


async def test_two_orders_meet_and_both_users_see_it(client: Client, artwork_id: int) -> None:
    seller, buyer = artwork_id * 1_000, artwork_id * 1_000 + 1
    sell = await _send(client, seller, artwork_id, 1.25, Direction.SELL)
    buy = await _send(client, buyer, artwork_id, 2, Direction.BUY)

    bought = await _eventually(lambda: _transactions(client, buyer), bool)

    (transaction,) = bought
    assert (transaction.sell_order_id, transaction.buy_order_id) == (sell, buy)
    assert (transaction.artwork_id, transaction.price) == (artwork_id, 1.25)
    assert await _eventually(lambda: _transactions(client, seller), bool) == bought


async def test_an_order_is_canceled_once_and_for_all_unless_it_was_filled(client: Client, artwork_id: int) -> None:
    seller, buyer = artwork_id * 1_000, artwork_id * 1_000 + 1
    canceled = CancelOrderRequest(order_id=await _send(client, seller, artwork_id, 1, Direction.SELL))
    assert [(await client.cancel_order(canceled)).is_canceled for _ in range(2)] == [True, True]

    filled = CancelOrderRequest(order_id=await _send(client, seller, artwork_id, 2, Direction.SELL))
    await _send(client, buyer, artwork_id, 2, Direction.BUY)
    (transaction,) = await _eventually(lambda: _transactions(client, buyer), bool)

    assert transaction.sell_order_id == filled.order_id
    assert (await client.cancel_order(filled)).is_canceled is False


async def test_lost_answers_make_no_second_order(stack: Stack, artwork_id: int) -> None:
    user = artwork_id * 1_000
    async with Client(stack.deployment.url, transport=LostAnswers(3)) as client:
        order_id = await _send(client, user, artwork_id, 5, Direction.SELL)
        assert await _eventually(lambda: _open_orders(client, user), bool) == [order_id]

    async with Client(stack.deployment.url, transport=LostAnswers(2)) as client:
        assert (await client.cancel_order(CancelOrderRequest(order_id=order_id))).is_canceled


async def test_a_key_brings_back_its_order_and_takes_no_other(client: Client, artwork_id: int) -> None:
    order = OrderRequest(user_id=1, artwork_id=artwork_id, price=5, direction=Direction.SELL)
    first = await client.send_order(order, idempotency_key="the same")

    assert await client.send_order(order, idempotency_key="the same") == first
    with pytest.raises(InvalidRequestError) as caught:
        await client.send_order(order.model_copy(update={"price": 6.0}), idempotency_key="the same")
    assert caught.value.code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("field", "value"), [("price", 0.0), ("price", 1.005), ("price", 1e300), ("user_id", -1), ("artwork_id", 2**53)]
)
async def test_an_invalid_order_names_the_field(client: Client, field: str, value: float) -> None:
    order = OrderRequest(user_id=1, artwork_id=2, price=3, direction=Direction.BUY)

    with pytest.raises(InvalidRequestError) as caught:
        await client.send_order(order.model_copy(update={field: value}))

    assert [error.loc for error in caught.value.errors] == [("body", field)]
    assert caught.value.problem.request_id


@pytest.mark.parametrize(
    "order_id", ["nobody's", f"1-{'0' * 36}", "a/b", "ü %2F?#", "7-\0", "+", ";a=b", "x" * 900, "..%2f..", "%"]
)
async def test_what_is_no_order_is_not_found(client: Client, order_id: str) -> None:
    with pytest.raises(NotFoundError):
        await client.cancel_order(CancelOrderRequest(order_id=order_id))


async def test_views_refuse_what_is_out_of_range(client: Client) -> None:
    for request in (ArtworkViewRequest(limit=0), ArtworkViewRequest(limit=101), ArtworkViewRequest(cursor="broken &=")):
        with pytest.raises(InvalidRequestError):
            await client.view_artworks(request)
    with pytest.raises(InvalidRequestError):
        await client.view_orders(OrderViewRequest(user_id=-1))
    with pytest.raises(InvalidRequestError):
        await client.view_transactions(TransactionViewRequest(user_id=2**60))


async def test_all_pages_of_orders_come_and_each_order_once(client: Client, artwork_id: int) -> None:
    user = artwork_id * 1_000
    sent = await asyncio.gather(*(_send(client, user, artwork_id, 5, Direction.SELL) for _ in range(105)))

    viewed = await _eventually(lambda: _open_orders(client, user), lambda orders: len(orders) >= len(sent))

    assert sorted(viewed) == sorted(sent)
    everybody = await _open_orders(client)
    assert set(sent) <= set(everybody)
    assert len(set(everybody)) == len(everybody)
    await asyncio.gather(*(client.cancel_order(CancelOrderRequest(order_id=order_id)) for order_id in sent))
    await _eventually(lambda: _open_orders(client, user), lambda orders: not orders)


async def test_one_sell_and_many_concurrent_buys_make_exactly_one_transaction(client: Client, artwork_id: int) -> None:
    seller, buyers = artwork_id * 1_000, range(artwork_id * 1_000 + 1, artwork_id * 1_000 + 17)
    await asyncio.gather(
        _send(client, seller, artwork_id, 5, Direction.SELL),
        *(_send(client, buyer, artwork_id, 6, Direction.BUY) for buyer in buyers),
    )

    sold = await _eventually(lambda: _transactions(client, seller), bool)

    assert len(sold) == 1
    assert [one for buyer in buyers for one in await _transactions(client, buyer)] == sold


async def test_browsing_is_sorted_and_shows_each_offer_once(client: Client, artwork_id: int) -> None:
    seller = artwork_id * 1_000
    sent = [await _send(client, seller, artwork_id, price, Direction.SELL) for price in (30, 10, 20.5)]
    await _eventually(lambda: _open_orders(client, seller), lambda orders: len(orders) == 3)

    newest, cheapest, dearest = [await _browse(client, sort) for sort in Sort]

    for listings in (newest, cheapest, dearest):
        assert len({one.order_id for one in listings}) == len(listings)
        assert set(sent) <= {one.order_id for one in listings}
    assert [one.order_id for one in newest if one.artwork_id == artwork_id] == sent[::-1]
    assert [one.price for one in cheapest] == sorted(one.price for one in cheapest)
    assert [one.price for one in dearest] == sorted((one.price for one in dearest), reverse=True)


async def _browse(client: Client, sort: Sort) -> list[Listing]:
    listings: list[Listing] = []
    cursor: str | None = None
    while True:
        page = await client.view_artworks(ArtworkViewRequest(sort=sort, limit=17, cursor=cursor))
        listings += page.artworks
        cursor = page.next_cursor
        if cursor is None:
            return listings


async def test_the_plain_functions_need_the_url_only(
    stack: Stack, artwork_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIALTO_URL", stack.deployment.url)
    user = artwork_id * 1_000

    order = OrderRequest(user_id=user, artwork_id=artwork_id, price=5, direction=Direction.SELL)
    sent = await rialto_client.send_order(order)
    canceled = await rialto_client.cancel_order(CancelOrderRequest(order_id=sent.order_id))

    assert canceled.is_canceled
    assert (await rialto_client.view_transactions(TransactionViewRequest(user_id=user))).transactions == []
    assert len((await rialto_client.view_artworks(ArtworkViewRequest(limit=1))).artworks) <= 1


def test_the_readme_example_runs(stack: Stack) -> None:
    (example,) = EXAMPLES
    environment = {**os.environ, "RIALTO_URL": stack.deployment.url, "PYTHONPATH": str(PACKAGE / "src")}

    run = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", example],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    told = run.stdout.splitlines()
    assert told[:2] == ["sold for 120.5", "canceled: False"]
    assert re.fullmatch(r"\d+ open, \d+ for sale", told[2])
    assert told[3:] == ["canceled: True"]
