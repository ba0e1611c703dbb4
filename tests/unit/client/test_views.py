"""The lists: all pages of orders and transactions, single pages of what is for sale."""

from datetime import UTC, datetime

import pytest
from rialto_client import (
    ArtworkViewRequest,
    Client,
    InvalidRequestError,
    NotFoundError,
    OrderPageRequest,
    OrderRequest,
    OrderViewRequest,
    Sort,
    Transaction,
    TransactionPageRequest,
    TransactionViewRequest,
    UnavailableError,
    UnexpectedAnswerError,
    follow_pages,
)

from tests.unit.client.market_server import MarketServer, answers, problem, resets

pytestmark = pytest.mark.anyio


def _row(number: int) -> dict[str, object]:
    return {
        "transaction_id": f"t-{number}",
        "artwork_id": 7,
        "price": 1,
        "buy_order_id": f"b-{number}",
        "sell_order_id": f"s-{number}",
        "executed_at": "2026-11-21T12:00:00.000000Z",
    }


async def test_orders_of_one_user_and_of_everybody(client: Client) -> None:
    for user_id in (1, 2, 2):
        await client.send_order(OrderRequest(user_id=user_id, artwork_id=7, price=3, direction="sell"))

    everybody = (await client.view_orders(OrderViewRequest())).orders
    of_two = (await client.view_orders(OrderViewRequest(user_id=2))).orders

    assert [order.order_id for order in everybody] == ["order-0", "order-1", "order-2"]
    assert of_two == everybody[1:]
    assert everybody[0].model_dump(mode="json") == {
        "order_id": "order-0",
        "user_id": 1,
        "artwork_id": 7,
        "price": 3.0,
        "direction": "sell",
        "is_canceled": False,
    }


@pytest.mark.parametrize(("rows", "pages"), [(0, 1), (100, 1), (101, 2), (250, 3)])
async def test_all_pages_are_fetched_in_order(client: Client, market: MarketServer, rows: int, pages: int) -> None:
    market.lists["transactions"] = [_row(number) for number in range(rows)]

    response = await client.view_transactions(TransactionViewRequest(user_id=5))

    assert [one.transaction_id for one in response.transactions] == [f"t-{number}" for number in range(rows)]
    assert [request.query for request in market.seen] == [
        {"user_id": "5", "limit": "100"} | ({"cursor": str(page * 100)} if page else {}) for page in range(pages)
    ]


async def test_a_page_that_fails_is_asked_for_again_and_none_comes_twice(client: Client, market: MarketServer) -> None:
    market.lists["transactions"] = [_row(number) for number in range(250)]
    market.faults.extend([answers(503), resets])

    response = await client.view_transactions(TransactionViewRequest(user_id=5))

    assert response.transactions == [Transaction.model_validate(_row(number)) for number in range(250)]


async def test_a_list_without_its_last_page_is_no_answer(client: Client, market: MarketServer) -> None:
    market.lists["transactions"] = [_row(number) for number in range(150)]
    market.faults.extend([lambda handler, answer: handler.send(*answer), *[answers(500)] * 4])

    with pytest.raises(UnavailableError):
        await client.view_transactions(TransactionViewRequest(user_id=5))


async def test_a_list_that_leads_in_a_circle_ends(client: Client, market: MarketServer) -> None:
    market.faults.extend([answers(200, {"orders": [], "next_cursor": "0"})] * 3)

    with pytest.raises(UnexpectedAnswerError):
        await client.view_orders(OrderViewRequest())


async def test_what_is_for_sale_comes_page_by_page(client: Client, market: MarketServer) -> None:
    row = {"artwork_id": 7, "price": 20.5, "order_id": "o", "user_id": 1, "listed_at": "2026-11-21T12:00:00.000000Z"}
    market.lists["artworks"] = [row, {**row, "order_id": "p", "title": "Nocturne"}]

    first = await client.view_artworks(ArtworkViewRequest(sort=Sort.PRICE_ASC, limit=1))
    second = await client.view_artworks(ArtworkViewRequest(sort=Sort.PRICE_ASC, limit=1, cursor=first.next_cursor))

    assert [(one.order_id, one.title) for one in first.artworks + second.artworks] == [("o", None), ("p", "Nocturne")]
    assert first.artworks[0].listed_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert second.next_cursor is None
    assert market.seen[1].query == {"sort": "price_asc", "limit": "1", "cursor": "1"}


async def test_the_newest_come_first_unless_told_otherwise(client: Client, market: MarketServer) -> None:
    await client.view_artworks()

    assert market.seen[0].query == {"sort": "newest", "limit": "50"}


async def test_a_broken_cursor_is_refused(client: Client, market: MarketServer) -> None:
    market.faults.append(answers(*problem(400, "invalid_cursor", "The cursor is broken.")))

    with pytest.raises(InvalidRequestError) as caught:
        await client.view_artworks(ArtworkViewRequest(cursor="0"))

    assert (caught.value.status, caught.value.code, caught.value.errors) == (400, "invalid_cursor", ())


async def test_all_pages_are_followed_to_the_end(client: Client, market: MarketServer) -> None:
    row = {"artwork_id": 7, "price": 20.5, "order_id": "o", "user_id": 1, "listed_at": "2026-11-21T12:00:00.000000Z"}
    market.lists["artworks"] = [{**row, "order_id": f"o-{number}"} for number in range(5)]

    request = ArtworkViewRequest(sort=Sort.PRICE_DESC, limit=2)
    pages = [page async for page in follow_pages(client.view_artworks, request)]

    assert [one.order_id for page in pages for one in page.artworks] == [f"o-{number}" for number in range(5)]
    assert [request.query.get("cursor") for request in market.seen] == [None, "2", "4"]
    assert {request.query["sort"] for request in market.seen} == {"price_desc"}


async def test_single_pages_tell_status_and_time(client: Client, market: MarketServer) -> None:
    await client.send_order(OrderRequest(user_id=1, artwork_id=7, price=3, direction="sell"))
    market.lists["transactions"] = [_row(1)]

    (order,) = (await client.view_order_page(OrderPageRequest(user_id=1))).orders
    (trade,) = (await client.view_transaction_page(TransactionPageRequest(user_id=1, limit=9))).transactions

    assert (order.status, order.transaction) == ("open", None)
    assert order.created_at == datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
    assert trade.executed_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert market.seen[-1].query == {"user_id": "1", "limit": "9"}


async def test_a_book_has_both_sides_and_what_was_sold(client: Client, market: MarketServer) -> None:
    market.artworks[7] = {"title": "Nocturne", "artist": "A. Painter"}
    for user_id, price, direction in ((1, 120, "sell"), (2, 100, "sell"), (3, 80.5, "buy"), (4, 90, "buy")):
        await client.send_order(OrderRequest(user_id=user_id, artwork_id=7, price=price, direction=direction))
    market.lists["transactions"] = [_row(1)]

    book = await client.view_book(7)

    assert (book.title, book.artist, book.description) == ("Nocturne", "A. Painter", None)
    assert ([one.price for one in book.asks], [one.price for one in book.bids]) == ([100, 120], [90, 80.5])
    assert [one.transaction_id for one in book.last_transactions] == ["t-1"]
    assert (await client.view_book(8)).asks == []


async def test_a_filled_order_has_its_transaction(client: Client, market: MarketServer) -> None:
    order_id = (await client.send_order(OrderRequest(user_id=1, artwork_id=7, price=3, direction="buy"))).order_id
    assert (await client.view_order(order_id)).status == "open"

    market.filled.add(order_id)
    market.lists["transactions"] = [{**_row(1), "buy_order_id": order_id}]
    filled = await client.view_order(order_id)

    assert filled.status == "filled"
    assert filled.transaction is not None
    assert filled.transaction.transaction_id == "t-1"
    with pytest.raises(NotFoundError):
        await client.view_order("another")
