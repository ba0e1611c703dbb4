"""Least privilege: each function may do exactly what it does."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.broker.queue import write_body
from chalicelib.core.clock import utc_now
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.operations.book_sweep import SEGMENTS
from tests.client_faults import ClientFaults
from tests.functional.conftest import LIMIT_ORDER, Orders
from tests.functional.events import queue_event, read_event, schedule_event, stream_event
from tests.functional.gateway import Gateway
from tests.functional.lambdas import invoke
from tests.functional.queues import Queues
from tests.infra.conftest import Template
from tests.moto_stack import dynamodb, sqs
from tests.unit.broker.orders import new_order

MARKET_EVENT = {
    "Records": [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"book": {"S": "3"}, "order_id": {"S": "3-x"}},
                "NewImage": {"status": {"S": "NEW"}},
            },
        }
    ]
}
LOGS = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
POLLING_A_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
POLLING_A_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
# SQS has no actions for its batch calls (Service Authorization Reference, Amazon SQS).
BATCH_CALLS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# A transaction needs the right to each of its parts (Service Authorization Reference, Amazon DynamoDB).
TRANSACTION = "dynamodb:TransactWriteItems"
IN_A_TRADE = {"dynamodb:UpdateItem", "dynamodb:PutItem"}


@pytest.fixture
def aws_parameters() -> dict[str, str]:
    return {"Exchange": "given", "GivenFailureRate": "1", "GivenLatency": "0"}


@pytest.fixture
def orders(aws: dict[str, str]) -> Orders:
    return Orders(aws["BROKER_ORDERS_TABLE"])


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


def statements(template: Template, function: str) -> list[dict[str, Any]]:
    role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def allowed(template: Template, function: str) -> set[str]:
    """Return the actions that a function may do, beside writing its log."""
    return {action for statement in statements(template, function) for action in statement["Action"]} - LOGS


def done(faults: ClientFaults) -> set[str]:
    """Return the actions that were done."""
    names = {call.replace(".", ":") for call in faults.calls}
    if TRANSACTION in names:
        names = names - {TRANSACTION} | IN_A_TRADE
    return {BATCH_CALLS.get(name, name) for name in names}


def all_functions(template: Template) -> list[str]:
    return [n for n, r in template["Resources"].items() if r["Type"] == "AWS::Serverless::Function"]


def test_no_policy_has_a_bare_star(template: Template) -> None:
    for function in all_functions(template):
        for statement in statements(template, function):
            resources = statement["Resource"]
            assert statement["Effect"] == "Allow"
            assert isinstance(resources, list)
            assert "*" not in resources
            assert not any(action.endswith("*") for action in statement["Action"])


def test_stars_are_at_the_end_of_log_groups_and_streams_only(template: Template) -> None:
    for function in all_functions(template):
        for statement in statements(template, function):
            texts = [json.dumps(resource) for resource in statement["Resource"]]
            assert all("*" not in text or "log-group" in text or "/stream/*" in text for text in texts)


def test_hand_over_may_do_what_it_does(template: Template, queues: Queues, client_faults: ClientFaults) -> None:
    invoke("hand_over_orders", stream_event(("stream_insert", new_order().order_id)))
    # Lambda itself reads the stream and sends what it gives up, in the function's name.
    assert allowed(template, "HandOverOrders") == done(client_faults) | POLLING_A_STREAM


def test_placement_may_do_what_it_does(template: Template, orders: Orders, client_faults: ClientFaults) -> None:
    order = new_order(utc_now())
    orders.put(order)
    client_faults.reset()
    invoke("place_orders", queue_event(write_body(order.order_id)))
    assert allowed(template, "PlaceOrders") == done(client_faults) | POLLING_A_QUEUE


def test_sweep_may_do_what_it_does(
    template: Template, orders: Orders, queues: Queues, client_faults: ClientFaults
) -> None:
    old = utc_now() - timedelta(hours=1)
    settled = new_order(old, status=OrderStatus.NEW, placed_at=old)
    orders.put(new_order(old), settled)
    queues.put(queues.dead_placements, write_body(settled.order_id))
    queues.put(queues.dead_placements, "unreadable")
    # A state of an earlier sweep, so that this one has one to replace.
    state = {"name": {"S": "sweep"}, "content": {"S": '{"0": ["2020-01-01T00:00:00.000000Z", ""]}'}}
    dynamodb().put_item(TableName="Operations", Item=state)
    trade_once(Gateway())
    client_faults.reset()
    for _ in range(SEGMENTS):
        invoke("sweep", schedule_event())
    assert done(client_faults) == allowed(template, "Sweep")


def test_matching_may_do_what_it_does(template: Template, queues: Queues, client_faults: ClientFaults) -> None:
    offer(Gateway(), "sell", 1), offer(Gateway(), "buy", 2)
    client_faults.reset()
    invoke("match_orders", MARKET_EVENT)
    # The second time it cannot read the book: the artwork goes to the retries.
    client_faults.never_arrives("dynamodb.Query", times=3)
    invoke("match_orders", MARKET_EVENT)
    assert allowed(template, "MatchOrders") == done(client_faults) | POLLING_A_STREAM


def test_retrying_a_match_may_do_what_it_does(template: Template, queues: Queues, client_faults: ClientFaults) -> None:
    offer(Gateway(), "sell", 1), offer(Gateway(), "buy", 2)
    client_faults.reset()
    invoke("retry_matches", queue_event('{"artwork_id": 3}'))
    contended = {"sqs:ChangeMessageVisibility"}
    assert allowed(template, "RetryMatches") == done(client_faults) | POLLING_A_QUEUE | contended


def offer(gateway: Gateway, direction: str, user_id: int) -> str:
    """Submit an order of the artwork 3; return its id."""
    order = {"user_id": user_id, "artwork_id": 3, "price": 5, "direction": direction}
    return str(gateway.post("/market/orders", order).content["order_id"])


def trade_once(gateway: Gateway) -> str:
    """Make a trade, and leave a crossed book for the sweep; return the id of an order that traded."""
    order_id = offer(gateway, "sell", 1)
    offer(gateway, "buy", 2)
    invoke("match_orders", MARKET_EVENT)
    offer(gateway, "sell", 1), offer(gateway, "buy", 2)
    return order_id


def test_api_may_do_what_it_does(
    template: Template, orders: Orders, queues: Queues, client_faults: ClientFaults
) -> None:
    gateway = Gateway()
    orders.put(new_order(utc_now() - timedelta(minutes=1)))
    match_windows = os.environ["MATCH_DLQ_URL"]
    for url in (queues.dead_placements, queues.dead_windows, match_windows):
        sqs().send_message(QueueUrl=url, MessageBody=json.dumps(read_event("stream_window_letter")))
    client_faults.reset()
    order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]
    gateway.post(f"/orders/{order_id}/cancel")
    for path in ("/orders", f"/orders/{order_id}", "/health", "/operations/queues"):
        assert gateway.get(path).status == 200
    use_the_market(gateway)
    for queue in ("placements", "hand-over", "match-retries", "match"):
        assert gateway.get(f"/operations/dead-letters?queue={queue}").status == 200
        assert gateway.post("/operations/dead-letters/redrive", {"queue": queue}).status == 200
    # Letters that could not be moved are put back: the only use of the right to change visibility.
    client_faults.never_arrives("sqs.SendMessageBatch", times=3)
    queues.put(queues.dead_windows, "{}")
    gateway.post("/operations/dead-letters/redrive", {"queue": "hand-over"})
    assert gateway.post("/operations/invariants/run", {}).status == 202
    assert done(client_faults) == allowed(template, "APIHandler")


def use_the_market(gateway: Gateway) -> None:
    """Call every route of the art market."""
    traded = trade_once(gateway)
    canceled = offer(gateway, "sell", 4)
    assert gateway.post(f"/market/orders/{canceled}/cancel", {}).status == 200
    assert gateway.send("PUT", "/market/artworks/3", {"title": "Nocturne", "artist": "A. Painter"}).status == 200
    lists = ["/market/orders", "/market/orders?user_id=1", "/market/transactions?user_id=1", "/market/artworks"]
    for path in (*lists, "/market/artworks/3", f"/market/orders/{traded}"):
        assert gateway.get(path).status == 200
