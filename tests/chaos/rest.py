"""After the last fault: mend what may be left broken, take dead letters back, and wait until nothing moves any more."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
from botocore.exceptions import HTTPClientError
from servers import start_bridge

from tests.chaos.evidence import read_tables
from tests.e2e.stack import Stack
from tests.e2e.standing import own_standing, plain, read_venue
from tests.simulation.checks.market import crossed_pair

PAUSE = 1.0
STILL = ("depth", "in_flight", "dead_letters")
CHECKED = 120.0
"""Seconds within which the platform's own check has to be through."""


def mend(stack: Stack) -> None:
    """Make everything sound again, whatever is broken."""
    stack.exchange.behave("normal")
    stack.exchange.feed()
    start_bridge(stack.deployment.instance, stack.deployment.outputs)


def come_to_rest(stack: Stack, patience: float) -> list[str]:
    """Redrive and sweep until everything is at rest; return what is not by the end of the patience."""
    deadline = time.monotonic() + patience
    while True:
        moving = list(_restless(stack))
        if not moving or time.monotonic() > deadline:
            return moving
        time.sleep(PAUSE)


def own_invariants(stack: Stack) -> dict[str, list[str]]:
    """Let the platform check itself; return its violations by name, nothing if it does not come to an end."""
    begun: str = stack.http.post("/operations/invariants/run").raise_for_status().json()["as_of"]
    deadline = time.monotonic() + CHECKED
    while time.monotonic() < deadline:
        stack.sweep()
        result = stack.http.get("/operations/invariants").raise_for_status().json()
        if result["complete"] and result["as_of"] >= begun:
            return {one["name"]: one["violations"] for one in result["invariants"]}
    return {}


def _restless(stack: Stack) -> Iterator[str]:
    """Help what stands still, and yield what is not at rest."""
    try:
        for queue in stack.http.get("/operations/queues").raise_for_status().json()["queues"]:
            if queue["dead_letters"]:
                stack.redrive(queue["name"])
            if any(queue[name] for name in STILL):
                yield f"the queue {queue['name']}: " + ", ".join(f"{name} {queue[name]}" for name in STILL)
        stack.sweep()
    except (httpx.HTTPError, HTTPClientError, AssertionError) as error:
        yield f"the platform does not answer: {error!r}"
        return
    tables = {name: [plain(item) for item in items] for name, items in read_tables(stack).items()}
    yield from _unequal(tables, read_venue(stack))
    waiting = sum(1 for row in tables["Signals"] if not row["is_complete"])
    if waiting:
        yield f"{waiting} signals are open"
    if crossed_pair(tables["MarketOrders"]):
        yield "a book is crossed"


def _unequal(tables: dict[str, list[dict[str, Any]]], venue: dict[str, Any]) -> Iterator[str]:
    unequal = [
        row["order_id"]
        for row in tables["BrokerOrders"]
        if row["status"].startswith("PENDING") or venue.get(row["order_id"], own_standing(row)) != own_standing(row)
    ]
    if unequal:
        yield f"{len(unequal)} orders are not as the exchange has them, like {unequal[0]}"
