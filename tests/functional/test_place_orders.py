"""The placement function with recorded queue events, over a real HTTP exchange."""

import time
from collections.abc import Iterator
from threading import Barrier

import pytest

from chalicelib.broker.order import Order
from chalicelib.broker.queue import write_body
from chalicelib.core.clock import utc_now
from chalicelib.core.lifecycle import OrderStatus
from tests.client_calls import noted_calls
from tests.client_faults import ClientFaults
from tests.functional.conftest import Orders
from tests.functional.events import queue_event
from tests.functional.lambdas import invoke
from tests.functional.queues import Queues, sqs_of_the_broker
from tests.unit.broker.orders import new_order, new_signal_order
from tests.unit.broker.venue_server import VenueHandler, VenueServer, answers, running_venue

WORKS = answers(201, {"status": "working"})
DOWN = answers(503, {"code": "unavailable"})


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with running_venue() as server:
        server.reply = WORKS
        yield server


@pytest.fixture
def aws_parameters(venue: VenueServer) -> dict[str, str]:
    return {"ExchangeUrl": venue.url, "ExchangeTimeout": "5", "PlacementMaxReceives": "4"}


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


def accepted(orders: Orders, count: int) -> list[Order]:
    made = [new_order(utc_now()) for _ in range(count)]
    orders.put(*made)
    return made


def bodies(*orders: Order) -> list[str]:
    return [write_body(order.order_id) for order in orders]


def failed(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def visible_orders(queues: Queues) -> list[str]:
    """Return the orders in the queue as soon as no message is hidden since it was sent."""
    deadline = time.monotonic() + 20
    while queues.delayed():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return queues.orders()


def test_order_is_placed_under_its_id(orders: Orders, venue: VenueServer) -> None:
    (order,) = accepted(orders, 1)
    assert failed(invoke("place_orders", queue_event(*bodies(order)))) == []
    assert orders.get(order.order_id).status is OrderStatus.NEW
    assert [path for _, path, _ in venue.requests] == [f"/orders/{order.order_id}"]


def test_ten_orders_are_placed_at_once(orders: Orders, venue: VenueServer) -> None:
    all_are_here = Barrier(10, timeout=20)

    def answer_when_all_are_here(handler: VenueHandler) -> None:
        all_are_here.wait()
        WORKS(handler)

    venue.reply = answer_when_all_are_here
    made = accepted(orders, 10)
    assert failed(invoke("place_orders", queue_event(*bodies(*made)))) == []
    assert {orders.get(order.order_id).status for order in made} == {OrderStatus.NEW}


def test_only_the_orders_that_still_wait_come_again(orders: Orders, venue: VenueServer) -> None:
    first, second, third = accepted(orders, 3)

    def take_all_but_the_second(handler: VenueHandler) -> None:
        (DOWN if second.order_id in handler.path else WORKS)(handler)

    venue.reply = take_all_but_the_second
    assert failed(invoke("place_orders", queue_event(*bodies(first, second, third)))) == ["m1"]
    assert orders.get(first.order_id).status is OrderStatus.NEW
    assert orders.get(second.order_id).status is OrderStatus.PENDING_NEW


@pytest.mark.parametrize("body", ["", "no json", "[]", "{}", '{"order_id": "7b7a8f8e-0000-4000-8000-000000000000"}'])
def test_message_that_nobody_understands_comes_again_and_leaves_the_others_alone(orders: Orders, body: str) -> None:
    (order,) = accepted(orders, 1)
    assert failed(invoke("place_orders", queue_event(body, *bodies(order)))) == ["m0"]
    assert orders.get(order.order_id).status is OrderStatus.NEW


def test_message_of_an_order_that_waits_no_more_is_done_without_a_call(orders: Orders, venue: VenueServer) -> None:
    order = new_order(utc_now(), status=OrderStatus.CANCELED)
    orders.put(order)
    assert failed(invoke("place_orders", queue_event(*bodies(order)))) == []
    assert venue.requests == []


def test_failed_order_shows_up_again_after_its_backoff(orders: Orders, queues: Queues, venue: VenueServer) -> None:
    (order,) = accepted(orders, 1)
    queues.put(queues.placements, *bodies(order))
    venue.reply = DOWN
    (record,) = queues.receive_as_lambda()
    with noted_calls(sqs_of_the_broker(), "sqs.ChangeMessageVisibilityBatch") as changes:
        assert failed(invoke("place_orders", {"Records": [record]})) == [record["messageId"]]
    assert [entry["VisibilityTimeout"] in (1, 2) for change in changes for entry in change["Entries"]] == [True]
    waiting = orders.get(order.order_id)
    assert waiting.next_attempt_at is not None
    assert 0 < (waiting.next_attempt_at - waiting.timeline[-1].at).total_seconds() <= 2.001


def test_order_whose_message_was_received_often_enough_becomes_a_dead_letter(
    orders: Orders, queues: Queues, venue: VenueServer
) -> None:
    (order,) = accepted(orders, 1)
    queues.put(queues.placements, *bodies(order))
    venue.reply = DOWN
    assert failed(invoke("place_orders", {"Records": queues.receive_as_lambda(times=4)}))
    assert orders.get(order.order_id).dead_lettered_at is not None
    assert queues.bodies(queues.placements) == []
    assert queues.bodies(queues.dead_placements) == bodies(order)


def test_order_that_comes_after_another_is_placed_behind_it(orders: Orders, queues: Queues, venue: VenueServer) -> None:
    first = new_signal_order(utc_now())
    second = new_signal_order(utc_now(), after=first.order_id)
    orders.put(first, second)
    with noted_calls(sqs_of_the_broker(), "sqs.SendMessageBatch") as sent:
        assert failed(invoke("place_orders", queue_event(*bodies(second)))) == []
    assert venue.requests == []
    assert [entry["DelaySeconds"] for call in sent for entry in call["Entries"]] == [1]
    assert failed(invoke("place_orders", queue_event(*bodies(first)))) == []
    assert visible_orders(queues) == [second.order_id]
    assert failed(invoke("place_orders", {"Records": queues.receive_as_lambda()})) == []
    assert [path for _, path, _ in venue.requests] == [f"/orders/{each.order_id}" for each in (first, second)]


def test_queue_that_fails_loses_no_order_that_comes_after_another(
    orders: Orders, queues: Queues, client_faults: ClientFaults
) -> None:
    first = new_signal_order(utc_now())
    second = new_signal_order(utc_now(), after=first.order_id)
    orders.put(first, second)
    client_faults.never_arrives("sqs.SendMessageBatch", times=3)
    assert failed(invoke("place_orders", queue_event(*bodies(second)))) == ["m0"]
    assert failed(invoke("place_orders", queue_event(*bodies(second)))) == []
    assert visible_orders(queues) == [second.order_id]


def test_table_that_fails_loses_no_message(orders: Orders, client_faults: ClientFaults) -> None:
    (order,) = accepted(orders, 1)
    client_faults.never_arrives("dynamodb.PutItem", times=3)
    assert failed(invoke("place_orders", queue_event(*bodies(order)))) == ["m0"]
    assert failed(invoke("place_orders", queue_event(*bodies(order)))) == []
    assert orders.get(order.order_id).status is OrderStatus.NEW


def test_queue_that_fails_loses_no_message(
    orders: Orders, queues: Queues, venue: VenueServer, client_faults: ClientFaults
) -> None:
    (order,) = accepted(orders, 1)
    queues.put(queues.placements, *bodies(order))
    venue.reply = DOWN
    client_faults.never_arrives("sqs.ChangeMessageVisibilityBatch", times=3)
    (record,) = queues.receive_as_lambda()
    assert failed(invoke("place_orders", {"Records": [record]})) == [record["messageId"]]


def test_canceled_order_is_canceled_at_the_exchange(orders: Orders, venue: VenueServer) -> None:
    order = new_order(utc_now(), status=OrderStatus.PENDING_CANCEL, cancel_requested_at=utc_now())
    orders.put(order)
    venue.reply = answers(200, {"status": "canceled"})
    assert failed(invoke("place_orders", queue_event(*bodies(order)))) == []
    assert orders.get(order.order_id).status is OrderStatus.CANCELED
    assert [method for method, _, _ in venue.requests] == ["DELETE"]
