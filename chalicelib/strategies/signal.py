"""A signal, the positions it opens and closes, and the round trips it leaves in the log. Standard library only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from chalicelib.core.ids import derive_id

Side = Literal["BUY", "SELL"]

Profiles = dict[str, dict[str, list[str]]]
"""What each user trades: user → strategy → instruments."""
Subscribers = dict[str, list[str]]
"""The users who run one strategy, each with the instruments that it trades for them."""


class ExitScope(StrEnum):
    """Which positions a SELL may close."""

    USER = "user"
    """The strategy's own; for a user who runs the strategy but has none, the one another strategy opened first."""
    STRATEGY = "strategy"
    """The strategy's own only."""


class Reason(StrEnum):
    """What a signal means for one user, and why."""

    OPENED = "opened"
    CLOSED = "closed"
    NOT_TRADED = "not_traded"
    """The user's strategy does not trade the instrument."""
    ALREADY_HELD = "already_held"
    NOT_HELD = "not_held"

    @property
    def is_accepted(self) -> bool:
        """Whether the signal is valid for the user."""
        return self in (Reason.OPENED, Reason.CLOSED)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a signal asks for, and under which rules and with what quantity it is carried out to its end."""

    strategy: str
    instrument: str
    side: Side
    scope: ExitScope
    quantity: int

    @property
    def needs_own_only(self) -> bool:
        """Whether the positions of other strategies have no part in the decisions."""
        return self.side == "BUY" or self.scope is ExitScope.STRATEGY


@dataclass(frozen=True, slots=True)
class Position:
    """An open position: at most one for each user, strategy and instrument."""

    user: str
    strategy: str
    instrument: str
    opened_at: datetime
    signal_id: str
    """The signal that bought."""
    order_id: str
    """The order that bought."""
    quantity: int


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A closed position: the row of the order log."""

    user: str
    strategy: str
    """The strategy whose position it was."""
    instrument: str
    bought_at: datetime
    buy_signal_id: str
    sold_at: datetime
    sell_signal_id: str
    closed_by: str
    """The strategy that sold."""
    sell_order_id: str


@dataclass(frozen=True)
class Signal:
    """One signal and how far it has come. While it is open, one worker at a time carries it out.

    ``worker`` and ``leased_until``: whose it is and until when; no worker lives longer than its lease.
    """

    signal_id: str
    created_at: datetime
    terms: Terms
    generation: str | None
    """The profiles that it is checked against, whatever replaces them meanwhile; None if there were none yet."""
    leavers: tuple[str, ...]
    """Holders of the strategy's position whose profile does not have the strategy any more."""
    worker: str
    leased_until: datetime
    is_complete: bool = False
    reasons: tuple[Reason, ...] = ()
    """Once complete, one for each candidate, in the order of :func:`candidates_of`."""


@dataclass(frozen=True)
class Result:
    """A signal and the users it concerns, in the order of its reasons.

    ``users`` is None when the profiles of its time are not kept any more. ``replayed``: the key had been used.
    """

    signal: Signal
    users: list[str] | None
    replayed: bool = False


@dataclass(frozen=True)
class SignalRow:
    """A signal as a list shows it; ``accepted`` and ``candidates`` count users, None while it is open."""

    signal_id: str
    created_at: datetime
    strategy: str
    instrument: str
    side: str
    is_complete: bool
    accepted: int | None
    candidates: int | None


def candidates_of(subscribers: Subscribers, leavers: tuple[str, ...]) -> list[str]:
    """Return all users whom a signal names in its answer, always in the same order."""
    return [*sorted(subscribers), *leavers]


def order_id_of(signal_id: str, user: str) -> str:
    """Return the id of the order that a signal gives a user: it exists if and only if the signal was carried out."""
    return derive_id("signal-order", signal_id, user)
