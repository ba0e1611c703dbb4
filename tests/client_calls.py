"""What AWS is asked for: the parameters of calls, as a client is given them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def noted_calls(client: Any, operation: str) -> Iterator[list[dict[str, Any]]]:
    """Note the parameters of each call of an operation, e.g. "sqs.SendMessageBatch", as long as the context lasts."""
    calls: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params)

    event = f"provide-client-params.{operation}"
    client.meta.events.register(event, note)
    try:
        yield calls
    finally:
        client.meta.events.unregister(event, note)
