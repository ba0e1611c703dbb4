"""What the checks of a history have in common: the versions of every item, and what was true between two steps."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.cloud.tables import Key
from tests.simulation.history import History, Request, Write

Row = dict[str, Any]
"""An item without the types of its values."""


class Violation(Exception):  # noqa: N818 - it is what the checks look for
    """A rule that a history broke, and how."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(rule, what)
        self.rule = rule
        self.what = what

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


@dataclass
class Versions:
    """The versions of one item, with the steps at which they came; None where there was nothing."""

    steps: list[int] = field(default_factory=lambda: [0])
    rows: list[Row | None] = field(default_factory=lambda: [None])
    writes: list[Write | None] = field(default_factory=lambda: [None])

    def at(self, step: int) -> Row | None:
        """Return what was there at a step."""
        return self.rows[bisect_right(self.steps, step) - 1]

    def between(self, first: int, last: int) -> list[Row | None]:
        """Return everything that was there at some moment between two steps."""
        return self.rows[bisect_right(self.steps, first) - 1 : bisect_left(self.steps, last + 1)]

    @property
    def last(self) -> Row | None:
        """What is there at the end."""
        return self.rows[-1]


class Journal:
    """A history by the items that it is about."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.items: dict[str, dict[Key, Versions]] = {}
        for write in history.writes:
            for change in write.changes:
                versions = self.items.setdefault(change.table, {}).setdefault(change.key, Versions())
                versions.steps.append(write.step)
                versions.rows.append(None if change.after is None else plain_row(change.after))
                versions.writes.append(write)

    def versions(self, table: str, key: Key) -> Versions:
        """Return the versions of one item."""
        return self.items.get(table, {}).get(key, Versions())

    def table(self, table: str) -> dict[Key, Versions]:
        """Return the versions of all items of a table."""
        return self.items.get(table, {})

    def answered(self, method: str, path: str) -> Iterator[tuple[Request, int]]:
        """Yield the answered requests to paths that begin so, with the step of their answer."""
        for request in self.history.requests:
            if request.method == method and request.answered is not None and request.path.startswith(path):
                yield request, request.answered


def plain_row(item: dict[str, Any]) -> Row:
    """Return an item without the types of its values."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return [_plain(one) for one in content] if kind == "L" else content


def expect(holds: object, rule: str, what: object) -> None:
    """Raise the violation of a rule unless something holds."""
    if not holds:
        raise Violation(rule, str(what))
