"""What happened, in one order: requests and answers, every write, what the exchange did, what was logged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """What the exchange did with an order: accepted, refused, canceled, filled, called_off (before it arrived)."""

    step: int
    order_id: str
    event: str
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
    steps: int = 0

    def step(self) -> int:
        """Count a step: everything that happens has its own."""
        self.steps += 1
        return self.steps
