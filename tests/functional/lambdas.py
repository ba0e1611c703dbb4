"""The event functions, called as Lambda calls them."""

from typing import Any

from chalice.test import Client

from app import app


def invoke(function: str, event: dict[str, Any]) -> Any:
    """Call a function with an event; return its answer or raise what it raises."""
    with Client(app) as client:
        return client.lambda_.invoke(function, event).payload
