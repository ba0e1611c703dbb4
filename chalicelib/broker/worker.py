"""The placement worker: takes one order to the exchange for one queue message.

Crash points, in order. Before the claim: nothing happened. After it: the lease ends, the next worker finds the
dead one's token and treats its attempt as unknown. After the exchange answered but before the record: the same,
and the exchange finds the order by its id. After the record but before the message is deleted: the message comes
again and finds an order that no longer waits.

The exchange may report about the order at any of these points. A report that tells that it has the order, or what
became of it, takes the lease away: the record is refused then, and the order no longer waits.

An order that comes after another is put off while that one waits. Waiting is not failing, so it uses up no receives:
a fresh message, delayed, takes the place of the old one. Crash points: before the order is saved nothing happened.
After that, but before the fresh message is sent: the old one comes back by its visibility, and is replaced then.
After that, but before the old one is deleted: there are two messages, and each is replaced by one until the turn has
come. There is always one, and the order tells until when, so that neither sweep nor checks miss one that is delayed.
"""

import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.broker.exchange import Exchange, VenueAnswer
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import (
    Answer,
    Attempt,
    Defer,
    LeaseLostError,
    Nothing,
    Outcome,
    Policy,
    Purpose,
    Wait,
    claim,
    defer,
    next_step,
    predecessor_of,
    record_outcome,
)
from chalicelib.broker.queue import PlacementQueue, about_order, read_body
from chalicelib.broker.store import OrderStore, StaleOrderError
from chalicelib.core.batches import Again, Done, Message, read_messages, work_queue
from chalicelib.core.clock import Clock
from chalicelib.core.ids import new_id
from chalicelib.core.sqs import MAX_SEND_DELAY
from chalicelib.core.telemetry import Metric, MetricUnit, log_event, put_metrics

PARALLEL = 10
ROUNDS = 4
"""Steps that one message may take, e.g. place, then cancel because the client asked meanwhile."""


class UnknownOrderError(Exception):
    """Raised when a message names an order that is not stored: it must end as a dead letter, visible."""


@dataclass(frozen=True)
class Worker:
    """What a placement needs. ``jitter`` gives numbers from 0 to 1."""

    store: OrderStore
    exchange: Exchange
    policy: Policy
    clock: Clock
    token: Callable[[], str] = new_id
    jitter: Callable[[], float] = random.random


def work_on_batch(records: Iterable[dict[str, Any]], worker: Worker, queue: PlacementQueue) -> dict[str, Any]:
    """Do what the orders of a batch of SQS records need, all at once; return Lambda's partial batch response."""
    messages = read_messages(records)
    return work_queue(messages, partial(work_on_message, worker, queue), queue, PARALLEL, about_order)


def work_on_message(worker: Worker, queue: PlacementQueue, message: Message) -> Done | Again:
    """Do what the message's order needs now. The queue takes the order of a message that is to wait without it.

    Raises:
        InvalidMessageError: if the message names no order.
        UnknownOrderError: if there is no such order.
    """
    order_id, _ = read_body(message.body)
    last_chance = message.receive_count >= worker.policy.max_receives
    known: Order | None = None
    for _ in range(ROUNDS):
        # As it was just recorded, where it was: who changes it after that has a message of their own.
        order = known or _load(worker, order_id)
        after = predecessor_of(order)
        predecessor = None if after is None else worker.store.get(after)
        now = worker.clock()
        step = next_step(order, now, predecessor)
        if isinstance(step, Nothing):
            return Done(order.status.value)
        result: Done | Again | None
        if isinstance(step, Attempt):
            known = _attempt(worker, order, step, last_chance=last_chance)
            result = _tried(worker, known)
        else:
            known = None
            result = _put_off(worker, queue, order, step, now)
        if result is not None:
            return result
    return Again("contended", 1)


def _load(worker: Worker, order_id: OrderId) -> Order:
    order = worker.store.get(order_id)
    if order is None:
        raise UnknownOrderError(order_id)
    return order


def _seconds_until(moment: datetime, now: datetime) -> float:
    return max((moment - now).total_seconds(), 0)


def _put_off(
    worker: Worker, queue: PlacementQueue, order: Order, step: Wait | Defer, now: datetime
) -> Done | Again | None:
    """Let the order wait; return what becomes of the message, None if the order is to be looked at again."""
    seconds = _seconds_until(step.until, now)
    if isinstance(step, Wait) and predecessor_of(order) is None:
        return Again("waiting", seconds)
    if isinstance(step, Defer):
        try:
            worker.store.save(defer(order, step.until, now))
        except StaleOrderError:
            return None
    # Otherwise it is the second message of an order that was put off: waiting must not wear that one out either.
    queue.send([order.order_id], min(math.ceil(seconds), MAX_SEND_DELAY))
    return Done("deferred")


def _tried(worker: Worker, recorded: Order | None) -> Again | None:
    """Return what becomes of the message after an attempt, None if the order is to be looked at again."""
    if recorded is not None and recorded.dead_lettered_at is not None:
        # Visible at once: at its next receive the queue moves the message to the dead letters.
        return Again("dead_lettered", 0)
    if recorded is not None and recorded.failures and recorded.next_attempt_at is not None:
        return Again("retry", _seconds_until(recorded.next_attempt_at, worker.clock()))
    return None


def _attempt(worker: Worker, order: Order, step: Attempt, *, last_chance: bool) -> Order | None:
    """Claim, ask the exchange, record. Return the order as recorded, None if another worker has it."""
    token = worker.token()
    try:
        claimed = worker.store.save(claim(order, token, worker.clock(), worker.policy))
    except StaleOrderError:
        return None  # Somebody was faster: the next round looks at what is true now.
    started = time.perf_counter()
    answer, found = _ask_exchange(worker.exchange, claimed, step)
    latency_ms = round((time.perf_counter() - started) * 1000)
    outcome = Outcome(step.purpose, answer.answer, latency_ms, answer.reason, found, answer.standing)
    return _record(worker, claimed, token, outcome, last_chance=last_chance)


def _ask_exchange(exchange: Exchange, order: Order, step: Attempt) -> tuple[VenueAnswer, bool]:
    if step.purpose is Purpose.CANCEL:
        return exchange.cancel(order), False
    if step.ask_first:
        known = exchange.find(order)
        if known is not None:
            return known, True
    return exchange.place(order), False


def _record(worker: Worker, order: Order, token: str, outcome: Outcome, *, last_chance: bool) -> Order | None:
    while True:
        now = worker.clock()
        try:
            recorded = record_outcome(order, token, outcome, now, last_chance=last_chance, jitter=worker.jitter())
            recorded = worker.store.save(recorded)
        except LeaseLostError:
            # The lease ended before we could record, and another worker has the order: its record counts. Or the
            # exchange has reported what became of the order: then that counts.
            log_event("lease lost", order_id=order.order_id, answer=outcome.answer.value)
            return None
        except StaleOrderError:
            # A cancel or a report came in between: fold the outcome into what is true now.
            order = _load(worker, order.order_id)
            continue
        _report(recorded, outcome, now)
        return recorded


def _report(order: Order, outcome: Outcome, now: datetime) -> None:
    log_event(
        "attempt",
        order_id=order.order_id,
        signal_id=order.signal_id,
        purpose=outcome.purpose.value,
        answer=outcome.answer.value,
        reason=outcome.reason,
        attempt=order.attempts,
        status=order.status.value,
        exchange_ms=outcome.latency_ms,
    )
    put_metrics(_metrics(order, outcome, now))


def _metrics(order: Order, outcome: Outcome, now: datetime) -> list[Metric]:
    if order.dead_lettered_at == now:
        return [("DeadLettered", MetricUnit.Count, 1)]
    if outcome.answer in (Answer.UNAVAILABLE, Answer.UNKNOWN):
        return [("PlacementRetries", MetricUnit.Count, 1)]
    if order.placed_at == now:
        waited = (now - order.created_at).total_seconds() * 1000
        return [("Placed", MetricUnit.Count, 1), ("AcceptToPlaced", MetricUnit.Milliseconds, waited)]
    return [("Settled", MetricUnit.Count, 1)]
