"""A signal whose worker dies in the middle: whoever finishes it, every user is dealt with exactly once."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.fault_proxy import fault_proxy
from tests.e2e.stack import Stack, eventually
from tests.e2e.traders import Traders, order_ids

# LocalStack takes minutes to place a thousand orders.
USERS = 200 if os.environ.get("RIALTO_TEST_CLOUD") == "localstack" else 1_000
TRANSACTIONS = USERS * 7 // 1_000
"""Of those that a BUY for so many users takes, 50 of them in each: with the next one the handler is killed."""


class Killed:
    """A BUY for many users whose handler was killed with SIGKILL before it had come to its end."""

    def __init__(self, traders: Traders) -> None:
        self.traders = traders
        self.key = str(uuid.uuid4())
        self.users = {traders.name(f"User {number}") for number in range(USERS)}
        traders.put_profiles({f"User {number}": {"S": ["ACC"], "T": []} for number in range(USERS)})
        stack = traders.stack
        with (
            fault_proxy(stack.deployment.instance.endpoint, throttle=0, lose=0) as (proxy, url),
            stack.environment("APIHandlerName", AWS_ENDPOINT_URL_DYNAMODB=url),
            ThreadPoolExecutor(1) as pool,
        ):
            proxy.transactions = TRANSACTIONS
            sent = pool.submit(self.send)
            eventually(lambda: proxy.counts["held"], lambda held: held > 0, every=0.05)
            stack.kill_workers("APIHandlerName")
            self.response = sent.result()
        (self.signal_id,) = {row["signal_id"] for row in traders.positions("S")}

    def send(self) -> httpx.Response:
        """Send the signal: the same each time."""
        return self.traders.post_signal("S", "ACC", "BUY", key=self.key)

    def signal(self) -> dict[str, Any]:
        """Return the signal as it is now."""
        answer: dict[str, Any] = self.traders.stack.http.get(f"/signals/{self.signal_id}").raise_for_status().json()
        return answer

    def assert_complete(self, answer: dict[str, Any]) -> None:
        """Assert that the answer names every user, each bought once, with the order of the position."""
        assert Counter(row["user"] for row in answer["users"]) == Counter(self.users)
        assert {row["reason"] for row in answer["users"]} == {"opened"}
        positions = {row["user"]: row["order_id"] for row in self.traders.positions("S")}
        assert positions == {row["user"]: row["order_id"] for row in answer["users"]}


@pytest.fixture
def traders(stack: Stack) -> Iterator[Traders]:
    """Users and strategies that nobody had before."""
    yield Traders(stack)
    answer = stack.http.post("/operations/invariants/run").raise_for_status().json()
    complete = eventually(
        lambda: _continued(stack), lambda result: result["complete"] and result["as_of"] >= answer["as_of"]
    )
    assert [check["violations"] for check in complete["invariants"]] == [[] for _ in complete["invariants"]]


def test_the_same_request_again_completes_the_signal_and_buys_for_each_user_once(traders: Traders) -> None:
    killed = Killed(traders)
    assert killed.response.status_code == 500
    assert killed.response.json()["RESPONSE"] == "ERROR"
    assert killed.signal()["status"] == "OPEN"

    # While the dead worker's lease lasts nobody can know that it is dead: the request waits, or says so.
    answer = eventually(killed.send, lambda response: response.status_code == 200, within=60).json()

    killed.assert_complete(answer)
    assert killed.send().json() == answer
    orders = traders.wait_until_placed(order_ids(answer))
    assert all(orders[order_id]["side"] == "buy" for order_id in order_ids(answer))


def test_the_sweep_completes_the_signal_without_a_retry(traders: Traders) -> None:
    killed = Killed(traders)

    def swept() -> dict[str, Any]:
        traders.stack.sweep()
        return killed.signal()

    answer = eventually(swept, lambda signal: signal["status"] != "OPEN", within=60)

    killed.assert_complete(answer)


def test_a_sell_of_another_signal_in_between_makes_nobody_be_bought_twice(traders: Traders) -> None:
    killed = Killed(traders)
    before = {row["user"]: row["order_id"] for row in traders.positions("S")}
    assert 0 < len(before) < USERS

    sold = traders.signal("T", "ACC", "SELL")

    assert {row["user"] for row in sold["users"] if row["verdict"] == "ACCEPTED"} == set(before)
    answer = eventually(killed.send, lambda response: response.status_code == 200, within=60).json()
    # The first part of the users was bought and sold by now: their order is their verdict, and they stay sold.
    assert {row["reason"] for row in answer["users"]} == {"opened"}
    assert {row["user"] for row in traders.positions("S")} == killed.users - set(before)
    assert {row["user"]: row["order_id"] for row in answer["users"] if row["user"] in before} == before
    bought = [order for order in traders.wait_until_placed(order_ids(answer)) if order in order_ids(answer)]
    assert len(bought) == USERS


def _continued(stack: Stack) -> dict[str, Any]:
    stack.sweep()
    answer: dict[str, Any] = stack.http.get("/operations/invariants").raise_for_status().json()
    return answer
