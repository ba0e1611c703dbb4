"""A long outage with orders coming in: the queue grows with the orders, not with time, and drains without a storm.

RIALTO_OUTAGE_SECONDS makes it longer than the half minute that every run has.
"""

import math
import os
import time

from tests.e2e.stack import Stack

SECONDS = float(os.environ.get("RIALTO_OUTAGE_SECONDS", "30"))


def test_a_long_outage_costs_a_bounded_number_of_attempts_and_one_message_for_each_order(stack: Stack) -> None:
    stack.exchange.behave("down")
    accepted: list[str] = []
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if len(accepted) < 40:
            accepted.append(stack.submit()["id"])
        stack.sweep()
        queue = stack.queue()
        assert queue["depth"] + queue["in_flight"] + queue["dead_letters"] <= len(accepted)
        time.sleep(0.5)
    # From 1 to 2 seconds, doubling: in t seconds at most log2(t + 1) + 1 attempts fit.
    before = {order_id: stack.timeline(order_id)["attempts"] for order_id in accepted}
    assert max(before.values()) <= math.log2(SECONDS + 30) + 1

    stack.exchange.behave("normal")

    for order_id in accepted:
        stack.wait_for(order_id, "NEW", within=2 * SECONDS + 30)
    after = {order_id: stack.timeline(order_id)["attempts"] for order_id in accepted}
    assert all(after[order_id] <= before[order_id] + 2 for order_id in accepted)
    stack.wait_until_quiet()
    assert sum(order["status"] == "working" for order in stack.exchange.orders().values()) >= len(accepted)
