"""The sweep: finds what was lost on the way, whatever lost it, and takes dead letters back when it can.

It makes the guarantees independent of the retention of streams and queues and of any single lost event.
One failing item never stops it: it is logged, counted, and met again by the next sweep.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Cause, Order, OrderId
from chalicelib.broker.placement import Policy, is_overdue, requeue
from chalicelib.broker.queue import InvalidMessageError, PlacementQueue, read_body, write_body
from chalicelib.broker.store import OrderStore, Position, StaleOrderError
from chalicelib.core.clock import Clock, format_timestamp, parse_timestamp
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.operations.dead_letters import Letter, LetterBox
from chalicelib.operations.store import StateStore

PAGE = 1_000
"""Orders of a shard that one sweep looks at; the next one goes on from there.

In one page: a page reads all orders of its last moment, and those of one signal share theirs.
"""
MAX_REDRIVES = 3
"""Times that the sweep takes one letter back. Then a person decides."""
ORDERS_TIME, LETTERS_TIME = timedelta(seconds=12), timedelta(seconds=8)
"""After so long a sweep looks at no further orders, and takes no further letters: other jobs have their time, too."""
CATCH_UP_TIME = timedelta(seconds=12)
"""After so long a request that catches up stops, well before its function's time-out."""
STATE = "sweep"
FIRST = "first"
"""In the state: the shard to begin with. The others are where to go on in a shard."""

Tally = Counter[str]
"""Items by what was done with them: looked_at, requeued, redriven, resolved, stays, failed."""


@dataclass(frozen=True)
class Sweeper:
    """What a sweep needs."""

    orders: OrderStore
    queue: PlacementQueue
    letters: LetterBox
    states: StateStore
    policy: Policy
    clock: Clock


def sweep(sweeper: Sweeper) -> Tally:
    """Queue overdue orders again, take dead letters back, report the oldest order that waits."""
    tally = sweep_orders(sweeper) + sweep_letters(sweeper)
    age = oldest_unplaced(sweeper.orders, sweeper.clock())
    log_event("sweep", **tally, oldest_unplaced_seconds=age)
    put_metrics(
        [
            ("OldestUnplacedSeconds", MetricUnit.Seconds, age),
            ("Requeued", MetricUnit.Count, tally["requeued"]),
            ("Redriven", MetricUnit.Count, tally["redriven"]),
        ]
    )
    return tally


def oldest_unplaced(orders: OrderStore, now: datetime) -> float:
    """Return the age in seconds of the order that waits longest for the exchange, 0 if none waits."""
    return (now - (orders.oldest_pending_since() or now)).total_seconds()


def sweep_orders(sweeper: Sweeper) -> Tally:
    """Queue the orders again whose message must have been lost, from where the last sweep stopped."""
    stop_at = sweeper.clock() + ORDERS_TIME
    page = Page(sweeper, sweeper.policy, stop_at)
    before = sweeper.states.load(STATE)
    first = int(before.get(FIRST, 0))
    after = {shard: place for shard, place in before.items() if shard != FIRST}
    tally = Tally()
    for shard in (*range(first, SHARDS), *range(first)):
        place = _read_position(after.pop(str(shard), None))
        place = _sweep_page(page, shard, place, tally)
        if place is not None:
            after[str(shard)] = [format_timestamp(place.moment), place.order_id]
        if sweeper.clock() >= stop_at:
            # The next sweep begins with the shards that this one did not reach.
            after[FIRST] = (shard + 1) % SHARDS
            break
    if after != before:
        sweeper.states.store(STATE, after)
    return tally


def catch_up(sweeper: Sweeper) -> datetime | None:
    """Queue every order again that waits: for stream windows that are known to be lost.

    Only one that a sweep has queued before has to be overdue, so that this can be repeated until it comes to its end.

    Returns:
        Before which moment all that was accepted is queued; None if something failed, or the time was over.
    """
    begun = sweeper.clock()
    stop_at, tally = begun + CATCH_UP_TIME, Tally()
    page = Page(sweeper, replace(sweeper.policy, visibility=timedelta(0)), stop_at)
    for shard in range(SHARDS):
        place, is_over = None, False
        while not is_over:
            place = _sweep_page(page, shard, place, tally)
            if sweeper.clock() >= stop_at:
                return None
            is_over = place is None
    log_event("orders caught up", **tally)
    return None if tally["failed"] else begun


@dataclass(frozen=True)
class Page:
    """How the pages of the shards are looked at: with whose patience, and until when."""

    sweeper: Sweeper
    policy: Policy
    stop_at: datetime

    def is_due(self, order: Order, now: datetime) -> bool:
        """Tell whether its message is to be sent again; with a sweep's patience if one has done that before."""
        return is_overdue(order, now, self.sweeper.policy if order.requeues else self.policy)


def _sweep_page(page: Page, shard: int, after: Position | None, tally: Tally) -> Position | None:
    """Return where to go on: None behind the last order of the shard that has waited for long enough."""
    sweeper = page.sweeper
    positions = sweeper.orders.list_pending(shard, PAGE, after)
    now = sweeper.clock()
    ripe = [place for place in positions if place.moment + 2 * page.policy.visibility < now]
    orders = sweeper.orders.get_many([place.order_id for place in ripe])
    for place in ripe:
        order = orders.get(place.order_id)
        tally["looked_at"] += 1
        if order is not None and page.is_due(order, now):
            tally[_requeue(sweeper, order)] += 1
        if sweeper.clock() >= page.stop_at:
            return place
    return ripe[-1] if len(ripe) == PAGE else None


def _requeue(sweeper: Sweeper, order: Order) -> str:
    try:
        # First the message, then the mark: a crash in between queues the order twice, which is harmless.
        sweeper.queue.send([order.order_id])
        sweeper.orders.save(requeue(order, sweeper.clock()))
    except StaleOrderError:
        log_event("overdue order moved on by itself", order_id=order.order_id)
    except Exception:
        log_failure("order not requeued", order_id=order.order_id)
        return "failed"
    return "requeued"


def sweep_letters(sweeper: Sweeper) -> Tally:
    """Go through the dead letters until a whole batch of them has to stay, or the time is up."""
    tally = Tally()
    if not sweeper.letters.dead_letters():
        return tally
    last_placed_at = sweeper.orders.last_placed_at()
    stop_at = sweeper.clock() + LETTERS_TIME
    staying: list[Letter] = []
    while sweeper.clock() < stop_at and (letters := sweeper.letters.take()):
        results = [_sweep_letter(sweeper, letter, last_placed_at) for letter in letters]
        tally.update(results)
        stay = [letter for letter, result in zip(letters, results, strict=True) if result in ("stays", "failed")]
        staying += stay
        if len(stay) == len(letters):
            break
    sweeper.letters.put_back(staying)
    return tally


def _sweep_letter(sweeper: Sweeper, letter: Letter, last_placed_at: datetime | None) -> str:
    try:
        order_id, redrives = read_body(letter.body)
        order = sweeper.orders.get(order_id)
        if order is not None and not order.is_pending:
            sweeper.letters.remove([letter])
            return "resolved"
        if order is None or redrives >= MAX_REDRIVES or not _took_orders_since(order, last_placed_at):
            return "stays"
        return _redrive(sweeper, letter, order_id, redrives)
    except InvalidMessageError:
        return "stays"
    except Exception:
        log_failure("dead letter not swept", message_id=letter.message_id)
        return "failed"


def _took_orders_since(order: Order, last_placed_at: datetime | None) -> bool:
    """Tell whether the exchange, which certainly did not take this order, has taken another one since."""
    if order.dead_letter_cause is not Cause.UNAVAILABLE or order.dead_lettered_at is None:
        return False
    return last_placed_at is not None and last_placed_at > order.dead_lettered_at


def _redrive(sweeper: Sweeper, letter: Letter, order_id: OrderId, redrives: int) -> str:
    if sweeper.letters.send([write_body(order_id, redrives + 1)]) != [True]:
        return "failed"
    sweeper.letters.remove([letter])
    return "redriven"


def _read_position(saved: list[str] | None) -> Position | None:
    return None if saved is None else Position(parse_timestamp(saved[0]), OrderId(saved[1]))
