"""The art market when its own ground shakes: poison, throttling, lost answers, a lost stream."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from tests.e2e.artworks import ArtworkMarket
from tests.e2e.fault_proxy import fault_proxy
from tests.e2e.stack import Stack, eventually


def _poison(market: ArtworkMarket) -> dict[str, Any]:
    """Put an item into the artwork's book that nobody can read; return what to delete it by."""
    key = {"book": {"S": str(market.artwork_id)}, "order_id": {"S": f"{market.artwork_id}-poison"}}
    item = {**key, "rank": {"S": "A000000000000001#poison"}, "price": {"N": "1"}}
    table = market.stack.deployment.outputs["MarketOrdersTable"]
    client = market.stack.deployment.session.client("dynamodb")
    client.put_item(TableName=table, Item=item)
    client.close()
    return key


def _heal(market: ArtworkMarket, key: dict[str, Any]) -> None:
    client = market.stack.deployment.session.client("dynamodb")
    client.delete_item(TableName=market.stack.deployment.outputs["MarketOrdersTable"], Key=key)
    client.close()


def test_a_poisoned_artwork_holds_up_nobody_and_is_matched_after_its_redrive(stack: Stack) -> None:
    poisoned, sound = ArtworkMarket(stack), ArtworkMarket(stack)
    key = _poison(poisoned)
    sell, buy = poisoned.offer("sell", 5), poisoned.offer("buy", 5)
    sound.offer("sell", 5)

    sound.wait_until_filled(sound.offer("buy", 5))
    letters = eventually(lambda: stack.dead_letters("match-retries")["letters"], lambda seen: len(seen) >= 1)
    assert {letter["reason"] for letter in letters} == {"not_matched"}
    assert poisoned.statuses(sell, buy) == ["open", "open"]

    _heal(poisoned, key)
    eventually(lambda: stack.redrive("match-retries"), lambda answer: answer["remaining"] == 0)
    assert poisoned.wait_until_filled(sell)["buy_order_id"] == buy["order_id"]
    eventually(lambda: stack.dead_letters("match-retries")["count"], lambda count: count == 0)


def test_throttling_and_lost_answers_change_no_result(stack: Stack) -> None:
    markets = [ArtworkMarket(stack) for _ in range(12)]
    endpoint = stack.deployment.instance.endpoint
    with (
        fault_proxy(endpoint) as (proxy, url),
        stack.environment("MatchFunction", AWS_ENDPOINT_URL_DYNAMODB=url),
        stack.environment("APIHandlerName", AWS_ENDPOINT_URL_DYNAMODB=url),
        ThreadPoolExecutor(8) as clients,
    ):
        sells = list(clients.map(lambda market: _insist(market, "sell", user_id=1), markets))
        buys = list(clients.map(lambda market: _insist(market, "buy", user_id=2), markets))
        for market, sell, buy in zip(markets, sells, buys, strict=True):
            transaction = eventually(partial(_transaction, market, sell), lambda seen: seen is not None)
            assert transaction["buy_order_id"] == buy["order_id"]

    assert min(proxy.counts[fault] for fault in ("passed", "throttled", "lost")) >= 3
    assert all(len(market.book()["last_transactions"]) == 1 for market in markets)
    assert all(market.book()["asks"] + market.book()["bids"] == [] for market in markets)


def test_a_crossed_book_that_the_stream_missed_is_matched_by_the_sweep(stack: Stack) -> None:
    market = ArtworkMarket(stack)
    with stack.losing_events("MatchFunction"):
        sell = market.offer("sell", 3)
        market.offer("buy", 4)
    assert market.statuses(sell) == ["open"]

    def sweep_and_look() -> str:
        stack.sweep()
        status: str = market.order(sell)["status"]
        return status

    eventually(sweep_and_look, lambda status: status == "filled", every=0.1)


def _insist(market: ArtworkMarket, direction: str, user_id: int) -> dict[str, Any]:
    """Submit as a careful client does: the same key again until there is an answer."""
    headers = {"Idempotency-Key": f"insist-{market.artwork_id}-{direction}"}
    order = {"user_id": user_id, "artwork_id": market.artwork_id, "price": 5, "direction": direction}

    def post() -> httpx.Response:
        return market.stack.http.post("/market/orders", json=order, headers=headers)

    answer: dict[str, Any] = eventually(post, lambda response: response.status_code == 201).json()
    return answer


def _transaction(market: ArtworkMarket, order: dict[str, Any]) -> Any:
    response = market.stack.http.get(f"/market/orders/{order['order_id']}")
    return response.json().get("transaction") if response.status_code == 200 else None
