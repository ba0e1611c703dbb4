"""States of operations in memory."""

import json
from typing import Any


class MemoryStateStore:
    """Keeps states as JSON, so that only what survives JSON survives here."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}

    def load(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._states.get(name, "{}"))
        return state

    def store(self, name: str, state: dict[str, Any]) -> None:
        self._states[name] = json.dumps(state)

    def swap(self, name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
        if self.load(name) != before:
            return False
        self.store(name, after)
        return True
