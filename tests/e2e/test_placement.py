"""From POST /orders to the exchange, whatever the exchange does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.e2e.stack import Stack, eventually


def test_an_order_reaches_the_exchange_and_is_new_with_its_timeline(stack: Stack) -> None:
    accepted = stack.submit(type="limit", limit_price=101.25, quantity=7)

    order = stack.wait_for(accepted["id"], "NEW")

    assert order["placed_at"] > accepted["created_at"]
    at_exchange = stack.exchange.orders()[accepted["id"]]
    assert (at_exchange["limit_price"], at_exchange["quantity"], at_exchange["side"]) == (101.25, 7, "buy")
    timeline = stack.timeline(accepted["id"])
    assert [entry["cause"] for entry in timeline["entries"]] == ["accepted", "placed"]
    assert timeline["entries"][1]["attempt"] == 1
    assert timeline["entries"][1]["latency_ms"] >= 0


def test_post_answers_before_a_slow_exchange_has_the_order(stack: Stack) -> None:
    stack.exchange.behave("slow_before", delay=0.7)

    accepted = stack.submit()
    answered_at = datetime.now(UTC)

    assert accepted["status"] == "PENDING_NEW"
    stack.wait_for(accepted["id"], "NEW")
    assert datetime.fromisoformat(stack.exchange.orders()[accepted["id"]]["accepted_at"]) > answered_at


def test_an_outage_reaches_no_client_and_all_orders_are_placed_after_it(stack: Stack) -> None:
    stack.exchange.behave("down")
    accepted = [stack.submit()["id"] for _ in range(20)]
    for order_id in accepted:
        eventually(partial(stack.causes, order_id), lambda causes: "unavailable" in causes)
    assert not any(order_id in stack.exchange.orders() for order_id in accepted)
    assert {stack.order(order_id)["status"] for order_id in accepted} == {"PENDING_NEW"}

    stack.exchange.behave("normal")

    for order_id in accepted:
        stack.wait_for(order_id, "NEW")
    assert all(stack.exchange.orders()[order_id]["status"] == "working" for order_id in accepted)


def test_a_failure_after_acceptance_leaves_one_order_at_the_exchange(stack: Stack) -> None:
    with stack.without_reports():
        stack.exchange.behave("fail_after", operations=["place"])
        order_id = stack.submit()["id"]
        eventually(lambda: stack.causes(order_id), lambda causes: "unknown" in causes)

        order = stack.wait_for(order_id, "NEW")

    assert order["status"] == "NEW"
    assert "found" in stack.causes(order_id)
    at_exchange = [order for order in stack.exchange.orders().values() if order["client_order_id"] == order_id]
    assert len(at_exchange) == 1
    assert at_exchange[0]["status"] == "working"


def test_an_order_that_was_sent_twice_is_one_order_at_the_exchange(stack: Stack) -> None:
    with stack.without_reports():
        stack.exchange.behave("fail_after", operations=["place", "find"], count=2)
        order_id = stack.submit()["id"]

        stack.wait_for(order_id, "NEW")

    assert stack.exchange.orders()[order_id]["status"] == "working"


def test_a_refusal_is_final_and_tells_why(stack: Stack) -> None:
    stack.exchange.behave("normal", refuse=["XX0000000000"])

    order_id = stack.submit(instrument="XX0000000000")["id"]

    order = stack.wait_for(order_id, "REJECTED")
    assert order["reject_reason"] == "instrument is not traded here"
    assert order["leaves_qty"] == 0


def test_a_worker_killed_while_placing_loses_nothing(stack: Stack) -> None:
    with stack.without_reports():
        stack.exchange.behave("slow_after", delay=0.9)
        order_id = stack.submit()["id"]
        eventually(lambda: stack.exchange.order(order_id), lambda order: order is not None, every=0.02)

        killed = stack.kill_workers("PlaceOrdersFunction")
        stack.exchange.behave("normal")

        assert killed >= 1
        stack.wait_for(order_id, "NEW")
    assert stack.causes(order_id) == ["accepted", "lost", "found"]
    assert stack.exchange.orders()[order_id]["place_requests"] == 1


def test_a_lost_stream_event_is_found_by_the_sweep(stack: Stack) -> None:
    with stack.losing_events("HandOverFunction"):
        lost = [stack.submit()["id"] for _ in range(5)]
    later = stack.submit()["id"]
    stack.wait_for(later, "NEW")
    assert {stack.order(order_id)["status"] for order_id in lost} == {"PENDING_NEW"}

    def sweep_and_look() -> set[str]:
        stack.sweep()
        return {stack.order(order_id)["status"] for order_id in lost}

    eventually(sweep_and_look, lambda statuses: statuses == {"NEW"}, within=90, every=2)
    assert all("requeued" in stack.causes(order_id) for order_id in lost)


def test_twenty_posts_at_once_are_not_serialised_by_the_exchange(stack: Stack) -> None:
    with _given_exchange(stack, failure_rate=0):
        with ThreadPoolExecutor(20) as clients:
            accepted = list(clients.map(lambda _: stack.submit()["id"], range(20)))
        for order_id in accepted:
            stack.wait_for(order_id, "NEW")

    at_the_exchange = [_exchange_interval(stack.timeline(order_id)) for order_id in accepted]
    assert all(end - begin >= timedelta(seconds=0.5) for begin, end in at_the_exchange)
    most_at_once = max(sum(begin <= moment < end for begin, end in at_the_exchange) for moment, _ in at_the_exchange)
    assert most_at_once >= 5


def test_the_given_exchange_takes_a_hundred_orders_though_one_in_ten_attempts_fails(stack: Stack) -> None:
    with _given_exchange(stack, failure_rate=0.1):
        with ThreadPoolExecutor(10) as clients:
            accepted = list(clients.map(lambda _: stack.submit()["id"], range(100)))
        for order_id in accepted:
            stack.wait_for(order_id, "NEW", within=120)

    attempts = [stack.timeline(order_id)["attempts"] for order_id in accepted]
    assert min(attempts) >= 1


def _given_exchange(stack: Stack, failure_rate: float) -> Any:
    return stack.environment("PlaceOrdersFunction", EXCHANGE="given", GIVEN_FAILURE_RATE=str(failure_rate))


def _exchange_interval(timeline: dict[str, Any]) -> tuple[datetime, datetime]:
    placed = next(entry for entry in timeline["entries"] if entry["cause"] == "placed")
    end = datetime.fromisoformat(placed["at"])
    return end - timedelta(milliseconds=placed["latency_ms"]), end
