"""A new version of a stage: shown, agreed to, applied, looked at, and taken back when it is not well.

What was well is written down beside the packages. So the way back does not depend on this process: a run that was
interrupted between applying and looking is followed by one that finds nothing to change, looks, and goes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

from infra.approval import Approval
from infra.changes import describe_changes
from infra.errors import DeploymentError
from infra.stack import ChangeSet, Stack

NONE = b"null"
"""Written down where no version was well yet."""
Tell = Callable[[str], None]
Check = Callable[[Mapping[str, str]], list[str]]
"""Looks at a stack by its outputs and returns what is wrong."""


class UnhealthyError(DeploymentError):
    """Raised when the new version is not well. The message tells what became of it."""


class Shelf(Protocol):
    """Where a version is written down."""

    def write(self, key: str, content: bytes) -> None:
        """Put the content there in place of what was there."""

    def read(self, key: str) -> bytes | None:
        """Return the content, None if there is none."""


@dataclass(frozen=True)
class Version:
    """What a stack is made of: the URL of its template, which names the package, and its parameters."""

    template: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Rollout:
    """What a rollout needs. ``record`` is where the version that was last well stands on the shelf."""

    stack: Stack
    shelf: Shelf
    record: str
    approval: Approval
    check: Check
    tell: Tell


def roll_out(rollout: Rollout, version: Version) -> dict[str, str]:
    """Bring the stack to the version and return its outputs.

    Raises:
        NotApprovedError: if the changes were not agreed to. Nothing was changed.
        UnhealthyError: if the version is not well, and was taken back as far as that is possible.
        DeploymentError: if CloudFormation could not do it. It has rolled back by itself.
    """
    change_set = rollout.stack.prepare(version.template, version.parameters)
    if change_set is None:
        rollout.tell("Nothing to change.")
    else:
        _apply_if_wanted(rollout, change_set)
    outputs = rollout.stack.outputs()
    rollout.tell("Looking whether it is well.")
    faults = rollout.check(outputs)
    if faults:
        raise UnhealthyError(_join("The stack is not well:", faults, _take_back(rollout, version)))
    rollout.shelf.write(rollout.record, json.dumps(asdict(version)).encode())
    return outputs


def _apply_if_wanted(rollout: Rollout, change_set: ChangeSet) -> None:
    try:
        rollout.tell(f"{'A new stack' if change_set.fresh else 'Changes'}:\n{describe_changes(change_set.changes)}")
        rollout.approval.require(change_set.changes)
    except BaseException:  # Whoever presses Ctrl-C at the question wants no change either.
        rollout.stack.discard(change_set)
        raise
    if change_set.fresh:
        # What is written down is of a stack of the same name that was destroyed.
        rollout.shelf.write(rollout.record, NONE)
    rollout.stack.execute(change_set)


def _take_back(rollout: Rollout, failed: Version) -> str:
    """Return to the version that was last well; tell what came of it."""
    former = _last_healthy(rollout)
    if former is None or former == failed:
        return "There is no other version that was well before: it stays as it is, to be looked at."
    rollout.tell("It is not well. Going back to the version that was.")
    change_set = rollout.stack.prepare(former.template, former.parameters)
    if change_set is not None:
        # What the failed version added goes from the stack only: it is retained.
        replaced = [one.name for one in change_set.changes if one.loses_data and one.action != "Remove"]
        if replaced:
            rollout.stack.discard(change_set)
            return f"It stays as it is: going back would put an empty one in place of {', '.join(replaced)}."
        rollout.stack.execute(change_set)
    faults = rollout.check(rollout.stack.outputs())
    if faults:
        return _join("The version that was well before is back, and is not well either:", faults)
    return "The version that was well before is back, and is well."


def _last_healthy(rollout: Rollout) -> Version | None:
    content = rollout.shelf.read(rollout.record)
    return None if content in (None, NONE) else Version(**json.loads(content))


def _join(head: str, faults: list[str], *rest: str) -> str:
    return "\n".join([head, *(f"  {fault}" for fault in faults), *rest])
