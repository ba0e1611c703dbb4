"""The art market on the deployed stack: the worked cases, and races that exactly one may win."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.e2e.artworks import ArtworkMarket
from tests.e2e.stack import Stack, eventually

ROUNDS = 100


@pytest.fixture
def market(stack: Stack) -> ArtworkMarket:
    """An artwork that nobody offered yet."""
    return ArtworkMarket(stack)


def test_a_later_buy_trades_at_the_resting_sells_price(market: ArtworkMarket) -> None:
    sell, buy = market.offer("sell", 1), market.offer("buy", 2)

    transaction = market.wait_until_filled(buy)

    assert transaction["price"] == 1
    assert (transaction["sell_order_id"], transaction["buy_order_id"]) == (sell["order_id"], buy["order_id"])
    assert market.order(sell)["transaction"] == transaction


def test_a_later_sell_trades_at_the_resting_buys_price(market: ArtworkMarket) -> None:
    market.offer("buy", 2)

    assert market.wait_until_filled(market.offer("sell", 1))["price"] == 2


def test_a_buy_takes_the_first_of_the_cheapest_sells(market: ArtworkMarket) -> None:
    sells = [market.offer("sell", price) for price in (1, 1, 2, 4)]

    transaction = market.wait_until_filled(market.offer("buy", 3))

    assert (transaction["sell_order_id"], transaction["price"]) == (sells[0]["order_id"], 1)
    assert market.statuses(*sells) == ["filled", "open", "open", "open"]


def test_a_sell_takes_the_dearest_buy(market: ArtworkMarket) -> None:
    buys = [market.offer("buy", price) for price in (1, 3, 3, 4)]

    transaction = market.wait_until_filled(market.offer("sell", 2))

    assert (transaction["buy_order_id"], transaction["price"]) == (buys[3]["order_id"], 4)
    assert market.statuses(*buys) == ["open", "open", "open", "filled"]


def test_different_artworks_never_match(market: ArtworkMarket, stack: Stack) -> None:
    other = ArtworkMarket(stack)
    sell, buy = market.offer("sell", 1), other.offer("buy", 2)
    marker = ArtworkMarket(stack)
    marker.offer("sell", 1)
    marker.wait_until_filled(marker.offer("buy", 1))

    assert market.statuses(sell) == ["open"]
    assert other.statuses(buy) == ["open"]


def test_a_user_does_not_trade_with_themselves_but_others_do_behind_them(market: ArtworkMarket) -> None:
    own = market.offer("sell", 1, user_id=7)
    behind = market.offer("sell", 2)

    transaction = market.wait_until_filled(market.offer("buy", 3, user_id=7))

    assert (transaction["sell_order_id"], transaction["price"]) == (behind["order_id"], 2)
    assert market.statuses(own) == ["open"]


def test_a_canceled_order_never_matches_and_canceling_again_changes_nothing(market: ArtworkMarket) -> None:
    sell = market.offer("sell", 1)
    cancel = f"/market/orders/{sell['order_id']}/cancel"
    answers = [market.stack.http.post(cancel) for _ in range(2)]
    second = market.offer("sell", 5)

    transaction = market.wait_until_filled(market.offer("buy", 6))

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"is_canceled": True})] * 2
    assert transaction["sell_order_id"] == second["order_id"]
    assert market.order(sell)["is_canceled"] is True


def test_a_filled_order_cannot_be_canceled(market: ArtworkMarket) -> None:
    sell = market.offer("sell", 1)
    market.wait_until_filled(market.offer("buy", 1))

    response = market.stack.http.post(f"/market/orders/{sell['order_id']}/cancel")

    problem = response.json()
    assert (response.status_code, problem["code"], problem["is_canceled"]) == (409, "order_filled", False)


def test_one_sell_and_many_concurrent_buys_make_exactly_one_transaction(market: ArtworkMarket) -> None:
    for _ in range(ROUNDS):
        one = ArtworkMarket(market.stack)
        with ThreadPoolExecutor(9) as clients:
            jobs = [clients.submit(one.offer, "sell", 5)] + [clients.submit(one.offer, "buy", 6) for _ in range(8)]
            orders = [job.result() for job in jobs]
        one.wait_until_filled(orders[0])

        assert sorted(one.statuses(*orders)) == ["filled"] * 2 + ["open"] * 7
        assert len(one.book()["last_transactions"]) == 1


def test_a_cancel_that_races_a_match_has_exactly_one_winner(market: ArtworkMarket) -> None:
    for _ in range(ROUNDS):
        one = ArtworkMarket(market.stack)
        sell = one.offer("sell", 5)
        with ThreadPoolExecutor(2) as clients:
            buying = clients.submit(one.offer, "buy", 5)
            canceling = clients.submit(one.stack.http.post, f"/market/orders/{sell['order_id']}/cancel")
            buy, response = buying.result(), canceling.result()
        if response.status_code == 409:
            one.wait_until_filled(sell)
        eventually(partial(one.order, sell), lambda seen: seen["status"] != "open")

        won = "canceled" if response.status_code == 200 else "filled"
        assert one.order(sell)["status"] == won
        assert one.order(buy)["status"] == ("open" if won == "canceled" else "filled")


def test_two_matchers_with_the_same_records_are_harmless(market: ArtworkMarket) -> None:
    sells = [market.offer("sell", 1) for _ in range(5)]
    buys = [market.offer("buy", 1) for _ in range(5)]
    record = {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"book": {"S": str(market.artwork_id)}, "order_id": {"S": sells[0]["order_id"]}},
            "NewImage": {"status": {"S": "NEW"}},
        },
    }
    with ThreadPoolExecutor(4) as matchers:
        list(matchers.map(lambda _: market.stack.invoke("MatchFunction", {"Records": [record, record]}), range(4)))
    for order in sells + buys:
        market.wait_until_filled(order)

    transactions = market.book()["last_transactions"]
    assert len(transactions) == 5
    assert {one["sell_order_id"] for one in transactions} == {order["order_id"] for order in sells}
    assert {one["buy_order_id"] for one in transactions} == {order["order_id"] for order in buys}


def test_the_lists_show_open_orders_transactions_and_what_is_for_sale(market: ArtworkMarket) -> None:
    details = {"title": "<b>Nocturne</b>", "artist": "A. Painter", "image_url": "https://example.org/n.png"}
    assert market.stack.http.put(f"/market/artworks/{market.artwork_id}", json=details).status_code == 200
    seller = 4_242_000 + market.artwork_id
    sells = [market.offer("sell", price, user_id=seller) for price in (30, 10, 20.5)]
    transaction = market.wait_until_filled(market.offer("buy", 10))

    def open_of_seller() -> list[str]:
        answer = market.stack.http.get("/market/orders", params={"user_id": seller}).json()
        return [order["order_id"] for order in answer["orders"]]

    eventually(open_of_seller, lambda ids: ids == [sells[0]["order_id"], sells[2]["order_id"]])
    sold = market.stack.http.get("/market/transactions", params={"user_id": seller}).json()["transactions"]
    assert sold == [transaction]
    assert [ask["price"] for ask in market.book()["asks"]] == [20.5, 30]
    assert market.book()["title"] == "<b>Nocturne</b>"
    rows = [row for row in _browse(market.stack, "price_asc") if row["artwork_id"] == market.artwork_id]
    assert [(row["price"], row["title"]) for row in rows] == [(20.5, "<b>Nocturne</b>"), (30, "<b>Nocturne</b>")]
    newest = [row["listed_at"] for row in _browse(market.stack, "newest")]
    assert newest == sorted(newest, reverse=True)
    dearest = [row["price"] for row in _browse(market.stack, "price_desc")]
    assert dearest == sorted(dearest, reverse=True)


def _browse(stack: Stack, sort: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"sort": sort, "limit": "3", **({"cursor": cursor} if cursor else {})}
        page = stack.http.get("/market/artworks", params=query).raise_for_status().json()
        rows += page["artworks"]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len({row["order_id"] for row in rows}) == len(rows)
            return rows
