"""What operations remembers from one run to the next, one small item per name."""

import json
from typing import Any, Protocol

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from chalicelib.core.dynamodb import bind_table


class StateStore(Protocol):
    """Small named states."""

    def load(self, name: str) -> dict[str, Any]:
        """Return the state, empty if there is none yet."""

    def store(self, name: str, state: dict[str, Any]) -> None:
        """Replace the state."""


class StateItem(Model):
    """The item of a state: JSON under a name."""

    name = UnicodeAttribute(hash_key=True)
    content = UnicodeAttribute()


class DynamoStateStore:
    """States in the table ``operations``."""

    def __init__(self, table: str) -> None:
        self._items = bind_table(StateItem, table)

    def load(self, name: str) -> dict[str, Any]:
        """Get the item consistently."""
        try:
            state: dict[str, Any] = json.loads(self._items.get(name, consistent_read=True).content)
        except self._items.DoesNotExist:
            return {}
        return state

    def store(self, name: str, state: dict[str, Any]) -> None:
        """Put the item."""
        self._items(name=name, content=json.dumps(state)).save()
