"""Tables of a test's own on the deployed stack's cloud, and what calls on them consume."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pynamodb.models import Model

from chalicelib.core.dynamodb import bind_table
from tests.e2e.stack import Stack
from tests.environment import NOBODY
from tests.moto_stack import TABLE_KEYS, read_resources

WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


@dataclass
class Consumed:
    """Capacity units consumed so far, and in how many calls."""

    units: float = 0
    calls: int = 0


@contextmanager
def table_like(resource: str, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a table with the schema of the stack's, without a stream, and point this process's stores at it."""
    properties = read_resources()["Resources"][resource]["Properties"]
    keys = [key for key in TABLE_KEYS if key in properties and key != "StreamSpecification"]
    client = stack.deployment.session.client("dynamodb")
    name = f"{resource}-{uuid.uuid4().hex[:8]}"
    client.create_table(TableName=name, **{key: properties[key] for key in keys})
    client.get_waiter("table_exists").wait(TableName=name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.deployment.instance.endpoint)
    for variable, value in NOBODY.items():
        monkeypatch.setenv(variable, value)
    bind_table.cache_clear()
    try:
        yield name
    finally:
        client.delete_table(TableName=name)
        client.close()
        bind_table.cache_clear()


@contextmanager
def capacity_of(model: type[Model], operations: Sequence[str] = WRITES) -> Iterator[Consumed]:
    """Count the units of calls on a table, by default of writes and of transactions begun on it, with their indexes."""
    consumed = Consumed()
    events = model._get_connection().connection.client.meta.events

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def count(parsed: dict[str, Any], **_: Any) -> None:
        answer = parsed["ConsumedCapacity"]
        consumed.calls += 1
        consumed.units += sum(part["CapacityUnits"] for part in (answer if isinstance(answer, list) else [answer]))

    for operation in operations:
        events.register(f"provide-client-params.dynamodb.{operation}", ask)
        events.register(f"after-call.dynamodb.{operation}", count)
    try:
        yield consumed
    finally:
        for operation in operations:
            events.unregister(f"provide-client-params.dynamodb.{operation}", ask)
            events.unregister(f"after-call.dynamodb.{operation}", count)
