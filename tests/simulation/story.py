"""The story of a history: numbered lines that a person can read, the same to the byte whenever it is told."""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from tests.simulation.cloud.expressions import Item
from tests.simulation.cloud.sdk import Call

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Story:
    """Collects lines. Ids are shortened to their first eight characters, which tell them apart well enough."""

    def __init__(self, now: Callable[[], int], step: Callable[[], int]) -> None:
        self.lines: list[str] = []
        self.is_told = False
        self._steps: list[int] = []
        self._now = now
        self._step = step

    def tell(self, what: str, *, fault: bool = False) -> None:
        """Add a line, if anybody wants to read it."""
        if self.is_told:
            mark = "!" if fault else " "
            short = _ID.sub(lambda found: found[0][:8], what)
            self._steps.append(self._step())
            self.lines.append(f"{len(self.lines) + 1:5d} {self._now() / 1e6:12.4f} {mark} {short}")

    def until(self, step: int) -> list[str]:
        """Return the story up to the line that tells of a step of the history."""
        return self.lines[: bisect_left(self._steps, step) + 1]


def summary_of(call: Call) -> str:
    """Return what a call is about, in a few words that are the same in every run."""
    params = call.params
    if call.operation == "TransactWriteItems":
        writes = [(action, content) for entry in params["TransactItems"] for action, content in entry.items()]
        return "Transact " + "; ".join(f"{action} {_write(content)}" for action, content in writes)
    if "RequestItems" in params:
        return f"{call.operation} {', '.join(sorted(params['RequestItems']))}"
    if "TableName" in params:
        return f"{call.operation} {_write(params)}"
    entries = params.get("Entries", [params])
    bodies = sorted(str(entry.get("MessageBody", entry.get("ReceiptHandle", ""))) for entry in entries)
    return f"{call.operation} {params.get('QueueUrl', '').rsplit('/', 1)[-1]} {', '.join(bodies)}"


def _write(params: dict[str, Any]) -> str:
    item: Item = params.get("Item") or params.get("Key") or {}
    shown = [_plain(value) for name, value in item.items() if name in _SHOWN]
    values = [_plain(value) for value in params.get("ExpressionAttributeValues", {}).values()]
    return " ".join([params["TableName"], params.get("IndexName", ""), *shown, *(f"[{value}]" for value in values)])


_SHOWN = frozenset(
    {
        *("order_id", "book", "status", "version", "lease_token", "trade_id", "signal_id", "is_complete", "holding"),
        *("holder", "user", "closed", "generation", "part", "current", "name", "content", "worker", "side", "price"),
    }
)


def _plain(value: dict[str, Any]) -> str:
    ((_, content),) = value.items()
    return f"{len(content)} bytes" if isinstance(content, bytes) else str(content).replace("\x1f", "/")
