"""The rules of the signals, written down as plainly as they are told. Knows nothing of the platform's own rules.

A profile says which strategies a user runs, and which instruments each of them trades. A BUY opens a position for a
user whose strategy trades the instrument, unless that strategy has it open. A SELL closes the strategy's own position,
whoever holds it. With exits for the user as a whole, somebody who runs the strategy, but holds the instrument through
other strategies only, closes the one of those that was opened first.
"""

from dataclasses import dataclass
from typing import Any

OPENED, CLOSED, NOT_TRADED, ALREADY_HELD, NOT_HELD = "opened", "closed", "not_traded", "already_held", "not_held"


@dataclass(frozen=True)
class Holding:
    """A position that is open. ``bought_at`` is anything that sorts by time, ``bought_by`` the signal."""

    user: str
    strategy: str
    instrument: str
    bought_at: Any
    bought_by: str


@dataclass(frozen=True)
class Row:
    """A row of the log."""

    user: str
    strategy: str
    instrument: str
    bought_at: Any
    bought_by: str
    sold_at: Any
    sold_by: str
    closed_by: str


@dataclass(frozen=True)
class Asked:
    """What a signal asks for. ``strict``: a strategy closes its own positions only."""

    strategy: str
    instrument: str
    side: str
    strict: bool


def judge(asked: Asked, profile: dict[str, list[str]], holdings: list[Holding]) -> tuple[str, Holding | None]:
    """Return what a signal means for a user with this profile and these holdings, and which holding it closes."""
    held = [holding for holding in holdings if holding.instrument == asked.instrument]
    own = [holding for holding in held if holding.strategy == asked.strategy]
    runs_strategy = asked.strategy in profile
    if asked.side == "BUY":
        if not runs_strategy or asked.instrument not in profile[asked.strategy]:
            return NOT_TRADED, None
        return (ALREADY_HELD, None) if own else (OPENED, None)
    if own:
        return CLOSED, own[0]
    if asked.strict or not runs_strategy or not held:
        return NOT_HELD, None
    return CLOSED, opened_first(held)


def opened_first(holdings: list[Holding]) -> Holding:
    """Return the oldest holding; of those that are equally old, that of the first strategy by name."""
    oldest = min(holding.bought_at for holding in holdings)
    first_name = min(holding.strategy for holding in holdings if holding.bought_at == oldest)
    return next(one for one in holdings if (one.bought_at, one.strategy) == (oldest, first_name))


class Model:
    """Profiles, open positions and the log."""

    def __init__(self) -> None:
        self.profiles: dict[str, dict[str, list[str]]] = {}
        self.holdings: list[Holding] = []
        self.log: list[Row] = []

    def concerned(self, asked: Asked) -> set[str]:
        """Return the users whom the answer names: all who run the strategy, and whoever else has to sell."""
        users = {user for user, profile in self.profiles.items() if asked.strategy in profile}
        if asked.side == "SELL":
            for holding in self.holdings:
                if (holding.strategy, holding.instrument) == (asked.strategy, asked.instrument):
                    users.add(holding.user)
        return users

    def held_by(self, user: str) -> list[Holding]:
        """Return a user's open positions."""
        return [holding for holding in self.holdings if holding.user == user]

    def send(self, name: str, asked: Asked, now: Any) -> dict[str, str]:
        """Carry out a signal; return the verdict for each user."""
        verdicts = {}
        for user in sorted(self.concerned(asked)):
            verdict, closed = judge(asked, self.profiles.get(user, {}), self.held_by(user))
            verdicts[user] = verdict
            if verdict == OPENED:
                self.holdings.append(Holding(user, asked.strategy, asked.instrument, now, name))
            if closed is not None:
                self.holdings.remove(closed)
                bought = (closed.strategy, closed.instrument, closed.bought_at, closed.bought_by)
                self.log.append(Row(user, *bought, now, name, asked.strategy))
        return verdicts
