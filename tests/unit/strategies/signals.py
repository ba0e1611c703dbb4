"""Signals, positions and changes for tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.broker.order import OrderId
from chalicelib.broker.service import SignalTerms, signal_order
from chalicelib.core.ids import new_id
from chalicelib.strategies.signal import ExitScope, Position, RoundTrip, Side, Signal, Terms, order_id_of
from chalicelib.strategies.store import Closing, Opening
from tests.unit.broker.fakes.clock import START

USER, OTHER = "Holland Proctor", "Oaklee Wagner"
STRATEGY, INSTRUMENT = "STRATEGY_A", "L&T"
LEASE = timedelta(seconds=26)

STRATEGIES = [f"STRATEGY_{letter}" for letter in "ABCDEFGHI"]
INSTRUMENTS = [
    *("ACC", "ADANIENT", "BIRLASOFT", "COFORGE", "DMART", "EICHER", "GRASIM"),
    *("HINDALCO", "INFY", "JSW", "L&T", "MINDA", "NTPC", "POWERGRID"),
]


def at(seconds: float) -> datetime:
    """Return a moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def new_terms(
    side: Side = "BUY",
    strategy: str = STRATEGY,
    instrument: str = INSTRUMENT,
    scope: ExitScope = ExitScope.USER,
    quantity: int = 1,
) -> Terms:
    """Return what a signal asks for."""
    return Terms(strategy, instrument, side, scope, quantity)


def new_signal(created_at: datetime = START, terms: Terms | None = None, **changes: Any) -> Signal:
    """Return an open signal as it is stored first."""
    signal = Signal(
        signal_id=new_id(),
        created_at=created_at,
        terms=terms or new_terms(),
        generation=new_id(),
        leavers=(),
        worker=new_id(),
        leased_until=created_at + LEASE,
    )
    return replace(signal, **changes)


def new_position(
    user: str = USER,
    seconds: float = 0,
    strategy: str = STRATEGY,
    instrument: str = INSTRUMENT,
    signal_id: str | None = None,
) -> Position:
    """Return an open position, of a new signal unless told."""
    signal_id = signal_id or new_id()
    order_id = order_id_of(signal_id, user)
    return Position(user, strategy, instrument, at(seconds), signal_id, order_id, quantity=1)


def opening(position: Position) -> Opening:
    """Return the change that opens the position."""
    terms = SignalTerms(
        position.user, position.strategy, position.signal_id, "buy", position.instrument, position.quantity
    )
    return Opening(position, signal_order(OrderId(position.order_id), position.opened_at, terms))


def openings(positions: Sequence[Position]) -> list[Opening]:
    """Return the changes that open the positions."""
    return [opening(position) for position in positions]


def closing(
    position: Position, seconds: float = 60, closed_by: str | None = None, signal_id: str | None = None
) -> Closing:
    """Return the change that closes the position, by a new signal of its own strategy unless told."""
    signal_id, closed_by = signal_id or new_id(), closed_by or position.strategy
    order_id = order_id_of(signal_id, position.user)
    terms = SignalTerms(
        position.user, closed_by, signal_id, "sell", position.instrument, position.quantity, OrderId(position.order_id)
    )
    trip = RoundTrip(
        user=position.user,
        strategy=position.strategy,
        instrument=position.instrument,
        bought_at=position.opened_at,
        buy_signal_id=position.signal_id,
        sold_at=at(seconds),
        sell_signal_id=signal_id,
        closed_by=closed_by,
        sell_order_id=order_id,
    )
    return Closing(position, trip, signal_order(OrderId(order_id), at(seconds), terms))
