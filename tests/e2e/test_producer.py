"""The existing producer program, as it is: it posts, reads RESPONSE, and dies of anything else."""

from __future__ import annotations

import random

import requests

from tests.e2e.stack import Stack, eventually
from tests.e2e.traders import Traders

STRATEGIES = [f"STRATEGY_{letter}" for letter in "ABCDEFGHI"]
INSTRUMENTS = [
    *("ACC", "ADANIENT", "BIRLASOFT", "COFORGE", "DMART", "EICHER", "GRASIM"),
    *("HINDALCO", "INFY", "JSW", "L&T", "MINDA", "NTPC", "POWERGRID"),
]
POSTS = 300


def produce(url: str) -> list[str]:
    """Post as the producer does, without its pauses: no look at the status, no handling of any error."""
    responses = []
    for _ in range(POSTS):
        order = {
            "STRATEGY": STRATEGIES[random.randint(0, len(STRATEGIES)) - 1],
            "INSTRUMENT": INSTRUMENTS[random.randint(0, len(INSTRUMENTS)) - 1],
            "POSITION": ["BUY", "SELL"][random.randint(0, 2) - 1],
        }
        r = requests.post(f"{url}/create_order", json=order, timeout=60)
        responses.append(r.json()["RESPONSE"])
    return responses


def test_the_producer_runs_to_its_end_while_orders_fail_at_the_exchange(stack: Stack) -> None:
    users = ["Holland Proctor", "Oaklee Wagner", "Zara Lindqvist"]
    profiles = {user: dict.fromkeys(STRATEGIES[:7], INSTRUMENTS[:10]) for user in users}
    stack.http.put("/strategies/profiles", json=profiles).raise_for_status()
    stack.exchange.behave("fail_before", probability=0.3)

    responses = produce(stack.deployment.url)

    assert len(responses) == POSTS
    assert set(responses) == {"ACCEPTED", "REJECTED"}
    stack.exchange.behave("normal")
    traders = Traders(stack)
    positions = [row for user in users for row in traders.positions(user=user)]
    held = {(row["user"], row["strategy"], row["instrument"]) for row in positions}
    assert len(held) == len(positions)
    eventually(
        lambda: {row["order_status"] for user in users for row in traders.positions(user=user)},
        lambda statuses: statuses <= {"NEW"},
        within=120,
    )
