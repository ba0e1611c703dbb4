"""Whether a stack does what it is for: every function runs, and an order goes in and out again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

NO_RECORDS: dict[str, Any] = {"Records": []}
# As EventBridge sends it; the sweep looks at nothing in it.
TICK: dict[str, Any] = {
    "version": "0",
    "id": "start",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
WORKERS = (
    "HandOverFunction",
    "PlaceOrdersFunction",
    "MatchFunction",
    "RetryMatchesFunction",
    "ApplyReportsFunction",
    "RetryReportsFunction",
)
"""Outputs that name the functions which take records. Without any they do nothing."""
PROBE = {"user_id": 0, "artwork_id": 9_007_199_254_740_991, "price": 0.01, "direction": "buy"}
"""An offer for a work that nobody has, by nobody. It is taken back at once, and cannot trade meanwhile."""
PATIENCE = 90.0
"""Seconds after which an API that does not get well is not well. A new one needs a few until it is known everywhere."""


def check_functions(client: LambdaClient, outputs: Mapping[str, str]) -> list[str]:
    """Call every function but the API's with nothing to do, and sweep; return what is wrong."""
    calls = dict.fromkeys(WORKERS, NO_RECORDS) | {"SweepFunction": TICK}
    faults = []
    for name, event in calls.items():
        answer = client.invoke(FunctionName=outputs[name], Payload=json.dumps(event))
        if "FunctionError" in answer:
            faults.append(f"{name} fails: {answer['Payload'].read().decode(errors='replace')[:300]}")
    return faults


def check_api(http: httpx.Client, patience: float = PATIENCE, wait: Callable[[float], None] = time.sleep) -> list[str]:
    """Ask for the health of the API until it is well, then send an offer through and take it back.

    Return what is wrong. ``http`` has the address of the stage as its base, and the signature that it asks for.
    """
    deadline = time.monotonic() + patience
    while fault := _fault_of_health(http):
        if time.monotonic() >= deadline:
            return [fault]
        wait(1.0)
    try:
        return _faults_of_the_way_through(http)
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return [f"An offer did not get through: {error!r}"]


def _fault_of_health(http: httpx.Client) -> str:
    try:
        response = http.get("health")
    except httpx.HTTPError as error:
        return f"GET /health: {error!r}"
    return "" if response.status_code == 200 else f"GET /health: {response.status_code} {response.text[:300]}"


def _faults_of_the_way_through(http: httpx.Client) -> list[str]:
    posted = http.post("market/orders", json=PROBE)
    if posted.status_code != 201:
        return [f"POST /market/orders: {posted.status_code} {posted.text[:300]}"]
    order = f"market/orders/{posted.json()['order_id']}"
    canceled = http.post(f"{order}/cancel")
    shown = http.get(order)
    if canceled.status_code != 200 or shown.json()["status"] != "canceled":
        answers = f"{canceled.status_code} {canceled.text[:300]}, and then {shown.text[:300]}"
        return [f"The offer that was sent through is not taken back: {answers}"]
    return []
