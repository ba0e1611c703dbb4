"""The use cases of the strategies. Each takes what it needs as arguments."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.store import OrderStore
from chalicelib.core.clock import wait
from chalicelib.core.errors import ConflictError, KeyReusedError, NotFoundError, UnfinishedError
from chalicelib.core.idempotency import id_for
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.telemetry import log_event, log_failure
from chalicelib.strategies.fan_out import FanOut, Task, carry_out, decide_all, look_again, read_positions
from chalicelib.strategies.item import pack_json
from chalicelib.strategies.profiles import Generation, ProfileStore, ReplacedMeanwhileError
from chalicelib.strategies.rules import Decision
from chalicelib.strategies.signal import Position, Profiles, Reason, Result, Signal, Subscribers, Terms, candidates_of
from chalicelib.strategies.store import SignalExistsError, StaleSignalError

MAX_USERS = 10_000
"""Users that a signal may concern: what one request can carry out in time. See docs/decisions."""
LEAVERS_AT_LEAST = 1_000
"""Users whom no profile names any more, but who hold the position: so many are sold out beside all others."""
MAX_PACKED = 300 * 1024
"""Bytes that a signal keeps of its leavers' names, so that its item stays below DynamoDB's 400 KB."""
MARGIN = timedelta(seconds=4)
"""Before the end of its time, in which a worker begins no further transaction."""
POLL = 0.25
"""Seconds between two looks at a signal that another worker has."""


@dataclass(frozen=True)
class Desk:
    """What signals need. ``lease``: for how long a worker has a signal; longer than any of them lives."""

    profiles: ProfileStore
    fan_out: FanOut
    lease: timedelta
    token: Callable[[], str] = new_id
    sleep: Callable[[float], None] = wait


def send_signal(desk: Desk, terms: Terms, key: str | None) -> Result:
    """Carry the signal out for every user it is valid for.

    Raises:
        KeyReusedError: if the key was used with another signal.
        ConflictError: if the signal concerns more users than one request can carry out; nothing was done.
        UnfinishedError: if it was begun and has not come to its end. The sweep completes it.
    """
    signal_id = id_for(f"signal:{terms.strategy}", key)
    stop_at = desk.fan_out.clock() + desk.lease - MARGIN
    existing = None if key is None else desk.fan_out.store.get(signal_id)
    if existing is None:
        signal, subscribers, decisions = _prepare(desk, signal_id, terms)
        try:
            return _begin(desk, Task(signal, subscribers, stop_at), decisions)
        except SignalExistsError as error:
            existing = error.existing
    if _asked(existing.terms) != _asked(terms):
        raise KeyReusedError("This Idempotency-Key was used before, with another signal.")
    return replace(_join(desk, existing, stop_at), replayed=True)


def preview_signal(desk: Desk, terms: Terms) -> Result:
    """Return what the signal would mean now, and change nothing.

    Raises:
        ConflictError: if the signal concerns too many users.
    """
    signal, _, decisions = _prepare(desk, "", terms)
    return Result(_completed(signal, [decision.reason for decision in decisions.values()]), list(decisions))


def view_signal(desk: Desk, signal_id: str) -> Result:
    """Return the signal as far as it has come.

    Raises:
        NotFoundError: if there is none with this id.
    """
    signal = desk.fan_out.store.get(signal_id) if is_id(signal_id) else None
    if signal is None:
        raise NotFoundError(f"There is no signal {signal_id[:64]!r}.", code="unknown_signal")
    return _recall(desk, signal)


def finish_signal(desk: Desk, signal: Signal, stop_at: datetime) -> Result | None:
    """Complete an open signal whose worker is dead; None while it may be alive, or if another was faster.

    Raises:
        UnfinishedError: if that took longer than until ``stop_at``, which is before the end of the desk's lease.
    """
    if signal.leased_until > desk.fan_out.clock():
        return None
    try:
        return _take_over(desk, signal, stop_at)
    except StaleSignalError:
        return None


def replace_profiles(desk: Desk, profiles: Profiles) -> Generation:
    """Put these profiles in the place of all former ones. Open positions stay.

    Raises:
        ConflictError: if another replacement was faster; these profiles are then not in force.
    """
    before = desk.profiles.current()
    rows = sum(map(len, profiles.values()))
    generation = Generation(new_id(), desk.fan_out.clock(), len(profiles), rows)
    try:
        desk.profiles.replace(profiles, generation, before)
    except ReplacedMeanwhileError:
        detail = (
            "Other profiles came into force meanwhile. Look at them, and send yours again if they are still wanted."
        )
        raise ConflictError(detail, code="profiles_replaced") from None
    return generation


def view_profiles(desk: Desk) -> Profiles:
    """Return all profiles in force."""
    current = desk.profiles.current()
    return {} if current is None else desk.profiles.profiles(current.generation_id)


def orders_of(orders: OrderStore, positions: Sequence[Position]) -> dict[str, Order]:
    """Return the orders that opened these positions, by id."""
    found = orders.get_many([OrderId(position.order_id) for position in positions])
    return {str(order_id): order for order_id, order in found.items()}


def _prepare(desk: Desk, signal_id: str, terms: Terms) -> tuple[Signal, Subscribers, dict[str, Decision]]:
    """Read what is true now and decide; nothing is written."""
    generation = desk.profiles.current()
    now = desk.fan_out.clock()
    signal = Signal(
        signal_id=signal_id,
        created_at=now,
        terms=terms,
        generation=None if generation is None else generation.generation_id,
        leavers=(),
        worker=desk.token(),
        leased_until=now + desk.lease,
    )
    subscribers = _subscribers(desk, signal)
    held = read_positions(desk.fan_out.store, signal)
    if terms.side == "SELL":
        holders = {position.user for position in held if position.strategy == terms.strategy}
        leavers = sorted(holders - subscribers.keys())
        signal = replace(signal, leavers=_that_fit(leavers, len(subscribers)))
    candidates = candidates_of(subscribers, signal.leavers)
    if len(subscribers) > MAX_USERS:
        detail = f"The signal concerns {len(candidates)} users, and one signal takes at most {MAX_USERS}."
        raise ConflictError(f"{detail} Nothing was done.", code="too_many_users")
    return signal, subscribers, decide_all(signal, subscribers, candidates, held)


def _that_fit(leavers: Sequence[str], subscribers: int) -> tuple[str, ...]:
    """Return as many as one signal takes. The others keep their positions, and the next SELL takes them."""
    fitting = tuple(leavers[: max(MAX_USERS - subscribers, LEAVERS_AT_LEAST)])
    while len(pack_json(fitting)) > MAX_PACKED:
        fitting = fitting[: len(fitting) // 2]
    return fitting


def _begin(desk: Desk, task: Task, decisions: Mapping[str, Decision]) -> Result:
    """Store the new signal and carry it out."""
    signal = task.signal
    reasons = [decision.reason for decision in decisions.values()]
    is_valid = any(reason.is_accepted for reason in reasons)
    with _completed_later(signal):
        if not is_valid:
            # A signal that is valid for nobody is complete as soon as it is stored.
            completed = _completed(signal, reasons)
            desk.fan_out.store.create(completed)
            return Result(completed, list(decisions))
        desk.fan_out.store.create(signal)
        return _finish(desk, task, decisions, {})


def _join(desk: Desk, signal: Signal, stop_at: datetime) -> Result:
    """Wait for the worker that has the signal, complete it if that one is dead, and return what came of it."""
    clock = desk.fan_out.clock
    with _completed_later(signal):
        while not signal.is_complete:
            now = clock()
            if now >= signal.leased_until:
                try:
                    return _take_over(desk, signal, stop_at)
                except StaleSignalError:
                    log_event("signal taken by another", signal_id=signal.signal_id)
            if now >= stop_at:
                raise _unfinished(signal)
            desk.sleep(POLL)
            signal = desk.fan_out.store.get(signal.signal_id) or signal
    return _recall(desk, signal)


def _take_over(desk: Desk, signal: Signal, stop_at: datetime) -> Result:
    """Take the signal from its dead worker and complete it on its own generation of the profiles."""
    taken = replace(signal, worker=desk.token(), leased_until=desk.fan_out.clock() + desk.lease)
    desk.fan_out.store.save(taken, signal.worker)
    with _completed_later(taken):
        subscribers = _subscribers(desk, taken)
        task = Task(taken, subscribers, stop_at)
        done, decisions = look_again(desk.fan_out, task, candidates_of(subscribers, taken.leavers))
        return _finish(desk, task, decisions, done)


def _finish(desk: Desk, task: Task, decisions: Mapping[str, Decision], done: Mapping[str, Reason]) -> Result:
    """Carry out what is left, and complete the signal."""
    signal = task.signal
    reasons = {**done, **carry_out(desk.fan_out, task, decisions)}
    users = candidates_of(task.subscribers, signal.leavers)
    completed = _completed(signal, [reasons[user] for user in users])
    desk.fan_out.store.save(completed, signal.worker)
    return Result(completed, users)


def _recall(desk: Desk, signal: Signal) -> Result:
    """Return what came of a signal by what is stored of it."""
    users = candidates_of(_subscribers(desk, signal), signal.leavers)
    return Result(signal, users if len(users) == len(signal.reasons) else None)


def _subscribers(desk: Desk, signal: Signal) -> Subscribers:
    if signal.generation is None:
        return {}
    return desk.profiles.subscribers(signal.generation, signal.terms.strategy)


def _completed(signal: Signal, reasons: list[Reason]) -> Signal:
    return replace(signal, is_complete=True, reasons=tuple(reasons))


def _asked(terms: Terms) -> tuple[str, ...]:
    """Return what a client asked for; the rest is the deployment's."""
    return terms.strategy, terms.instrument, terms.side


@contextmanager
def _completed_later(signal: Signal) -> Iterator[None]:
    """Turn every fault into the one answer that is true: from here on the signal may have happened, in part."""
    try:
        yield
    except (SignalExistsError, UnfinishedError):
        raise
    except Exception as error:
        log_failure("signal not finished", signal_id=signal.signal_id)
        raise _unfinished(signal) from error


def _unfinished(signal: Signal) -> UnfinishedError:
    detail = "The signal has not come to its end. If it was begun, it is completed by itself: look at it by its id."
    return UnfinishedError(detail, code="signal_unfinished", signal_id=signal.signal_id)
