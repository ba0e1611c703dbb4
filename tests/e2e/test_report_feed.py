"""What the exchange reports reaches the orders once, whatever becomes of the feed, of the bridge and of the function.

RIALTO_REPORT_ORDERS=20000 makes of the load what a day of trading is; each order has ten reports.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from servers import bridge, bridge_environment, start_bridge

from tests.e2e.fault_proxy import fault_proxy
from tests.e2e.stack import ISIN, Stack, eventually
from tests.e2e.standing import own_standing, plain, read_venue

ORDERS = int(os.environ.get("RIALTO_REPORT_ORDERS", "120"))
GAP = int(os.environ.get("RIALTO_REPORT_GAP", "1000"))
FILLS = 9
"""With the acknowledgement ten reports for each order."""
# LocalStack applies some 60 reports a second where nothing fails, and tries again after seconds.
PATIENCE = 60 + max(ORDERS, GAP / FILLS) / (1 if os.environ.get("RIALTO_TEST_CLOUD") == "localstack" else 10)


@pytest.fixture(autouse=True)
def _quiet_market(stack: Stack) -> Iterator[None]:
    """Nothing trades before and after, and the stack's own bridge has brought everything."""
    yield
    stack.exchange.close_trading()
    stack.exchange.feed()
    start_bridge(stack.deployment.instance, stack.deployment.outputs)


def _trade(stack: Stack, **how: Any) -> None:
    """Open the exchange's market."""
    stack.exchange.trade(**{"slices": FILLS, "interval": 0, **how})


def _differences(stack: Stack, order_ids: set[str]) -> dict[str, Any]:
    """Return the orders that are not as the exchange has them. Read from the table: lists would take minutes."""
    theirs = read_venue(stack)
    rows = map(plain, stack.items(stack.deployment.outputs["BrokerOrdersTable"]))
    ours = {row["order_id"]: own_standing(row) for row in rows if row["order_id"] in order_ids}
    pairs = {order_id: (ours.get(order_id), theirs.get(order_id)) for order_id in order_ids}
    return {order_id: pair for order_id, pair in pairs.items() if pair[0] != pair[1] or pair[1] is None}


def _wait_until_equal(stack: Stack, order_ids: set[str], within: float = PATIENCE) -> None:
    # A look reads every order: many of them would be a load of their own.
    every = max(0.5, len(order_ids) / 1000)
    eventually(lambda: _differences(stack, order_ids), lambda found: not found, within, every)


class TestLife:
    def test_an_order_is_filled_in_parts_and_shows_its_average_price(self, stack: Stack) -> None:
        _trade(stack, slices=3, interval=1)
        order_id = stack.submit(quantity=30)["id"]

        partly = stack.wait_for(order_id, "PARTIALLY_FILLED", "FILLED")
        assert 0 < partly["cum_qty"] <= 30
        assert partly["leaves_qty"] == 30 - partly["cum_qty"]
        filled = stack.wait_for(order_id, "FILLED")
        assert (filled["cum_qty"], filled["leaves_qty"]) == (30, 0)
        _wait_until_equal(stack, {order_id})
        causes = stack.causes(order_id)
        assert (causes[0], causes[-1]) == ("accepted", "filled")
        assert causes.count("partially_filled") == 1

    def test_a_limit_order_expires(self, stack: Stack) -> None:
        _trade(stack, expire_after=1)
        order_id = stack.submit(type="limit", limit_price=0.01, quantity=5)["id"]
        expired = stack.wait_for(order_id, "EXPIRED")
        assert (expired["cum_qty"], expired["leaves_qty"]) == (0, 0)
        refused = stack.cancel(order_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "order_final")

    def test_fills_may_overtake_the_answer_to_the_placement(self, stack: Stack) -> None:
        _trade(stack, slices=2)
        stack.exchange.behave("slow_after", delay=0.8, operations=["place"])
        order_ids = {stack.submit(quantity=10)["id"] for _ in range(4)}
        for order_id in order_ids:
            stack.wait_for(order_id, "FILLED")
        _wait_until_equal(stack, order_ids)

    def test_of_a_fill_and_a_cancel_the_exchange_decides(self, stack: Stack) -> None:
        _trade(stack, slices=4, interval=0.1)
        order_ids = set()
        for number in range(12):
            order_id = stack.submit(quantity=40)["id"]
            order_ids.add(order_id)
            if number % 3:
                stack.wait_for(order_id, "NEW", "PARTIALLY_FILLED", "FILLED")
            answer = stack.cancel(order_id)
            assert answer.status_code == 200 or answer.json()["order_status"] == "FILLED"
        ended = [stack.wait_for(order_id, "FILLED", "CANCELED") for order_id in order_ids]
        # An order that was canceled before it was sent is not known there.
        _wait_until_equal(stack, {one for one in order_ids if stack.exchange.order(one)})
        assert all(order["cum_qty"] == 40 for order in ended if order["status"] == "FILLED")
        assert all(order["cum_qty"] < 40 for order in ended if order["status"] == "CANCELED")


class Bridges:
    """Two bridges of our own in place of the stack's, killed with SIGKILL every now and then."""

    def __init__(self, stack: Stack) -> None:
        instance = stack.deployment.instance
        environ = bridge_environment(instance, stack.deployment.outputs)
        # A lease of one second cannot be renewed when the machine is so busy that each call takes one.
        self._environ = {**os.environ, **environ, "BRIDGE_LEASE": "2", "PYTHONDONTWRITEBYTECODE": "1"}
        self._log = (instance.home / "logs" / "bridges-of-a-test.log").open("ab")
        self._random = random.Random(6)
        self._over = threading.Event()
        self.kills = 0
        bridge(instance).stop()
        self._running = [self._start(), self._start()]
        self._killer = threading.Thread(target=self._kill_now_and_then)
        self._killer.start()

    def stop(self) -> None:
        """Stop killing, and both of them in grace."""
        self._over.set()
        self._killer.join()
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(30) for process in self._running]
        self._log.close()
        # One that was started a moment ago has not come to hear the signal yet, and simply ends of it.
        assert set(codes) <= {0, -signal.SIGTERM}

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "bridge"]
        return subprocess.Popen(
            command, env=self._environ, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def _kill_now_and_then(self) -> None:
        while not self._over.wait(self._random.uniform(1.5, 4)):
            victim = self._running.pop(self._random.randrange(2))
            victim.kill()
            victim.wait()
            self.kills += 1
            self._running.append(self._start())


@contextmanager
def _bridges_that_die(stack: Stack) -> Iterator[Bridges]:
    bridges = Bridges(stack)
    try:
        yield bridges
    finally:
        bridges.stop()


def _submit_all(stack: Stack, count: int) -> set[str]:
    """Submit orders of either side with 8 clients at once, each again until it is accepted."""

    def submit(number: int) -> str:
        order = {"type": "market", "side": ("buy", "sell")[number % 2], "instrument": ISIN, "quantity": 90}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = eventually(
            lambda: stack.http.post("/orders", json=order, headers=key),
            lambda sent: sent.status_code == 201,
            within=180,
            every=1,
        )
        order_id: str = answer.json()["id"]
        return order_id

    with ThreadPoolExecutor(8) as clients:
        return set(clients.map(submit, range(count)))


def _working(stack: Stack) -> set[str]:
    """Submit orders that get so many fills as a gap is long, and wait until they work at the exchange."""
    order_ids = _submit_all(stack, -(-GAP // FILLS))
    _wait_until_equal(stack, order_ids)
    return order_ids


def _wait_until_filled(stack: Stack, order_ids: set[str]) -> None:
    """Wait until the exchange has filled them."""

    def are_filled(orders: dict[str, dict[str, Any]]) -> bool:
        return all(order_id in orders and orders[order_id]["status"] == "filled" for order_id in order_ids)

    eventually(stack.exchange.orders, are_filled, PATIENCE)


def _tell(what: str, started: float, order_ids: set[str]) -> None:
    took, count = time.monotonic() - started, len(order_ids) * FILLS
    print(f"{count} {what} within {took:.1f} s: {count / took:.0f}/s")


class TestLoad:
    def test_every_order_ends_as_the_exchange_has_it_whatever_dies_and_fails(self, stack: Stack) -> None:
        stack.exchange.feed(duplicate=0.2, reorder=0.2, drop=0.05, seed=6)
        _trade(stack)
        endpoint = stack.deployment.instance.endpoint
        started = time.monotonic()
        with (
            fault_proxy(endpoint, throttle=0.25, lose=0.2) as (proxy, url),
            stack.environment("ApplyReportsFunction", AWS_ENDPOINT_URL_DYNAMODB=url),
            _bridges_that_die(stack) as bridges,
        ):
            order_ids = _submit_all(stack, ORDERS)
            _wait_until_equal(stack, order_ids)
        took = time.monotonic() - started

        assert len(order_ids) == ORDERS
        assert proxy.counts["throttled"] > 0 < proxy.counts["lost"]
        assert bridges.kills > 0
        print(f"{ORDERS * (FILLS + 1)} reports of {ORDERS} orders in {took:.0f} s; {bridges.kills} bridges killed")
        print(f"calls of the applying function: {dict(proxy.counts)}")

    def test_many_reports_at_once_reach_the_orders(self, stack: Stack) -> None:
        order_ids = _working(stack)
        started = time.monotonic()
        _trade(stack)
        _wait_until_filled(stack, order_ids)
        _wait_until_equal(stack, order_ids)
        _tell("reports at once reached their orders", started, order_ids)

    def test_a_gap_heals_by_itself(self, stack: Stack) -> None:
        order_ids = _working(stack)
        # The market opens while the wire is dead: not one of the fills comes through.
        stack.exchange.feed(drop=1)
        _trade(stack)
        _wait_until_filled(stack, order_ids)
        stack.exchange.feed()
        started = time.monotonic()
        _wait_until_equal(stack, order_ids)
        _tell("reports that were missing reached their orders", started, order_ids)

    def test_what_the_exchange_has_forgotten_comes_by_a_snapshot(self, stack: Stack) -> None:
        instance = stack.deployment.instance
        bridge(instance).stop()
        _trade(stack)
        order_ids = _submit_all(stack, 20)
        _wait_until_filled(stack, order_ids)
        stack.exchange.trim_feed(keep=3)
        start_bridge(instance, stack.deployment.outputs)
        _wait_until_equal(stack, order_ids)
