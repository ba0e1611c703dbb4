"""Who leads: one item in DynamoDB, taken for a time, fenced by a number that grows with every leader.

The item carries the checkpoint, so that renewing, and saying how far one has come, is one conditional write: it fails
for a leader that was deposed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bridge.progress import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME = "bridge"
SAFETY = 0.8
"""The part of a lease that its holder uses: clocks differ, and a call that was begun takes its time."""
FIELDS = ("name", "holder", "epoch", "expires_at", "session", "seq", "checkpoint_at")


class DeposedError(Exception):
    """Raised when this process leads no longer."""


@dataclass(frozen=True)
class Clock:
    """The time of the day, which others can read, in Unix seconds; and the one that only goes forward."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class LeaseTable:
    """The table with the item, as one process sees it."""

    client: DynamoDBClient
    table: str
    holder: str
    seconds: float
    clock: Clock = Clock()

    def take(self) -> Lease | None:
        """Take the lease if nobody else holds it, with the checkpoint of whoever held it; None if somebody does."""
        started, now = self.clock.monotonic(), self.clock.wall()
        try:
            item = self._update(
                "SET #holder = :holder, #epoch = if_not_exists(#epoch, :zero) + :one, #expires_at = :expires_at",
                "attribute_not_exists(#name) OR #expires_at < :now OR #holder = :holder",
                {":holder": _text(self.holder), ":zero": _number(0), ":one": _number(1), ":now": _number(now)},
                now + self.seconds,
            )
        except DeposedError:
            return None
        session = item["session"]["S"] if "session" in item else None
        position = Position(session, int(item["seq"]["N"]) if session else 0)
        return Lease(self, int(item["epoch"]["N"]), position, started, now + self.seconds)

    def write(self, epoch: int, expires_at: float, position: Position, condition: str = "#epoch = :epoch") -> None:
        """Write the end of a lease and the position of its holder.

        Raises:
            DeposedError: if the condition does not hold.
        """
        changes, values = "SET #expires_at = :expires_at", {":epoch": _number(epoch)}
        if position.session is not None:
            changes += ", #session = :session, #seq = :seq, #checkpoint_at = :now"
            values |= {":session": _text(position.session), ":seq": _number(position.seq)}
            values |= {":now": _number(self.clock.wall())}
        self._update(changes, condition, values, expires_at)

    def _update(
        self, changes: str, condition: str, values: dict[str, Mapping[str, str]], expires_at: float
    ) -> dict[str, Any]:
        used = [name for name in FIELDS if f"#{name}" in changes + condition]
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key={"name": {"S": NAME}},
                UpdateExpression=changes,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in used},
                ExpressionAttributeValues={**values, ":expires_at": _number(expires_at)},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise DeposedError("another process leads") from error
            raise
        return answer["Attributes"]


class Lease:
    """A lease that was taken. Its calls block: they are made in a thread."""

    def __init__(self, table: LeaseTable, epoch: int, position: Position, started: float, expires_at: float) -> None:
        self.epoch = epoch
        self.position = position
        """Where the last leader was."""
        self._table = table
        self._expires_at = expires_at
        self._until = started + table.seconds * SAFETY

    @property
    def seconds_left(self) -> float:
        """How long its holder may still act on it, by a clock that nobody sets."""
        return self._until - self._table.clock.monotonic()

    def require(self) -> None:
        """Make sure that it has not ended.

        Raises:
            DeposedError: if it has, or is so near its end that it must not be relied upon.
        """
        if self.seconds_left <= 0:
            raise DeposedError("the lease was not renewed in time")

    def renew(self, position: Position) -> None:
        """Prolong it and write the checkpoint.

        A renewal that was thought lost and arrives after a later one is refused: others would see the lease end before
        its holder does. Raises DeposedError if another leads.
        """
        started = self._table.clock.monotonic()
        # The wall clock may be set back; the end of the lease is not.
        expires_at = max(self._table.clock.wall() + self._table.seconds, self._expires_at)
        condition = "#epoch = :epoch AND #expires_at <= :expires_at"
        self._table.write(self.epoch, expires_at, position, condition)
        self._expires_at = expires_at
        self._until = started + self._table.seconds * SAFETY

    def release(self, position: Position) -> None:
        """Write the last checkpoint and end the lease, so that another need not wait. Raises DeposedError likewise."""
        self._table.write(self.epoch, 0, position)


def _text(value: str) -> Mapping[str, str]:
    return {"S": value}


def _number(value: float) -> Mapping[str, str]:
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}
