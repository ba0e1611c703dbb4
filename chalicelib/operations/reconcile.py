"""Reconciling: orders that work for long without news are asked for at the exchange, and its standing is folded in.

A report that never came, a bridge that was down for longer than the exchange keeps reports, a letter that nobody
looked at: whatever is missing, the exchange's own record ends it. A sweep asks for some orders, by a saved place that
goes around, and the next one goes on from there.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.broker.exchange import Exchange, VenueAnswer
from chalicelib.broker.execution import fold
from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer
from chalicelib.broker.store import OrderStore, Position, StaleOrderError
from chalicelib.core.clock import Clock, format_timestamp, parse_timestamp
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.operations.store import StateStore

PAGE = 100
PAGES = 10
"""Pages of working orders that one sweep reads at most."""
ASKED = 50
"""Orders that one sweep asks for at most."""
PARALLEL = 10
BUDGET = timedelta(seconds=6)
"""After so long no further orders are asked for, so that the other sweeps have their time."""
STATE = "reconcile"

Tally = Counter[str]
"""Orders by what came of them: unchanged, reconciled, unknown, impossible, unanswered, failed."""


@dataclass(frozen=True)
class Reconciler:
    """What reconciling needs. ``after``: how long an order works without news before it is asked for."""

    orders: OrderStore
    exchange: Exchange
    states: StateStore
    after: timedelta
    clock: Clock


@dataclass(frozen=True)
class Place:
    """Where a sweep stands on its way around the shards."""

    shard: int = 0
    after: Position | None = None


@dataclass(frozen=True)
class Quiet:
    """An order without news, and the place behind it."""

    order: Order
    behind: Place


def reconcile(reconciler: Reconciler) -> Tally:
    """Ask for the next orders without news, from where the last sweep stopped."""
    tally = Tally()
    if not reconciler.exchange.can_find:
        return tally
    before = reconciler.states.load(STATE)
    quiet, end = _quiet_orders(reconciler, _read_place(before))
    place = _ask_all(reconciler, quiet, tally) or end
    if (after := _write_place(place)) != before:
        reconciler.states.store(STATE, after)
    log_event("orders reconciled", **tally)
    names = {"Reconciled": "reconciled", "UnknownAtExchange": "unknown", "ReportsImpossible": "impossible"}
    put_metrics([(name, MetricUnit.Count, tally[kind]) for name, kind in names.items() if tally[kind]])
    return tally


def _quiet_orders(reconciler: Reconciler, place: Place) -> tuple[list[Quiet], Place]:
    """Return the next orders without news, and the place behind all that was looked at: once around at most."""
    quiet: list[Quiet] = []
    shards_left = SHARDS + (place.after is not None)
    for _ in range(PAGES + shards_left):
        positions = reconciler.orders.list_working(place.shard, PAGE, place.after)
        old = reconciler.clock() - reconciler.after
        ripe = [position for position in positions if position.moment <= old]
        found = reconciler.orders.get_many([position.order_id for position in ripe])
        for position in ripe:
            place = replace(place, after=position)
            order = found.get(position.order_id)
            if order is not None and _is_quiet(order, old):
                quiet.append(Quiet(order, place))
            if len(quiet) == ASKED:
                return quiet, place
        if len(ripe) < PAGE:
            # The rest of the shard is younger: on with the next one.
            place = Place((place.shard + 1) % SHARDS)
            shards_left -= 1
        if not shards_left:
            break
    return quiet, place


def _ask_all(reconciler: Reconciler, quiet: list[Quiet], tally: Tally) -> Place | None:
    """Ask for the orders, some at a time; return the place to go on from if they were too many, else None."""
    stop_at = reconciler.clock() + BUDGET
    for start in range(0, len(quiet), PARALLEL):
        asked = quiet[start : start + PARALLEL]
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            results = list(pool.map(lambda each: _ask(reconciler, each.order), asked))
        tally.update(results)
        # An exchange that answers nothing at all is left alone until the next sweep, which begins behind these:
        # a few orders that it cannot tell about must not keep it from the others.
        if set(results) == {"unanswered"} or reconciler.clock() >= stop_at:
            return asked[-1].behind
    return None


def _is_quiet(order: Order, old: datetime) -> bool:
    """Tell whether a working order has had no news for long, or misses some."""
    works = not order.is_pending and order.leaves_qty > 0
    return works and (bool(order.venue_gaps) or order.venue_at is None or order.venue_at <= old)


def _ask(reconciler: Reconciler, order: Order) -> str:
    try:
        answer = reconciler.exchange.find(order)
        if answer is None:
            # It took this order once. What became of it is for people to find out.
            log_event("order unknown at the exchange", order_id=order.order_id, status=order.status.value)
            return "unknown"
        if answer.answer in (Answer.UNAVAILABLE, Answer.UNKNOWN):
            return "unanswered"
        return _fold_standing(reconciler, order, answer)
    except Exception:
        log_failure("order not reconciled", order_id=order.order_id)
        return "failed"


def _fold_standing(reconciler: Reconciler, order: Order, answer: VenueAnswer) -> str:
    if answer.standing is None:
        return "unchanged"
    folded = fold(order, [answer.standing], reconciler.clock())
    if folded.impossible:
        log_event("impossible standing", order_id=order.order_id, reason=folded.impossible[0][1])
        return "impossible"
    if folded.order == order:
        return "unchanged"
    try:
        reconciler.orders.save(folded.order)
    except StaleOrderError:
        log_event("order without news moved on by itself", order_id=order.order_id)
        return "unchanged"
    log_event("order reconciled", order_id=order.order_id, status=folded.order.status.value)
    return "reconciled"


def _read_place(saved: dict[str, list[str] | int]) -> Place:
    shard, after = saved.get("shard", 0), saved.get("after")
    if not isinstance(shard, int) or not isinstance(after, list):
        return Place(shard if isinstance(shard, int) else 0)
    return Place(shard, Position(parse_timestamp(after[0]), OrderId(after[1])))


def _write_place(place: Place) -> dict[str, list[str] | int]:
    if place.after is None:
        return {"shard": place.shard}
    return {"shard": place.shard, "after": [format_timestamp(place.after.moment), place.after.order_id]}
