"""What a change set would do, in words for the person who is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KEEPING = ("AWS::DynamoDB::Table", "AWS::SQS::Queue")
"""Types that keep what nobody else has: orders, and messages on their way."""
MAX_PROPERTIES = 5
NO_RESOURCE = "  of no resource: outputs or descriptions"


@dataclass(frozen=True)
class Change:
    """One change to one resource. ``replaced`` is "yes", "perhaps" (CloudFormation finds out on the way) or "no"."""

    action: str
    name: str
    kind: str
    replaced: str = "no"
    properties: tuple[str, ...] = ()

    @property
    def loses_data(self) -> bool:
        """Whether a table or a queue would be taken away, or its place be taken by an empty one."""
        return self.kind in KEEPING and (self.action in ("Remove", "Dynamic") or self.replaced != "no")


def read_change(found: Mapping[str, Any]) -> Change:
    """Return a change as CloudFormation describes it."""
    targets = (detail.get("Target", {}) for detail in found.get("Details", []))
    names = (target.get("Name") or target.get("Attribute", "") for target in targets)
    replaced = {"True": "yes", "Conditional": "perhaps"}.get(found.get("Replacement", ""), "no")
    properties = tuple(sorted({name for name in names if name}))
    return Change(found["Action"], found["LogicalResourceId"], found["ResourceType"], replaced, properties)


def describe_changes(changes: Iterable[Change]) -> str:
    """Return a line for each change, what loses data first, then what is replaced or removed."""
    return "\n".join(_line(change) for change in sorted(changes, key=_weight)) or NO_RESOURCE


def _weight(change: Change) -> tuple[bool, bool, str, str]:
    harmless = change.action in ("Add", "Modify") and change.replaced == "no"
    return not change.loses_data, harmless, change.action, change.name


def _line(change: Change) -> str:
    kind = change.kind.removeprefix("AWS::").replace("::", " ")
    line = f"  {_verb(change):16} {change.name} ({kind})"
    if change.properties:
        more = ", …" if len(change.properties) > MAX_PROPERTIES else ""
        line += f": {', '.join(change.properties[:MAX_PROPERTIES])}{more}"
    return line + _consequence(change)


def _verb(change: Change) -> str:
    if change.replaced == "yes":
        return "REPLACE"
    if change.replaced == "perhaps":
        return "perhaps REPLACE"
    return {"Add": "add", "Modify": "change", "Remove": "REMOVE", "Import": "import"}.get(
        change.action, "perhaps CHANGE"
    )


def _consequence(change: Change) -> str:
    if not change.loses_data:
        return ""
    if change.action == "Remove":
        return " - the platform loses sight of what is in it"
    return " - an empty one takes its place"
