"""Carrying a signal out: many users in one transaction, several transactions at once.

Crash points. Before a transaction: nothing of it happened. After it: each of its users has the order whose id is
derived from signal and user, so whoever finishes the signal finds them done. Between the last transaction and the
completion: the same. One worker at a time has the signal, and none outlives its lease, so that nobody decides about a
user whom another is just deciding about.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from chalicelib.broker.order import OrderId
from chalicelib.broker.service import SignalTerms, signal_order
from chalicelib.broker.store import OrderStore
from chalicelib.core.clock import Clock, wait
from chalicelib.strategies.rules import Decision, decide
from chalicelib.strategies.signal import Position, Reason, RoundTrip, Signal, Subscribers, order_id_of
from chalicelib.strategies.store import (
    Change,
    Closing,
    ConflictingWriteError,
    Opening,
    RefusedError,
    StrategyStore,
    changes_at_once,
)

PARALLEL = 8
"""Transactions at once."""
TRIES = 12
"""Times that a user's change is tried while others keep changing the same position."""
MAX_PAUSE = 0.4
ACCEPTED: dict[str, Reason] = {"BUY": Reason.OPENED, "SELL": Reason.CLOSED}


class ContendedError(Exception):
    """Raised when others kept changing the same positions. What was done stands; the signal is still open."""


class OutOfTimeError(Exception):
    """Raised when the worker's time is up. What was done stands; the signal is still open."""


@dataclass(frozen=True)
class FanOut:
    """What carrying out a signal needs. ``sleep`` waits for seconds, ``jitter`` gives numbers from 0 to 1."""

    store: StrategyStore
    orders: OrderStore
    clock: Clock
    sleep: Callable[[float], None] = wait
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True)
class Task:
    """One signal to carry out, with the users who run its strategy, until a moment."""

    signal: Signal
    subscribers: Subscribers
    stop_at: datetime


def read_positions(store: StrategyStore, signal: Signal, users: Iterable[str] | None = None) -> list[Position]:
    """Return the open positions that a decision needs; with ``users``, at least those of these users."""
    return store.positions(signal.terms, users, own=signal.terms.needs_own_only)


def decide_all(
    signal: Signal, subscribers: Subscribers, users: Iterable[str], held: Iterable[Position]
) -> dict[str, Decision]:
    """Decide about each user by the positions that were read."""
    by_user: dict[str, list[Position]] = {}
    for position in held:
        by_user.setdefault(position.user, []).append(position)
    return {user: decide(signal.terms, subscribers.get(user), by_user.get(user, ())) for user in users}


def look_again(fan_out: FanOut, task: Task, users: Sequence[str]) -> tuple[dict[str, Reason], dict[str, Decision]]:
    """Return what was done about some of the users, and what is to be decided about the others.

    An order that exists is its user's verdict, whatever the positions tell by now.
    """
    signal = task.signal
    ids = {user: OrderId(order_id_of(signal.signal_id, user)) for user in users}
    existing = fan_out.orders.get_many(list(ids.values()), consistent=True)
    done = {user: ACCEPTED[signal.terms.side] for user in users if ids[user] in existing}
    left = [user for user in users if user not in done]
    held = read_positions(fan_out.store, signal, left) if left else []
    return done, decide_all(signal, task.subscribers, left, held)


def carry_out(fan_out: FanOut, task: Task, decisions: Mapping[str, Decision]) -> dict[str, Reason]:
    """Make the changes that were decided; return what came of each user.

    Raises:
        ContendedError: if others kept changing the same positions.
        OutOfTimeError: if the worker's time is up.
    """
    reasons = {user: decision.reason for user, decision in decisions.items()}
    accepted = [(user, decision) for user, decision in decisions.items() if decision.reason.is_accepted]
    size = changes_at_once(task.signal.terms.side)
    groups = [dict(accepted[start : start + size]) for start in range(0, len(accepted), size)]
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        for settled in pool.map(partial(_settle, fan_out, task), groups):
            reasons |= settled
    return reasons


def _settle(fan_out: FanOut, task: Task, group: Mapping[str, Decision], tries: int = 1) -> dict[str, Reason]:
    """Make the changes of a group of users; decide anew, and in halves, when others were at their positions."""
    reasons = {user: decision.reason for user, decision in group.items()}
    accepted = {user: decision for user, decision in group.items() if decision.reason.is_accepted}
    if not accepted:
        return reasons
    now = fan_out.clock()
    if now > task.stop_at:
        raise OutOfTimeError(task.signal.signal_id)
    try:
        fan_out.store.commit([_change(task.signal, user, decision, now) for user, decision in accepted.items()])
    except (RefusedError, ConflictingWriteError):
        if tries == TRIES:
            raise ContendedError(task.signal.signal_id) from None
        fan_out.sleep(min(0.01 * 2**tries, MAX_PAUSE) * fan_out.jitter())
        done, decided = look_again(fan_out, task, list(accepted))
        reasons |= done
        half = (len(decided) + 1) // 2
        for part in (dict(list(decided.items())[:half]), dict(list(decided.items())[half:])):
            reasons |= _settle(fan_out, task, part, tries + 1)
    return reasons


def _change(signal: Signal, user: str, decision: Decision, now: datetime) -> Change:
    terms, closed = signal.terms, decision.closes
    order_id = OrderId(order_id_of(signal.signal_id, user))
    if closed is None:
        buy = SignalTerms(user, terms.strategy, signal.signal_id, "buy", terms.instrument, terms.quantity)
        position = Position(user, terms.strategy, terms.instrument, now, signal.signal_id, order_id, terms.quantity)
        return Opening(position, signal_order(order_id, now, buy))
    # Clocks differ from machine to machine; nothing is sold before it was bought.
    sold_at = max(now, closed.opened_at)
    sell = SignalTerms(
        user, terms.strategy, signal.signal_id, "sell", terms.instrument, closed.quantity, OrderId(closed.order_id)
    )
    trip = RoundTrip(
        user=user,
        strategy=closed.strategy,
        instrument=terms.instrument,
        bought_at=closed.opened_at,
        buy_signal_id=closed.signal_id,
        sold_at=sold_at,
        sell_signal_id=signal.signal_id,
        closed_by=terms.strategy,
        sell_order_id=order_id,
    )
    return Closing(closed, trip, signal_order(order_id, now, sell))
