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
