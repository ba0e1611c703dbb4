"""Call every function once, so that the first request is as fast as the next, and catch up with what was missed."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
from instance import Instance, SetupError
from signature import Signature

from infra.deploy import Session
from infra.health import NO_RECORDS, TICK

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PATIENCE = 60.0
PARALLEL_REQUESTS = 4


def warm_up(instance: Instance, session: Session, outputs: dict[str, str]) -> None:
    """Wait until the API is healthy, wake the other functions, and run the sweep.

    The sweep places what was on its way when the cloud was stopped.

    Raises:
        SetupError: when the API does not become healthy.
    """
    client: LambdaClient = session.client("lambda")
    calls = [(outputs[name], NO_RECORDS) for name in ("HandOverFunction", "PlaceOrdersFunction") if name in outputs]
    calls += [(outputs[name], TICK) for name in ("SweepFunction",) if name in outputs]
    with ThreadPoolExecutor(PARALLEL_REQUESTS + len(calls)) as pool:
        healthy = [pool.submit(_wait_for_health, instance) for _ in range(PARALLEL_REQUESTS)]
        for name, event in calls:
            pool.submit(client.invoke, FunctionName=name, Payload=json.dumps(event))
        for request in healthy:
            request.result()


def _wait_for_health(instance: Instance) -> None:
    deadline = time.monotonic() + PATIENCE
    answer = "no answer"
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        while time.monotonic() < deadline:
            try:
                # Signed, should the stack ask for it; otherwise nobody looks at it.
                response = client.get(f"{instance.url}/health", auth=Signature())
            except httpx.HTTPError as error:
                answer = str(error)
            else:
                if response.status_code == 200:
                    return
                answer = f"{response.status_code} {response.text[:200]}"
            time.sleep(0.2)
    raise SetupError(f"GET {instance.url}/health is not healthy after {PATIENCE:.0f} s: {answer} (make logs)")
