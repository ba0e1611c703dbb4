"""What the functions for the people on call return."""

from datetime import datetime

from rialto_client.values import Value


class Queue(Value):
    """How full a queue is. ``oldest_age_seconds``: of its oldest order or letter."""

    name: str
    depth: int
    in_flight: int
    oldest_age_seconds: float
    dead_letters: int


class QueueViewResponse(Value):
    """All queues."""

    queues: list[Queue]


class DeadLetter(Value):
    """A message that was given up, with the reason; with its order where it is about one."""

    message_id: str
    sent_at: datetime
    reason: str
    body: str
    order_id: str | None = None
    order_status: str | None = None
    attempts: int | None = None
    dead_lettered_at: datetime | None = None


class DeadLetterViewResponse(Value):
    """How many dead letters a queue has, and a sample of them."""

    queue: str
    count: int
    letters: list[DeadLetter]


class RedriveRequest(Value):
    """The queue whose dead letters are to go back."""

    queue: str


class RedriveResponse(Value):
    """How many dead letters went back, and roughly how many are left: then redrive again."""

    queue: str
    redriven: int
    remaining: int


class Invariant(Value):
    """A promise as it was checked on the live data. ``violations`` are the ids of what breaks it."""

    name: str
    checked: int
    in_flight: int
    violations: list[str]


class InvariantViewResponse(Value):
    """What the last check found that came to its end, and when it began; ``complete``: there was one."""

    invariants: list[Invariant]
    as_of: datetime | None
    complete: bool


class HealthResponse(Value):
    """Whether every table can be read: "ok" or the fault of each."""

    status: str
    tables: dict[str, str]

    @property
    def is_ok(self) -> bool:
        """Whether all is well."""
        return self.status == "ok"
