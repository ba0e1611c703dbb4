"""Alarms and dashboard show what is really told: every metric of ours is written by a function that is called."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.broker.queue import write_body
from chalicelib.core import metering
from chalicelib.core.clock import utc_now
from chalicelib.core.invocations import watch_invocation
from chalicelib.core.lifecycle import OrderStatus
from infra.template import with_choices
from tests.client_faults import ClientFaults
from tests.functional.conftest import LIMIT_ORDER, Orders
from tests.functional.events import queue_event, schedule_event
from tests.functional.gateway import Gateway
from tests.functional.lambdas import invoke
from tests.functional.traders import BUY, EXAMPLE, NOT_TRADED, Traders
from tests.infra.conftest import Template
from tests.infra.market import MARKET_EVENT, offer
from tests.infra.sam import translated
from tests.moto_stack import dynamodb
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import new_order
from tests.unit.broker.report_json import as_json
from tests.unit.broker.venue_server import VenueHandler, VenueServer, answers, running_venue

Metric = tuple[str, str]
"""Namespace and name."""
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
OF_AWS = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/DynamoDB": {"ConsumedWriteCapacityUnits", "WriteThrottleEvents"},
    "AWS/Lambda": {"ConcurrentExecutions", "Duration", "Errors", "IteratorAge", "Throttles"},
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}
DIMENSIONS = {
    "AWS/ApiGateway": ["ApiName"],
    "AWS/DynamoDB": ["TableName"],
    "AWS/Lambda": ["FunctionName"],
    "AWS/SQS": ["QueueName"],
    "Rialto": ["service"],
}
SEARCHED = {"Rejected"}
"""Shown by their code, whatever codes there are."""


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with running_venue() as server:
        yield server


@pytest.fixture
def aws_parameters(venue: VenueServer) -> dict[str, str]:
    return {"ExchangeUrl": venue.url, "ExchangeTimeout": "5"}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    found = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    return {name: one["Properties"] for name, one in found.items()}


def lines(template: Template) -> list[list[Any]]:
    """Return the lines of all graphs."""
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return [line for widget in json.loads(body)["widgets"] for line in widget["properties"].get("metrics", [])]


def watched(template: Template) -> set[Metric]:
    """Return what alarms and graphs look at by its name."""
    named = {(line[0], line[1]) for line in lines(template) if isinstance(line[0], str)}
    return named | {(one["Namespace"], one["MetricName"]) for one in alarms(template).values()}


def test_whatever_is_watched_is_told_and_whatever_is_told_is_watched(
    template: Template,
    aws: dict[str, str],
    venue: VenueServer,
    client_faults: ClientFaults,
    capsys: pytest.CaptureFixture[str],
) -> None:
    orders = Orders(aws["BROKER_ORDERS_TABLE"])
    place_and_report(orders, venue)
    match(client_faults)
    send_signals(Traders(aws))
    ask_for_news(orders, venue)
    gateway = Gateway()
    assert gateway.post("/operations/invariants/run", {}).status == 202
    gateway.post("/orders", {})
    watch_invocation(None, lambda _: throttle())
    orders.drop_table()
    assert gateway.post("/orders", LIMIT_ORDER).status == 500
    told = emitted(capsys.readouterr().out)
    ours = {name for namespace, name in watched(template) if namespace == "Rialto"}
    assert {name for name, dimensions in told if dimensions == ("service",)} == ours
    assert {name for name, dimensions in told if dimensions == ("code", "service")} == SEARCHED


def place_and_report(orders: Orders, venue: VenueServer) -> None:
    """Accept, place, fail, give up, refuse; report once, twice, late and of an order that nobody knows."""
    placed = Gateway().post("/orders", LIMIT_ORDER).content["id"]
    venue.reply = answers(201, {"status": "working"})
    invoke("place_orders", queue_event(write_body(orders.get(placed).order_id)))
    waiting, refused = new_order(utc_now()), new_order(utc_now())
    orders.put(waiting, refused)
    venue.reply = answers(503, {"code": "unavailable"})
    invoke("place_orders", queue_event(write_body(waiting.order_id)))
    refresh(orders, waiting.order_id)
    invoke("place_orders", queue_event(write_body(waiting.order_id), receive_count=20))
    venue.reply = answers(422, {"code": "rejected", "reason": "no such instrument"})
    invoke("place_orders", queue_event(write_body(refused.order_id)))
    order = orders.get(placed)
    third, second = (report_of(order, seq, OrderStatus.PARTIALLY_FILLED, seq - 1) for seq in (3, 2))
    for report in (third, third, second):
        invoke("apply_reports", queue_event(json.dumps({"reports": [as_json(order, report)]})))
    unknown = new_order()
    reports = [as_json(unknown, report_of(unknown, 1, OrderStatus.NEW))]
    invoke("apply_reports", queue_event(json.dumps({"reports": reports})))


def ask_for_news(orders: Orders, venue: VenueServer) -> None:
    """Sweep when one order was filled without news, and another is not known at the exchange any more."""
    before = utc_now() - timedelta(hours=1)
    filled, unknown = (new_order(before, status=OrderStatus.NEW, placed_at=before) for _ in range(2))
    orders.put(filled, unknown)
    done = {"status": "filled", "order_seq": 2, "cum_qty": filled.quantity, "avg_px": 10.25}

    def reply(handler: VenueHandler) -> None:
        known = handler.path.endswith(filled.order_id)
        (answers(200, done) if known else answers(404, {"code": "unknown_order"}))(handler)

    venue.reply = reply
    invoke("sweep", schedule_event())
    assert orders.get(str(filled.order_id)).status is OrderStatus.FILLED


def refresh(orders: Orders, order_id: str) -> None:
    """Let the backoff of an order be over."""
    key = {"order_id": {"S": order_id}}
    long_ago = {":at": {"S": "2026-01-01T00:00:00.000000Z"}}
    dynamodb().update_item(
        TableName=os.environ["BROKER_ORDERS_TABLE"],
        Key=key,
        UpdateExpression="SET next_attempt_at = :at",
        ExpressionAttributeValues=long_ago,
    )
    assert orders.get(order_id).next_attempt_at is not None


def match(client_faults: ClientFaults) -> None:
    """Match two offers, and fail to match an artwork."""
    offer(Gateway(), "sell", 1), offer(Gateway(), "buy", 2)
    invoke("match_orders", MARKET_EVENT)
    client_faults.never_arrives("dynamodb.Query", times=3)
    invoke("match_orders", MARKET_EVENT)


def send_signals(traders: Traders) -> None:
    """Send a signal that is valid for somebody, and one that is for nobody."""
    traders.put_profiles(EXAMPLE)
    traders.signal(*BUY)
    traders.post_signal(NOT_TRADED)


def throttle() -> None:
    """Let DynamoDB answer that there are too many calls."""
    metering._note("response-received.dynamodb.PutItem", {"Error": {"Code": "ThrottlingException"}})


def emitted(output: str) -> set[tuple[str, tuple[str, ...]]]:
    """Return names and dimensions of the metrics in EMF lines, as CloudWatch reads them."""
    told = set()
    for line in output.splitlines():
        content = json.loads(line)
        for directive in content.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Rialto"
            for dimensions in directive["Dimensions"]:
                assert all(content[name] for name in dimensions)
                told |= {(metric["Name"], tuple(sorted(dimensions))) for metric in directive["Metrics"]}
    return told


class TestWatched:
    def test_metrics_of_aws_are_those_that_there_are(self, template: Template) -> None:
        of_aws = {(namespace, name) for namespace, name in watched(template) if namespace != "Rialto"}
        assert of_aws == {(namespace, name) for namespace, names in OF_AWS.items() for name in names}

    def test_each_is_looked_at_with_its_dimensions(self, template: Template) -> None:
        for namespace, _, *dimensions, _ in (line for line in lines(template) if isinstance(line[0], str)):
            assert dimensions[::2] == DIMENSIONS[namespace]
        for name, alarm in alarms(template).items():
            # The limit on concurrent executions is the account's, whoever uses them.
            wanted = [] if name == "FunctionThrottlesAlarm" else DIMENSIONS[alarm["Namespace"]]
            assert [dimension["Name"] for dimension in alarm.get("Dimensions", [])] == wanted

    def test_stages_of_one_account_do_not_mix(self, template: Template) -> None:
        variables = template["Globals"]["Function"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
        assert template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["info"]["title"] == {
            "Ref": "AWS::StackName"
        }
        for alarm in alarms(template).values():
            if alarm["Namespace"] in ("Rialto", "AWS/ApiGateway"):
                assert alarm["Dimensions"][0]["Value"] == {"Ref": "AWS::StackName"}

    def test_searches_name_what_is_told_by_code(self, template: Template) -> None:
        searches = [line[0]["expression"] for line in lines(template) if isinstance(line[0], dict)]
        assert [name for name in SEARCHED if any(f'MetricName="{name}"' in search for search in searches)] == [
            *SEARCHED
        ]
        assert all("{Rialto,code,service}" in search for search in searches)

    def test_every_dead_letter_queue_has_its_alarm(self, template: Template) -> None:
        queues = {name for name, one in template["Resources"].items() if one["Type"] == "AWS::SQS::Queue"}
        letters = {name for name in queues if name.endswith("DeadLetters")}
        watched_queues = {
            alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
            for alarm in alarms(template).values()
            if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        }
        assert watched_queues == letters

    def test_reports_that_wait_too_long_have_an_alarm(self, template: Template) -> None:
        (alarm,) = [one for one in alarms(template).values() if one["MetricName"] == "ApproximateAgeOfOldestMessage"]
        assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["Reports", "QueueName"]}

    def test_both_streams_have_an_alarm_for_their_age(self, template: Template) -> None:
        ages = [
            one["Dimensions"][0]["Value"] for one in alarms(template).values() if one["MetricName"] == "IteratorAge"
        ]
        assert ages == [{"Ref": "HandOverOrders"}, {"Ref": "MatchOrders"}]

    def test_dashboard_shows_every_alarm(self, template: Template) -> None:
        body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        (widget,) = [one for one in json.loads(body)["widgets"] if one["type"] == "alarm"]
        assert set(widget["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in alarms(template)}

    def test_alarms_tell_the_topic_that_is_asked_for(self, template: Template) -> None:
        assert template["Parameters"]["AlarmTopic"]["Default"] == ""
        for alarm in alarms(template).values():
            no_topic, nothing, topic = alarm["AlarmActions"]["Fn::If"]
            assert (no_topic, nothing, topic) == ("NoAlarmTopic", {"Ref": "AWS::NoValue"}, [{"Ref": "AlarmTopic"}])


class TestTracing:
    def test_is_off_unless_asked_for_because_it_costs(self, template: Template) -> None:
        assert template["Parameters"]["Tracing"]["Default"] == "none"

    def test_is_a_choice_for_every_function_its_role_and_the_gateway(self, template: Template) -> None:
        for resource in template["Resources"].values():
            properties = resource["Properties"]
            if resource["Type"] == "AWS::Serverless::Function":
                assert properties["Tracing"] == {"Fn::If": ["Traced", "Active", "PassThrough"]}
            if resource["Type"] == "AWS::IAM::Role":
                traced, policies, nothing = properties["ManagedPolicyArns"]["Fn::If"]
                assert (traced, nothing) == ("Traced", {"Ref": "AWS::NoValue"})
                assert [policy["Fn::Sub"].rpartition("/")[2] for policy in policies] == ["AWSXRayDaemonWriteAccess"]
        assert template["Resources"]["RestAPI"]["Properties"]["TracingEnabled"] == {"Fn::If": ["Traced", True, False]}

    def test_reaches_functions_and_gateway_through_the_transform(self, template: Template) -> None:
        resources = translated(with_choices(template, {}), {}).values()
        functions = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Function"]
        assert all(function["TracingConfig"]["Mode"]["Fn::If"][0] == "Traced" for function in functions)
        (stage,) = [one["Properties"] for one in resources if one["Type"] == "AWS::ApiGateway::Stage"]
        assert stage["TracingEnabled"]["Fn::If"][0] == "Traced"
