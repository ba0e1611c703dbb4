"""Many artists and collectors at once, cancels in between, the matcher killed meanwhile: the books balance."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.stack import Stack, eventually

ORDERS = 2_000
ARTWORKS = range(500_001, 500_051)
USERS = range(900_001, 900_041)
CLIENTS = 32


def test_two_thousand_orders_end_in_balanced_books_though_the_matcher_is_killed(stack: Stack) -> None:
    done = threading.Event()
    killer = threading.Thread(target=_keep_killing, args=(stack, done))
    killer.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            submitted = list(clients.map(lambda seed: _submit_and_sometimes_cancel(stack, seed), range(ORDERS)))
    finally:
        done.set()
        killer.join()

    eventually(lambda: _crossed_books(stack), lambda crossed: not crossed, within=120, every=1)
    orders = _all_orders(stack, [order["order_id"] for order, _ in submitted])
    _check_cancels(submitted, orders)
    _check_money(stack, orders)
    statuses = Counter(order["status"] for order in orders.values())
    assert statuses["open"] + statuses["filled"] + statuses["canceled"] == ORDERS
    assert statuses["filled"] > ORDERS / 4
    assert statuses["filled"] == 2 * len({order["transaction"]["transaction_id"] for order in _filled(orders)})
    _check_invariants(stack, statuses["filled"] // 2)


def _submit_and_sometimes_cancel(stack: Stack, seed: int) -> tuple[dict[str, Any], int | None]:
    """Return the order as accepted, and the status of the answer to its cancel, if it was to be canceled."""
    choose = random.Random(seed)
    order = {
        "user_id": choose.choice(USERS),
        "artwork_id": choose.choice(ARTWORKS),
        "price": choose.randint(900, 1100) / 100,
        "direction": choose.choice(["buy", "sell"]),
    }
    response = stack.http.post("/market/orders", json=order, headers={"Idempotency-Key": f"load-{seed}"})
    assert response.status_code == 201, response.text
    accepted: dict[str, Any] = response.json()
    if choose.random() > 0.1:
        return accepted, None
    return accepted, stack.http.post(f"/market/orders/{accepted['order_id']}/cancel").status_code


def _keep_killing(stack: Stack, done: threading.Event) -> None:
    while not done.wait(3):
        stack.kill_workers("MatchFunction")


def _crossed_books(stack: Stack) -> list[int]:
    """Return the artworks with a bid of one user at or above an ask of another."""
    crossed = []
    for artwork_id in ARTWORKS:
        book = stack.http.get(f"/market/artworks/{artwork_id}").raise_for_status().json()
        pairs = ((bid, ask) for bid in book["bids"] for ask in book["asks"])
        if any(bid["price"] >= ask["price"] and bid["user_id"] != ask["user_id"] for bid, ask in pairs):
            crossed.append(artwork_id)
    return crossed


def _all_orders(stack: Stack, order_ids: list[str]) -> dict[str, dict[str, Any]]:
    def look(order_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = stack.http.get(f"/market/orders/{order_id}").raise_for_status().json()
        return answer

    with ThreadPoolExecutor(8) as clients:
        return dict(zip(order_ids, clients.map(look, order_ids), strict=True))


def _filled(orders: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [order for order in orders.values() if order["status"] == "filled"]


def _check_cancels(submitted: list[tuple[dict[str, Any], int | None]], orders: dict[str, dict[str, Any]]) -> None:
    """Every cancel was told the truth: 200 and canceled, or 409 and filled."""
    told = {200: "canceled", 409: "filled"}
    for accepted, answer in submitted:
        if answer is not None:
            assert orders[accepted["order_id"]]["status"] == told[answer]
    assert sum(order["status"] == "canceled" for order in orders.values()) == sum(a == 200 for _, a in submitted)


def _check_money(stack: Stack, orders: dict[str, dict[str, Any]]) -> None:
    """Each transaction is valid, in both users' lists, and what buyers pay is what sellers get."""
    paid: Counter[int] = Counter()
    for order in _filled(orders):
        transaction = order["transaction"]
        buy, sell = orders[transaction["buy_order_id"]], orders[transaction["sell_order_id"]]
        first = min(buy, sell, key=lambda one: (one["created_at"], one["order_id"]))
        assert order["order_id"] in (buy["order_id"], sell["order_id"])
        assert (buy["direction"], sell["direction"]) == ("buy", "sell")
        assert buy["transaction"] == sell["transaction"]
        assert buy["user_id"] != sell["user_id"]
        assert buy["artwork_id"] == sell["artwork_id"] == transaction["artwork_id"]
        assert buy["price"] >= transaction["price"] >= sell["price"]
        assert transaction["price"] == first["price"]
        paid[order["user_id"]] += round(transaction["price"] * 100) * (1 if order is sell else -1)
    assert sum(paid.values()) == 0
    for user_id in USERS:
        listed = _transactions_of(stack, user_id)
        mine = {order["transaction"]["transaction_id"] for order in _filled(orders) if order["user_id"] == user_id}
        assert {one["transaction_id"] for one in listed} == mine


def _transactions_of(stack: Stack, user_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"user_id": str(user_id), "limit": "100", **({"cursor": cursor} if cursor else {})}
        page = stack.http.get("/market/transactions", params=query).raise_for_status().json()
        found += page["transactions"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _check_invariants(stack: Stack, trades: int) -> None:
    """The checker of the live data says the same."""
    started = stack.http.post("/operations/invariants/run")
    assert started.status_code == 202

    def look() -> dict[str, Any]:
        stack.sweep()
        answer: dict[str, Any] = stack.http.get("/operations/invariants").raise_for_status().json()
        return answer

    result = eventually(look, lambda seen: seen["complete"] and seen["invariants"][0]["checked"] >= trades)
    violations = {one["name"]: one["violations"] for one in result["invariants"]}
    assert violations.keys() >= {"trades_are_valid", "orders_close_once", "no_book_is_crossed", "no_order_is_forgotten"}
    assert not any(violations.values()), violations
    assert result["invariants"][1]["checked"] >= ORDERS


def test_the_checker_finds_a_trade_that_should_not_be(stack: Stack) -> None:
    table = stack.deployment.outputs["TradesTable"]
    key = {"book": {"S": "1"}, "trade_id": {"S": "2026-01-01T00:00:00.000000Z#1-nobody#1-no-one"}}
    item = {
        **key,
        "price": {"N": "1"},
        "buy_order_id": {"S": "1-nobody"},
        "sell_order_id": {"S": "1-no-one"},
        "buyer": {"N": "1"},
        "seller": {"N": "1"},
        "executed_at": {"S": "2026-01-01T00:00:00.000000Z"},
    }
    client = stack.deployment.session.client("dynamodb")
    try:
        client.put_item(TableName=table, Item=item)
        stack.http.post("/operations/invariants/run").raise_for_status()

        def look() -> list[str]:
            stack.sweep()
            violations: list[str] = stack.http.get("/operations/invariants").json()["invariants"][0]["violations"]
            return violations

        eventually(look, lambda violations: violations == [key["trade_id"]["S"]])
    finally:
        client.delete_item(TableName=table, Key=key)
        client.close()
