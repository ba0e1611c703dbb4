"""Least privilege: each function may do exactly what it does."""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.broker.order import Order
from chalicelib.broker.queue import write_body
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.operations.book_sweep import SEGMENTS
from chalicelib.strategies.item import KNOWN
from tests.client_faults import ClientFaults
from tests.functional.conftest import LIMIT_ORDER, Orders
from tests.functional.events import queue_event, read_event, schedule_event, stream_event
from tests.functional.gateway import Gateway
from tests.functional.lambdas import invoke
from tests.functional.queues import Queues
from tests.functional.traders import BUY, EXAMPLE, SELL, Traders, order_ids
from tests.infra.conftest import Template
from tests.infra.market import MARKET_EVENT, offer
from tests.infra.rights import USED, Right, allowed, in_passing, polling_a_queue, polling_a_stream, statements
from tests.moto_stack import dynamodb
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import new_order, new_signal_order
from tests.unit.broker.report_json import as_json

MAY_BE_STARRED = re.compile(r"arn:[^*]+:log-group:/aws/lambda/\$\{AWS::StackName\}-\*|\$\{\w+\.Arn\}/stream/\*")
LONG_AGO = "2026-01-01T00:00:00.000000Z"
LETTERS = {
    "placements": ("PlacementsDeadLetters", "PLACEMENTS_DLQ_URL"),
    "hand-over": ("HandOverDeadLetters", "HAND_OVER_DLQ_URL"),
    "match-retries": ("MatchRetriesDeadLetters", "MATCH_RETRIES_DLQ_URL"),
    "match": ("MatchDeadLetters", "MATCH_DLQ_URL"),
    "reports": ("ReportsDeadLetters", "REPORTS_DLQ_URL"),
    "report-retries": ("ReportRetriesDeadLetters", "REPORT_RETRIES_DLQ_URL"),
}


@pytest.fixture
def aws_parameters() -> dict[str, str]:
    return {"Exchange": "given", "GivenFailureRate": "1", "GivenLatency": "0"}


@pytest.fixture
def orders(aws: dict[str, str]) -> Orders:
    return Orders(aws["BROKER_ORDERS_TABLE"])


@pytest.fixture
def used() -> Iterator[set[Right]]:
    """What the functions do from now on."""
    USED.clear()
    yield USED
    USED.clear()


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


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
            starred = [resource for resource in statement["Resource"] if "*" in json.dumps(resource)]
            assert [resource for resource in starred if not MAY_BE_STARRED.fullmatch(resource["Fn::Sub"])] == []


def test_hand_over_may_do_what_it_does(template: Template, queues: Queues, used: set[Right]) -> None:
    invoke("hand_over_orders", stream_event(("stream_insert", new_order().order_id)))
    assert allowed(template, "HandOverOrders") == used | polling_a_stream("BrokerOrders", "HandOverDeadLetters")


def test_placement_may_do_what_it_does(template: Template, orders: Orders, used: set[Right]) -> None:
    order = new_order(utc_now())
    follower = new_signal_order(utc_now(), after=order.order_id)
    orders.put(order, follower)
    used.clear()
    invoke("place_orders", queue_event(write_body(follower.order_id)))
    invoke("place_orders", queue_event(write_body(order.order_id)))
    assert allowed(template, "PlaceOrders") == used | polling_a_queue("Placements")


def test_applying_reports_may_do_what_it_does(
    template: Template, orders: Orders, client_faults: ClientFaults, used: set[Right]
) -> None:
    report_everything("apply_reports", orders, client_faults)
    # The second time the order cannot be written: its reports go to the retries.
    failing = stored_order(orders)
    client_faults.never_arrives("dynamodb.PutItem", times=3)
    invoke("apply_reports", queue_event(reports_of(failing)))
    assert allowed(template, "ApplyReports") == used | polling_a_queue("Reports")


def test_retrying_reports_may_do_what_it_does(
    template: Template, orders: Orders, client_faults: ClientFaults, used: set[Right]
) -> None:
    report_everything("retry_reports", orders, client_faults)
    # What fails comes later: alone by its visibility, beside a report that is impossible as a message of its own.
    failing = stored_order(orders)
    client_faults.never_arrives("dynamodb.PutItem", times=3)
    invoke("retry_reports", queue_event(reports_of(failing, new_order())))
    later = {("sqs:ChangeMessageVisibility", "ReportRetries")}
    assert allowed(template, "RetryReports") == used | polling_a_queue("ReportRetries") | later


def report_everything(function: str, orders: Orders, client_faults: ClientFaults) -> None:
    """Apply reports: of an order that is not stored, and of one that somebody else changes meanwhile."""
    order = stored_order(orders)

    def change() -> None:
        with in_passing():
            broker().store.save(orders.get(order.order_id))

    client_faults.never_arrives("dynamodb.PutItem", then=change)
    invoke(function, queue_event(reports_of(order, new_order())))
    with in_passing():
        assert orders.get(order.order_id).venue_seq == 1


def stored_order(orders: Orders) -> Order:
    with in_passing():
        order = new_order(utc_now())
        orders.put(order)
    return order


def reports_of(*orders: Order) -> str:
    """Return a message with an acknowledgement of each order."""
    reports = [as_json(order, report_of(order, 1, OrderStatus.NEW)) for order in orders]
    return json.dumps({"reports": reports})


def test_sweep_may_do_what_it_does(
    template: Template, aws: dict[str, str], queues: Queues, client_faults: ClientFaults, used: set[Right]
) -> None:
    leave_orders_and_letters(Orders(aws["BROKER_ORDERS_TABLE"]), queues)
    # A state of an earlier sweep, so that this one has one to replace.
    state = {"name": {"S": "sweep"}, "content": {"S": '{"0": ["2020-01-01T00:00:00.000000Z", ""]}'}}
    dynamodb().put_item(TableName="Operations", Item=state)
    trade_once(Gateway())
    leave_signals_and_profiles(Traders(aws), client_faults)
    used.clear()
    for _ in range(SEGMENTS):
        invoke("sweep", schedule_event())
    assert used == allowed(template, "Sweep")


def leave_orders_and_letters(orders: Orders, queues: Queues) -> None:
    """Leave an order that waits for too long, and letters that are settled or unreadable."""
    old = utc_now() - timedelta(hours=1)
    settled = new_order(old, status=OrderStatus.NEW, placed_at=old)
    orders.put(new_order(old), settled)
    queues.put(queues.dead_placements, write_body(settled.order_id))
    queues.put(queues.dead_placements, "unreadable")


def leave_signals_and_profiles(traders: Traders, client_faults: ClientFaults) -> None:
    """Leave a closed position, a purchase and a sale whose workers are dead, and profiles that nobody needs."""
    traders.put_profiles(EXAMPLE)
    age_profiles(retired_at={"S": LONG_AGO})
    traders.put_profiles(EXAMPLE)
    age_profiles()
    traders.put_profiles(EXAMPLE)
    for signal in (BUY, SELL, BUY):
        traders.create_order(signal)
    for signal in (SELL, ("STRATEGY_A", "GRASIM", "BUY")):
        client_faults.never_arrives("dynamodb.TransactWriteItems", times=3)
        traders.expire_lease(traders.create_order(signal).content["ORDER_ID"])


def age_profiles(**attributes: dict[str, str]) -> None:
    """Let all profiles that there are have been put long ago."""
    for item in dynamodb().scan(TableName="Subscriptions")["Items"]:
        if item["generation"]["S"] == KNOWN:
            dynamodb().put_item(TableName="Subscriptions", Item={**item, "created_at": {"S": LONG_AGO}, **attributes})


def test_matching_may_do_what_it_does(
    template: Template, queues: Queues, client_faults: ClientFaults, used: set[Right]
) -> None:
    offer(Gateway(), "sell", 1), offer(Gateway(), "buy", 2)
    used.clear()
    invoke("match_orders", MARKET_EVENT)
    # The second time it cannot read the book: the artwork goes to the retries.
    client_faults.never_arrives("dynamodb.Query", times=3)
    invoke("match_orders", MARKET_EVENT)
    assert allowed(template, "MatchOrders") == used | polling_a_stream("MarketOrders", "MatchDeadLetters")


def test_retrying_a_match_may_do_what_it_does(template: Template, queues: Queues, used: set[Right]) -> None:
    offer(Gateway(), "sell", 1), offer(Gateway(), "buy", 2)
    used.clear()
    invoke("retry_matches", queue_event('{"artwork_id": 3}'))
    contended = {("sqs:ChangeMessageVisibility", "MatchRetries")}
    assert allowed(template, "RetryMatches") == used | polling_a_queue("MatchRetries") | contended


def trade_once(gateway: Gateway) -> str:
    """Make a trade, and leave a crossed book for the sweep; return the id of an order that traded."""
    order_id = offer(gateway, "sell", 1)
    offer(gateway, "buy", 2)
    invoke("match_orders", MARKET_EVENT)
    offer(gateway, "sell", 1), offer(gateway, "buy", 2)
    return order_id


def test_api_may_do_what_it_does(
    template: Template, aws: dict[str, str], client_faults: ClientFaults, used: set[Right]
) -> None:
    gateway = Gateway()
    Orders(aws["BROKER_ORDERS_TABLE"]).put(new_order(utc_now() - timedelta(minutes=1)))
    used.clear()
    order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]
    gateway.post(f"/orders/{order_id}/cancel")
    for path in ("/orders", f"/orders/{order_id}", "/health", "/operations/queues"):
        assert gateway.get(path).status == 200
    use_the_market(gateway)
    use_the_strategies(Traders(aws), client_faults)
    use_the_dead_letters(gateway, Queues(aws))
    assert gateway.post("/operations/invariants/run", {}).status == 202
    # Letters that could not be moved are put back: when SQS refuses a part of a batch, which moto never does.
    putting_back = {("sqs:ChangeMessageVisibility", letters) for letters, _ in LETTERS.values()}
    assert used | putting_back == allowed(template, "APIHandler")


def use_the_dead_letters(gateway: Gateway, queues: Queues) -> None:
    """Look at the letters of every queue, and move them back."""
    for name, (_, variable) in LETTERS.items():
        with in_passing():
            letter = json.dumps(read_event("stream_window_letter"))
            put = queues.put_partitioned if name == "reports" else queues.put
            put(os.environ[variable], letter)
        assert gateway.get(f"/operations/dead-letters?queue={name}").status == 200
        answer = gateway.post("/operations/dead-letters/redrive", {"queue": name})
        assert (answer.status, answer.content["redriven"]) == (200, 1)


def use_the_strategies(traders: Traders, client_faults: ClientFaults) -> None:
    """Call every route of the strategies, and let a repeated request complete what a dead worker left."""
    traders.put_profiles(EXAMPLE)
    assert traders.profiles() == EXAMPLE
    client_faults.never_arrives("dynamodb.TransactWriteItems", times=3)
    signal_id = traders.create_order(BUY, Idempotency_Key="a-key").content["ORDER_ID"]
    with in_passing():
        traders.expire_lease(signal_id)
    assert traders.create_order(BUY, Idempotency_Key="a-key").status == 200
    for query in ("", "?user=Holland%20Proctor", "?instrument=MINDA"):
        assert len(traders.positions(query)) == 1
    content = traders.signal(*SELL)
    assert traders.view(content["signal_id"]) == content
    for query in ("", "?user=Holland%20Proctor"):
        assert len(traders.log(query)) == 1
    assert len(traders.signals()) == 2
    assert traders.order(*order_ids(content).values())["side"] == "sell"


def use_the_market(gateway: Gateway) -> None:
    """Call every route of the art market."""
    traded = trade_once(gateway)
    canceled = offer(gateway, "sell", 4)
    assert gateway.post(f"/market/orders/{canceled}/cancel", {}).status == 200
    assert gateway.send("PUT", "/market/artworks/3", {"title": "Nocturne", "artist": "A. Painter"}).status == 200
    lists = ["/market/orders", "/market/orders?user_id=1", "/market/transactions?user_id=1", "/market/artworks"]
    lists.append("/market/artworks?sort=price_asc")
    for path in (*lists, "/market/artworks/3", f"/market/orders/{traded}"):
        assert gateway.get(path).status == 200
