"""The rules of placement: what an order needs next, and what an answer of the exchange does to it.

Pure: no clock, no randomness, no I/O. Times, tokens and jitter come in as arguments.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.broker.execution import ExecutionReport, fold
from chalicelib.broker.order import Cause, Order, OrderId
from chalicelib.broker.timeline import add_entry, add_to_run, cut_reason, move
from chalicelib.core.lifecycle import FINAL, OrderStatus

FIRST_DELAY = 2.0
MAX_DELAY = 900.0
TURN = timedelta(seconds=1)
"""Between two looks at an order that may be placed any moment, by one that comes after it."""
EARLY = timedelta(seconds=1)
"""A message may be this much early for the end of its order's backoff: queues count in whole seconds."""
LETTER_LIFE = timedelta(days=14)
"""Retention of the dead letters, as in infra/resources.yaml: an older letter is gone, its order must not be."""


@dataclass(frozen=True)
class Policy:
    """How long a worker holds an order, how long a message stays hidden, and how often it is received."""

    lease: timedelta
    visibility: timedelta
    max_receives: int


class Purpose(StrEnum):
    """What a worker goes to the exchange for."""

    PLACE = "place"
    CANCEL = "cancel"


class Answer(StrEnum):
    """What came of it."""

    WORKING = "working"
    REJECTED = "rejected"
    CANCELED = "canceled"
    FILLED = "filled"
    EXPIRED = "expired"
    UNAVAILABLE = "unavailable"
    """The exchange took nothing, for certain."""
    UNKNOWN = "unknown"
    """No answer: never guess."""


@dataclass(frozen=True)
class Outcome:
    """An attempt's answer; ``reason`` is the exchange's, ``found`` tells that it knew the order already.

    ``standing`` is what an exchange that reports told beside: up to which report, and how much was filled.
    """

    purpose: Purpose
    answer: Answer
    latency_ms: int
    reason: str | None = None
    found: bool = False
    standing: ExecutionReport | None = None


@dataclass(frozen=True)
class Nothing:
    """The order waits for no worker: its message is done with."""


@dataclass(frozen=True)
class Wait:
    """Somebody has the order, or it is in backoff."""

    until: datetime


@dataclass(frozen=True)
class Attempt:
    """The order is to be claimed now, for this purpose. ``ask_first``: the exchange may have it already."""

    purpose: Purpose
    ask_first: bool


@dataclass(frozen=True)
class Defer:
    """The order comes after one that is not at the exchange yet: it is put off, which is no failure."""

    until: datetime


class LeaseLostError(Exception):
    """Raised when an outcome comes from a worker that no longer has the order."""


class FinalOrderError(Exception):
    """Raised when a final order is to be canceled."""


class SignalOrderError(Exception):
    """Raised when an order of a signal is to be canceled."""


class CancelUnsupportedError(Exception):
    """Raised when an order that may have been sent is to be canceled at an exchange that cannot cancel."""


def predecessor_of(order: Order) -> OrderId | None:
    """Return the order that this one must not overtake, None if there is none.

    There is none any more once it was attempted: its turn had come, for good.
    """
    never_attempted = order.status is OrderStatus.PENDING_NEW and order.attempts == 0
    return order.after if never_attempted else None


def next_step(order: Order, now: datetime, predecessor: Order | None = None) -> Nothing | Wait | Defer | Attempt:
    """Return what the order needs from a worker that holds a message for it.

    ``predecessor`` is the order that :func:`predecessor_of` names, None if there is none.
    """
    if not order.is_pending:
        return Nothing()
    due = order.next_attempt_at or now
    early = timedelta(0) if order.lease_token else EARLY
    if due - early > now:
        return Wait(due)
    if predecessor is not None and predecessor.is_pending:
        return Defer(_next_turn(predecessor, now))
    if order.status is OrderStatus.PENDING_CANCEL:
        return Attempt(Purpose.CANCEL, ask_first=False)
    return Attempt(Purpose.PLACE, ask_first=order.in_doubt or order.lease_token is not None)


def defer(order: Order, until: datetime, now: datetime) -> Order:
    """Return the order as it waits for its predecessor.

    The patience of the sweep stays: it would else add messages to a long queue each time that the order comes by.
    """
    return add_to_run(replace(order, next_attempt_at=until), now, Cause.DEFERRED)


def claim(order: Order, token: str, now: datetime, policy: Policy) -> Order:
    """Return the order as the holder of the token has it, until the lease ends."""
    if order.lease_token is not None:
        # Its last worker died between the claim and the record: what it sent may have arrived.
        order = add_entry(replace(order, in_doubt=True), now, Cause.LOST, attempt=order.attempts)
    return replace(
        order,
        lease_token=token,
        next_attempt_at=now + policy.lease,
        attempts=order.attempts + 1,
        requeues=0,
        dead_lettered_at=None,
        dead_letter_cause=None,
    )


def record_outcome(
    order: Order, token: str, outcome: Outcome, now: datetime, *, last_chance: bool, jitter: float
) -> Order:
    """Return the order with what came of the attempt.

    ``last_chance``: the message will not be received again; a failure makes it a dead letter.
    ``jitter`` from 0 to 1 spreads the retries.

    Raises:
        LeaseLostError: if the order has another holder by now, or none: a report may have settled it meanwhile.
    """
    if order.lease_token != token:
        raise LeaseLostError(order.order_id)
    released = replace(order, lease_token=None)
    if outcome.answer in (Answer.UNAVAILABLE, Answer.UNKNOWN):
        return _record_failure(released, outcome, now, last_chance=last_chance, jitter=jitter)
    settled = _record_answer(replace(released, in_doubt=False, failures=0, next_attempt_at=now), outcome, now)
    if outcome.standing is None:
        return settled
    # One that makes no sense changes nothing: the answer alone counts then.
    return fold(settled, [outcome.standing], now).order


def request_cancel(order: Order, now: datetime, *, can_cancel: bool) -> Order:
    """Return the order canceled, if it was certainly never sent; else with the cancel to be asked for.

    Raises:
        FinalOrderError: if the order is final.
        SignalOrderError: if it belongs to a signal, whose position goes with it.
        CancelUnsupportedError: if it may have been sent, to an exchange that cannot cancel.
    """
    if order.status in FINAL:
        raise FinalOrderError(order.status)
    if order.signal_id is not None:
        raise SignalOrderError(order.order_id)
    if order.status is OrderStatus.PENDING_CANCEL:
        return order
    never_sent = order.status is OrderStatus.PENDING_NEW and order.lease_token is None and not order.in_doubt
    if not never_sent and not can_cancel:
        raise CancelUnsupportedError(order.order_id)
    # Whatever became of its message, it is no dead letter any more.
    asked = replace(order, dead_lettered_at=None, dead_letter_cause=None)
    if never_sent:
        return move(asked, OrderStatus.CANCELED, now, Cause.CANCELED)
    asked = replace(asked, cancel_requested_at=now, failures=0)
    if order.lease_token is None:
        asked = replace(asked, next_attempt_at=now)
    return move(asked, OrderStatus.PENDING_CANCEL, now, Cause.CANCEL_REQUESTED)


def is_overdue(order: Order, now: datetime, policy: Policy) -> bool:
    """Tell whether the order's message must have been lost.

    It waits, and twice the visibility has passed since it was due; for a dead letter, since it must have expired.
    The patience doubles with each time that the sweep queued it, so that a long queue is not made longer and longer.
    """
    if not order.is_pending:
        return False
    due = order.next_attempt_at or order.created_at
    if order.dead_lettered_at is not None:
        due = max(due, order.dead_lettered_at + LETTER_LIFE)
    patience = 2 * policy.visibility * (1 << min(order.requeues, 8))
    return due + patience < now


def requeue(order: Order, now: datetime) -> Order:
    """Return the overdue order as the sweep leaves it. A dead worker's token stays: it tells of the doubt."""
    return add_entry(replace(order, next_attempt_at=now, requeues=order.requeues + 1), now, Cause.REQUEUED)


def retry_delay(failures: int, jitter: float) -> float:
    """Return the seconds until the next attempt: at most 2 after the first failure, doubling up to 15 minutes.

    Between half and all of it, by the jitter, so that orders that failed together do not come back together.
    """
    ceiling = min(FIRST_DELAY * (1 << min(failures - 1, 30)), MAX_DELAY)
    return ceiling * (0.5 + jitter / 2)


def accept(order: Order) -> Order:
    """Return the new order with the first entry of its timeline."""
    return add_entry(order, order.created_at, Cause.ACCEPTED)


def _next_turn(predecessor: Order, now: datetime) -> datetime:
    """Return when to look at a pending predecessor again, from a second to 15 minutes from now."""
    latest = now + timedelta(seconds=MAX_DELAY)
    if predecessor.dead_lettered_at is not None:
        # Nobody knows when it is taken back; not before the exchange takes orders again.
        return latest
    if predecessor.lease_token is not None or predecessor.next_attempt_at is None:
        # It is being sent, or will be any moment. The end of a lease would be far too late.
        return now + TURN
    return min(max(predecessor.next_attempt_at, now) + TURN, latest)


def _record_answer(order: Order, outcome: Outcome, now: datetime) -> Order:
    if outcome.answer is Answer.WORKING:
        return _record_working(order, outcome, now)
    if outcome.answer is Answer.REJECTED:
        reason = cut_reason(outcome.reason or "refused by the exchange")
        return _move(replace(order, reject_reason=reason), OrderStatus.REJECTED, now, Cause.REFUSED, outcome)
    if outcome.answer is Answer.CANCELED:
        return _move(order, OrderStatus.CANCELED, now, Cause.CANCELED, outcome)
    traded = replace(order, placed_at=order.placed_at or now)
    if outcome.answer is Answer.EXPIRED:
        return _move(traded, OrderStatus.EXPIRED, now, Cause.EXPIRED, outcome)
    return _move(replace(traded, cum_qty=order.quantity), OrderStatus.FILLED, now, Cause.FILLED, outcome)


def _record_working(order: Order, outcome: Outcome, now: datetime) -> Order:
    placed = replace(order, placed_at=order.placed_at or now)
    if outcome.purpose is Purpose.CANCEL:
        status = OrderStatus.PARTIALLY_FILLED if order.cum_qty else OrderStatus.NEW
        return _move(placed, status, now, Cause.CANCEL_REFUSED, outcome)
    cause = Cause.FOUND if outcome.found else Cause.PLACED
    if order.status is OrderStatus.PENDING_CANCEL:
        # The cancel came while we were sending. It is at the exchange now, which has still to be asked.
        return add_entry(placed, now, cause, attempt=order.attempts, latency_ms=outcome.latency_ms)
    return _move(placed, OrderStatus.NEW, now, cause, outcome)


def _record_failure(order: Order, outcome: Outcome, now: datetime, *, last_chance: bool, jitter: float) -> Order:
    unknown = outcome.answer is Answer.UNKNOWN
    never_sent = not unknown and not order.in_doubt and order.placed_at is None and outcome.purpose is Purpose.PLACE
    if order.status is OrderStatus.PENDING_CANCEL and never_sent:
        return _move(order, OrderStatus.CANCELED, now, Cause.CANCELED, outcome)
    cause = Cause.UNKNOWN if unknown else Cause.UNAVAILABLE
    failures = order.failures + 1
    waiting = replace(
        order,
        in_doubt=order.in_doubt or unknown,
        failures=failures,
        next_attempt_at=now + timedelta(seconds=retry_delay(failures, jitter)),
    )
    waiting = add_entry(waiting, now, cause, attempt=order.attempts, latency_ms=outcome.latency_ms)
    if not last_chance:
        return waiting
    dead = replace(waiting, failures=0, next_attempt_at=now, dead_lettered_at=now, dead_letter_cause=cause)
    return add_entry(dead, now, Cause.DEAD_LETTERED)


def _move(order: Order, status: OrderStatus, now: datetime, cause: Cause, outcome: Outcome) -> Order:
    return move(order, status, now, cause, order.attempts, outcome.latency_ms)
