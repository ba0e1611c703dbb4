"""Tables of a test's own on the deployed stack's cloud, and what calls on them consume."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.core.dynamodb import bind_table
from tests.e2e.stack import Stack
from tests.moto_stack import TABLE_KEYS, read_resources


@dataclass
class Consumed:
    """Capacity units consumed so far."""

    units: float = 0


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
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bind_table.cache_clear()
    try:
        yield name
    finally:
        client.delete_table(TableName=name)
        client.close()
        bind_table.cache_clear()


@contextmanager
def capacity_of(store: Any) -> Iterator[Consumed]:
    """Count the units of the store's calls, indexes included."""
    consumed = Consumed()
    events = store._items._get_connection().connection.client.meta.events

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def count(parsed: dict[str, Any], **_: Any) -> None:
        consumed.units += parsed["ConsumedCapacity"]["CapacityUnits"]

    events.register("provide-client-params.dynamodb.PutItem", ask)
    events.register("after-call.dynamodb.PutItem", count)
    try:
        yield consumed
    finally:
        events.unregister("provide-client-params.dynamodb.PutItem", ask)
        events.unregister("after-call.dynamodb.PutItem", count)
