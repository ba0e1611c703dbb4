"""What operations remembers from one run to the next, one small item per name."""

import json
from typing import Any, Protocol

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.models import Model

from chalicelib.core.dynamodb import bind_table, is_condition_failure


class StateStore(Protocol):
    """Small named states."""

    def load(self, name: str) -> dict[str, Any]:
        """Return the state, empty if there is none yet."""

    def store(self, name: str, state: dict[str, Any]) -> None:
        """Replace the state."""

    def swap(self, name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Replace the state if it still is ``before``, as it was loaded; return whether it now is ``after``."""


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

    def swap(self, name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Put the item on condition of the content that was read."""
        unchanged = StateItem.content == json.dumps(before) if before else StateItem.name.does_not_exist()
        try:
            self._items(name=name, content=json.dumps(after)).save(condition=unchanged)
        except PutError as error:
            if not is_condition_failure(error):
                raise
            # Ours may be there all the same, if the answer to the first try was lost.
            return self.load(name) == after
        return True
