"""A stack that asks for signatures and limits requests: nothing gets past its gateway."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_session import REGION
from instance import Instance
from rialto_client import BrokerOrderRequest, Client, Direction, OrderChange, OrderEvent
from signature import Signature

from app import app
from tests.deployed import PARAMETERS
from tests.e2e.command_line import CommandLine
from tests.e2e.own_stack import deployed_stack
from tests.e2e.stack import ISIN, Stack

pytestmark = pytest.mark.embedded_only("LocalStack checks no signatures")

GUARDED = {"Authorization": "iam", "ThrottleRate": "400", "ThrottleBurst": "800", "LogRetention": "7"}
# So few that the test need not be fast: one more request in ten minutes beside the first ones.
SCARCE = {"rateLimit": "0.0017", "burstLimit": "5"}
ROUTES = sorted((method, path) for path, methods in app.routes.items() for method in methods)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    instance = Instance.on_free_ports(tmp_path_factory.mktemp("guarded"))
    with deployed_stack(instance, PARAMETERS | GUARDED) as deployed:
        yield deployed


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_a_signature(guarded: Stack, method: str, path: str) -> None:
    response = guarded.http.request(method, path.replace("{", "").replace("}", ""), content=b"{}")
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_signed"


def test_signed_order_is_taken(guarded: Stack) -> None:
    order = {"type": "market", "side": "buy", "instrument": "DE0007664039", "quantity": 1}
    assert guarded.http.post("/orders", json=order, auth=Signature()).status_code == 201
    assert guarded.http.get("/orders", auth=Signature()).status_code == 200


def test_the_command_line_signs(guarded: Stack, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    unsigned = CommandLine(guarded.deployment.url, tmp_path, **keys)
    rialto = CommandLine(guarded.deployment.url, tmp_path, **keys, RIALTO_SIGN=REGION)

    order_id = rialto.json("orders", "place", "buy", ISIN, "1", "--wait")["id"]
    assert order_id in [row["id"] for row in rialto.rows("orders", "list", "--limit", "5")]
    assert unsigned.json("--sign", REGION, "health")["status"] == "ok"

    unsigned.run("orders", "show", order_id, code=1)
    rialto.run("--sign", "none", "orders", "show", order_id, code=1)


def test_the_client_watches_with_a_signature(guarded: Stack) -> None:
    async def place_and_watch() -> tuple[str, OrderEvent]:
        async with Client(guarded.deployment.url, auth=Signature()) as client:
            placed = await client.place_broker_order(
                BrokerOrderRequest(side=Direction.BUY, instrument=ISIN, quantity=1)
            )
            return placed.id, await anext(client.watch_orders([placed.id]))

    order_id, seen = asyncio.run(place_and_watch())

    assert isinstance(seen, OrderChange)
    assert seen.order.id == order_id


def test_limits_are_those_of_the_parameters(guarded: Stack) -> None:
    api = guarded.deployment.outputs["RestAPIId"]
    stage = guarded.deployment.session.client("apigateway").get_stage(restApiId=api, stageName="rialto")
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (400, 800)


def test_route_that_is_called_too_often_refuses_and_says_so(guarded: Stack) -> None:
    operations = [
        {"op": "replace", "path": f"/~1positions/GET/throttling/{name}", "value": value}
        for name, value in SCARCE.items()
    ]
    guarded.deployment.session.client("apigateway").update_stage(
        restApiId=guarded.deployment.outputs["RestAPIId"], stageName="rialto", patchOperations=operations
    )
    answers = [guarded.http.get("/positions", auth=Signature()) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "throttled"
    # Another route has its own measure.
    assert guarded.http.get("/signals", auth=Signature()).status_code == 200


def test_logs_end_up_where_they_are_kept_for_a_limited_time(guarded: Stack) -> None:
    logs = guarded.deployment.session.client("logs")
    (group,) = logs.describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/{guarded.deployment.instance.stack_name}-APIHandler"
    )["logGroups"]
    assert group["retentionInDays"] == 7
    assert logs.filter_log_events(logGroupName=group["logGroupName"], limit=1)["events"]


def test_queues_have_the_policy(guarded: Stack) -> None:
    url = guarded.deployment.outputs["PlacementsQueue"]
    attributes = guarded.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert "aws:SecureTransport" in attributes["Policy"]
