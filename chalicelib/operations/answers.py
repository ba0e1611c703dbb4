"""The answers of operations, field by field. For the type checker and the API's document only."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.core.answers import Count, Status, Timestamp, Uuid


class Health(TypedDict):
    """The state of each table: "ok", or the name of the fault."""

    status: Literal["ok", "unavailable"]
    tables: dict[str, str]


class Queue(TypedDict):
    """How full a queue is."""

    name: str
    depth: Count
    in_flight: Count
    oldest_age_seconds: Annotated[float, Field(ge=0)]
    dead_letters: Count


class QueueList(TypedDict):
    """Every queue."""

    queues: list[Queue]


class DeadLetter(TypedDict):
    """A message that was given up; with its order when it is about one."""

    message_id: str
    sent_at: Timestamp
    reason: str
    body: Annotated[str, Field(max_length=1000)]
    order_id: NotRequired[Uuid]
    order_status: NotRequired[Status]
    attempts: NotRequired[Count]
    dead_lettered_at: NotRequired[Timestamp]


class DeadLetterList(TypedDict):
    """How many dead letters a queue has, and a sample of them."""

    queue: str
    count: Count
    letters: list[DeadLetter]


class RedriveResult(TypedDict):
    """What was moved back, and roughly what is left."""

    queue: str
    redriven: Count
    remaining: Count


class Invariant(TypedDict):
    """One rule that the live data must keep, and the ids that break it."""

    name: str
    checked: Count
    in_flight: Count
    violations: list[str]


class InvariantList(TypedDict):
    """The last check that came to its end; while there is none, how far the first has come."""

    invariants: list[Invariant]
    as_of: Timestamp | None
    complete: bool
