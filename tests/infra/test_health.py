"""What is looked at after a deployment, over an API and functions in memory."""

import io
import json
from typing import Any, cast

import httpx
import pytest

from app import app
from infra.health import NO_RECORDS, PROBE, TICK, WORKERS, check_api, check_functions
from tests.infra.conftest import Template

ORDER = {"order_id": "9-x", "status": "open"}


class Api:
    """Answers as the platform does, except where told otherwise."""

    def __init__(self, **answers: list[httpx.Response]) -> None:
        self.answers = answers
        self.requests: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/rialto/")
        self.requests.append((request.method, name))
        key = name.replace("/", "_").replace("-", "_")
        if self.answers.get(key):
            return self.answers[key].pop(0)
        if name == "market/orders":
            assert json.loads(request.content) == PROBE
            return httpx.Response(201, json=ORDER)
        return httpx.Response(200, json={**ORDER, "status": "canceled"})


def check(api: Api, patience: float = 5.0) -> list[str]:
    with httpx.Client(base_url="https://api/rialto/", transport=httpx.MockTransport(api)) as http:
        return check_api(http, patience, lambda _: None)


def test_an_offer_goes_through_and_is_taken_back() -> None:
    api = Api()
    assert check(api) == []
    assert api.requests == [
        ("GET", "health"),
        ("POST", "market/orders"),
        ("POST", "market/orders/9-x/cancel"),
        ("GET", "market/orders/9-x"),
    ]


def test_routes_that_are_asked_are_those_that_there_are() -> None:
    api = Api()
    check(api)
    assert api.requests
    for method, name in api.requests:
        assert method in app.routes["/" + name.replace(ORDER["order_id"], "{order_id}")]


def test_api_that_gets_well_in_time_is_well() -> None:
    assert check(Api(health=[httpx.Response(403), httpx.Response(503)])) == []


@pytest.mark.parametrize(
    ("api", "fault"),
    [
        (Api(health=[httpx.Response(503, text="tables")] * 9), "GET /health: 503 tables"),
        (Api(market_orders=[httpx.Response(500, text="fault")]), "POST /market/orders: 500 fault"),
        (Api(market_orders=[httpx.Response(201, text="no JSON")]), "did not get through"),
        (Api(market_orders_9_x_cancel=[httpx.Response(409)]), "not taken back"),
        (Api(market_orders_9_x=[httpx.Response(200, json=ORDER)]), "not taken back"),
    ],
)
def test_what_is_wrong_is_told(api: Api, fault: str) -> None:
    (told,) = check(api, patience=0.0)
    assert fault in told


class Functions:
    """Lambda, with some functions that fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.calls: dict[str, Any] = {}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.calls[FunctionName] = json.loads(Payload)
        answer: dict[str, Any] = {"Payload": io.BytesIO(b'{"errorMessage": "No module named x"}')}
        return {**answer, "FunctionError": "Unhandled"} if FunctionName in self.failing else answer


def names(template: Template) -> dict[str, str]:
    return {name: str(output["Value"].get("Ref")) for name, output in template["Outputs"].items()}


def test_every_function_but_the_api_s_is_called_with_nothing_to_do(template: Template) -> None:
    functions = Functions()
    assert check_functions(cast(Any, functions), names(template)) == []
    all_of_them = {n for n, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}
    assert functions.calls.keys() == all_of_them - {"APIHandler"}
    assert functions.calls.pop("Sweep") == TICK
    assert all(event == NO_RECORDS for event in functions.calls.values())
    assert len(WORKERS) == len(functions.calls)


def test_function_that_fails_is_told_with_its_reason(template: Template) -> None:
    (fault,) = check_functions(cast(Any, Functions("MatchOrders")), names(template))
    assert fault.startswith("MatchFunction fails:")
    assert "No module named x" in fault
