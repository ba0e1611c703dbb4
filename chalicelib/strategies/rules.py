"""Whom a signal is valid for. Pure: no clock, no randomness, no I/O.

A BUY is valid for a user whose strategy trades the instrument and who has no open position for both. A SELL closes the
strategy's own position of every holder, in the profile or no longer. Under ``ExitScope.USER`` a user who runs the
strategy, but holds the instrument through other strategies only, closes the position that was opened first.
"""

from collections.abc import Collection
from dataclasses import dataclass

from chalicelib.strategies.signal import ExitScope, Position, Reason, Terms


@dataclass(frozen=True, slots=True)
class Decision:
    """What a signal means for one user; ``closes`` is the position that a SELL is for."""

    reason: Reason
    closes: Position | None = None


def decide(terms: Terms, traded: Collection[str] | None, held: Collection[Position]) -> Decision:
    """Decide for one user.

    ``traded``: the instruments that the user's strategy trades, None if the user does not run it. ``held``: the user's
    open positions in the signal's instrument; under ``ExitScope.STRATEGY`` and for a BUY the strategy's own is enough.
    """
    own = next((position for position in held if position.strategy == terms.strategy), None)
    if terms.side == "BUY":
        return Decision(_reason_to_buy(terms, traded or (), own))
    if own is not None:
        return Decision(Reason.CLOSED, own)
    if traded is None or terms.scope is ExitScope.STRATEGY:
        return Decision(Reason.NOT_HELD)
    first = min(held, key=lambda position: (position.opened_at, position.strategy), default=None)
    return Decision(Reason.NOT_HELD) if first is None else Decision(Reason.CLOSED, first)


def _reason_to_buy(terms: Terms, traded: Collection[str], own: Position | None) -> Reason:
    if terms.instrument not in traded:
        return Reason.NOT_TRADED
    return Reason.OPENED if own is None else Reason.ALREADY_HELD
