"""A deployed stack as its users and its operators see it, and the hands to break it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
from deployment import Deployment
from servers import bridge, start_bridge

from infra.health import TICK
from tests.e2e.exchange import ExchangeServer

T = TypeVar("T")
Item = dict[str, Any]
"""An item of DynamoDB, with the types of its values."""
ISIN = "DE0007664039"


def eventually(look: Callable[[], T], wanted: Callable[[T], bool], within: float = 60, every: float = 0.2) -> T:
    """Return what ``look`` gives as soon as it is wanted; fail with the last of it after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"not within {within} s, last seen: {seen}"
        time.sleep(every)


class Stack:
    """The deployed stack."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.http = httpx.Client(base_url=deployment.url, timeout=35, trust_env=False)
        self.exchange = ExchangeServer(deployment.instance.exchange_url)
        self.sqs = deployment.session.client("sqs")
        self.functions = deployment.session.client("lambda")
        self.dynamodb = deployment.session.client("dynamodb")

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self.http, self.exchange.http, self.sqs, self.functions, self.dynamodb):
            client.close()

    # --- as a client -------------------------------------------------------------------------------------------

    def submit(self, **changes: Any) -> dict[str, Any]:
        """Post an order that must be accepted; return the answer."""
        order = {"type": "market", "side": "buy", "instrument": ISIN, "quantity": 1, **changes}
        response = self.http.post("/orders", json=order)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def order(self, order_id: str) -> dict[str, Any]:
        """Return the order."""
        answer: dict[str, Any] = self.http.get(f"/orders/{order_id}").raise_for_status().json()
        return answer

    def causes(self, order_id: str) -> list[str]:
        """Return the causes in the order's timeline."""
        return [entry["cause"] for entry in self.timeline(order_id)["entries"]]

    def timeline(self, order_id: str) -> dict[str, Any]:
        """Return the order's timeline."""
        answer: dict[str, Any] = self.http.get(f"/orders/{order_id}/timeline").raise_for_status().json()
        return answer

    def wait_for(self, order_id: str, *statuses: str, within: float = 60) -> dict[str, Any]:
        """Return the order as soon as it has one of the statuses."""
        return eventually(lambda: self.order(order_id), lambda order: order["status"] in statuses, within)

    def cancel(self, order_id: str) -> httpx.Response:
        """Ask for the order to be canceled."""
        return self.http.post(f"/orders/{order_id}/cancel")

    # --- as an operator ----------------------------------------------------------------------------------------

    def queue(self, name: str = "placements") -> dict[str, Any]:
        """Return what GET /operations/queues tells of a queue."""
        queues = self.http.get("/operations/queues").raise_for_status().json()["queues"]
        return next(queue for queue in queues if queue["name"] == name)

    def dead_letters(self, queue: str = "placements") -> dict[str, Any]:
        """Return the dead letters of a queue."""
        answer = self.http.get("/operations/dead-letters", params={"queue": queue}).raise_for_status()
        shown: dict[str, Any] = answer.json()
        return shown

    def wait_for_letters(self, queue: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the dead letters of a queue as soon as they are as many."""
        return eventually(lambda: self.dead_letters(queue)["letters"], lambda letters: len(letters) == count)

    def wait_until_quiet(self) -> None:
        """Wait until no order waits for the exchange and the queue is empty."""

        def is_quiet(queue: dict[str, Any]) -> bool:
            return not any(queue[name] for name in ("depth", "in_flight", "oldest_age_seconds", "dead_letters"))

        eventually(self.queue, is_quiet, within=120)

    def redrive(self, queue: str = "placements") -> dict[str, Any]:
        """Move the dead letters back."""
        answer: dict[str, Any] = (
            self.http.post("/operations/dead-letters/redrive", json={"queue": queue}).raise_for_status().json()
        )
        return answer

    def sweep(self) -> None:
        """Run the sweep now."""
        self.invoke("SweepFunction", TICK)

    def items(self, table: str) -> Iterator[Item]:
        """Yield everything in a table, as it is now."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return (item for page in pages for item in page["Items"])

    def invoke(self, output: str, event: dict[str, Any]) -> Any:
        """Invoke a function of the stack; return its answer."""
        answer = self.functions.invoke(FunctionName=self.deployment.outputs[output], Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, payload
        return payload

    # --- as bad luck -------------------------------------------------------------------------------------------

    def kill_workers(self, output: str, most: int | None = None) -> int:
        """Kill the function's processes, or only so many, with SIGKILL; return how many were killed."""
        workers = list(_processes_of(self.deployment.outputs[output]))[:most]
        for pid in workers:
            with suppress(ProcessLookupError):  # It ended by itself meanwhile.
                os.kill(pid, signal.SIGKILL)
        return len(workers)

    @contextmanager
    def environment(self, output: str, **variables: str) -> Iterator[None]:
        """Change environment variables of a function for a while."""
        name = self.deployment.outputs[output]
        before = self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self._set_environment(name, {**before, **variables})
        try:
            yield
        finally:
            self._set_environment(name, before)

    @contextmanager
    def without_reports(self) -> Iterator[None]:
        """Stop the bridge for a while: what becomes of an order is told by the answers to its placement alone."""
        bridge(self.deployment.instance).stop()
        try:
            yield
        finally:
            start_bridge(self.deployment.instance, self.deployment.outputs)

    @contextmanager
    def paused(self, output: str) -> Iterator[None]:
        """Disable a function's event source for a while."""
        (mapping,) = self._mappings(output)
        self._switch(mapping["UUID"], enabled=False)
        try:
            yield
        finally:
            self._switch(mapping["UUID"], enabled=True)

    @contextmanager
    def losing_events(self, output: str) -> Iterator[None]:
        """Take a function's stream away for a while, and give it back at LATEST: what came meanwhile is lost."""
        (mapping,) = self._mappings(output)
        self.functions.delete_event_source_mapping(UUID=mapping["UUID"])
        eventually(lambda: self._mappings(output), lambda mappings: not mappings)
        try:
            yield
        finally:
            kept = {key: mapping[key] for key in ("EventSourceArn", "BatchSize", "FilterCriteria") if mapping.get(key)}
            created = self.functions.create_event_source_mapping(
                FunctionName=self.deployment.outputs[output], StartingPosition="LATEST", **kept
            )
            self._wait_for_mapping(created["UUID"], "Enabled")

    def _set_environment(self, name: str, variables: dict[str, str]) -> None:
        self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    def _mappings(self, output: str) -> list[dict[str, Any]]:
        name = self.deployment.outputs[output]
        mappings: list[dict[str, Any]] = self.functions.list_event_source_mappings(FunctionName=name)[
            "EventSourceMappings"
        ]
        return mappings

    def _switch(self, uuid: str, *, enabled: bool) -> None:
        self.functions.update_event_source_mapping(UUID=uuid, Enabled=enabled)
        self._wait_for_mapping(uuid, "Enabled" if enabled else "Disabled")

    def _wait_for_mapping(self, uuid: str, state: str) -> None:
        eventually(lambda: self.functions.get_event_source_mapping(UUID=uuid)["State"], lambda seen: seen == state)


def _processes_of(function: str) -> Iterator[int]:
    """Find the processes that run a function: the emulators start each with the function's name in its environment."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)
        except OSError:
            continue  # It ended, or is not ours to look at.
