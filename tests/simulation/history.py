"""What happened, in one order: requests and answers, every write, what the exchange did, what was logged."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.cloud.tables import Change


@dataclass
class Request:
    """A request of a client: sent at a step, and answered at one, or never."""

    client: str
    method: str
    path: str
    body: Any
    key: str | None
    sent: int
    answered: int | None = None
    status: int = 0
    content: Any = None
    replayed: bool = False
    process: str = ""
    struck: list[str] = field(default_factory=list)
    """The faults that its process met."""


@dataclass(frozen=True)
class Write:
    """One write that took effect: all changes of a transaction together."""

    step: int
    at: int
    process: str
    changes: Sequence[Change]


@dataclass(frozen=True)
class VenueEvent:
    """What the exchange did with an order: accepted, refused, traded (in part), filled, expired, canceled, called_off.

    Called off is what was canceled before it arrived.
    """

    step: int
    order_id: str
    event: str
    process: str


@dataclass(frozen=True)
class Reported:
    """An execution report as the exchange wrote it into the log of a session; no content if it is poison."""

    step: int
    session: str
    seq: int
    exec_id: str
    content: dict[str, Any] | None


@dataclass(frozen=True)
class Queued:
    """A message that came into a queue, or that somebody deleted from one."""

    step: int
    queue: str
    body: str
    process: str


@dataclass(frozen=True)
class Failure:
    """Something that a function of ours logged as a fault, or raised."""

    step: int
    process: str
    error: str
    struck: tuple[str, ...]


@dataclass
class History:
    """One history."""

    requests: list[Request] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    venue: list[VenueEvent] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    reports: list[Reported] = field(default_factory=list)
    queued: list[Queued] = field(default_factory=list)
    deleted: list[Queued] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """What the messages said that a queue lost."""
    letters: list[str] | None = None
    """The reports that nobody could apply, as they are seen at the end; None before it."""
    steps: int = 0

    def until(self, step: int) -> "History":
        """Return what had happened by a step: a request that was answered later was not answered then."""
        return History(
            requests=[
                one if (one.answered or 0) <= step else replace(one, answered=None, status=0, content=None)
                for one in self.requests
                if one.sent <= step
            ],
            writes=[one for one in self.writes if one.step <= step],
            venue=[one for one in self.venue if one.step <= step],
            failures=[one for one in self.failures if one.step <= step],
            reports=[one for one in self.reports if one.step <= step],
            queued=[one for one in self.queued if one.step <= step],
            deleted=[one for one in self.deleted if one.step <= step],
            steps=step,
        )

    def step(self) -> int:
        """Count a step: everything that happens has its own."""
        self.steps += 1
        return self.steps
