"""The invariants of the strategies that live data can show, each as a check of one page."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.store import OrderStore
from chalicelib.core.clock import parse_timestamp
from chalicelib.operations.invariants import IN_FLIGHT, Check, PageResult, Position
from chalicelib.operations.signal_sweep import BEGINNING, STATE
from chalicelib.operations.store import StateStore
from chalicelib.strategies.item import SHARDS
from chalicelib.strategies.listing import Filter, Listings, trip_place
from chalicelib.strategies.signal import Position as OpenPosition
from chalicelib.strategies.signal import RoundTrip, order_id_of
from chalicelib.strategies.store import DynamoStrategyStore

PAGE = 100
PATIENCE = IN_FLIGHT + timedelta(minutes=1)
"""A dead worker's signal is open until its lease ends, until the next sweep begins, and until that has completed it."""


def strategy_checks(
    store: DynamoStrategyStore, listings: Listings, orders: OrderStore, states: StateStore
) -> Mapping[str, Check]:
    """Return the checks of the strategies."""

    def check_positions(after: Position, _now: datetime) -> PageResult:
        """6: an open position has the one order that bought it."""
        positions, place = listings.positions(Filter(), PAGE, tuple(after) if after else None)
        found = orders.get_many([OrderId(position.order_id) for position in positions], consistent=True)
        wrong = [position for position in positions if not _is_bought(position, found.get(OrderId(position.order_id)))]
        violations = [f"{one.user}, {one.strategy}, {one.instrument}" for one in wrong]
        return PageResult(len(positions), 0, violations, None if place is None else list(place))

    def check_log(after: Position, _now: datetime) -> PageResult:
        """6: a round trip has the order that bought and the one that sold, and its position is open no more."""
        trips, place = listings.round_trips(Filter(), PAGE, tuple(after) if after else None)
        ids = [OrderId(one) for trip in trips for one in (_buy_order_id(trip), trip.sell_order_id)]
        found = orders.get_many(ids, consistent=True)
        still_open = {(one.signal_id, one.user) for one in store.positions_at(trips)}
        wrong = [trip for trip in trips if not _is_whole(trip, found) or (trip.buy_signal_id, trip.user) in still_open]
        violations = [", ".join(trip_place(trip)) for trip in wrong]
        return PageResult(len(trips), 0, violations, None if place is None else list(place))

    def check_signals(_after: Position, now: datetime) -> PageResult:
        """6: a signal comes to its end, whatever became of the worker that had it. Older ones are known to have."""
        saved = states.load(STATE).get("since")
        since = BEGINNING if saved is None else parse_timestamp(saved)
        rows = [row for shard in range(SHARDS) for row in listings.signals_since(shard, since, now)]
        still_open = [row for row in rows if not row.is_complete]
        forgotten = [row.signal_id for row in still_open if row.created_at + PATIENCE < now]
        return PageResult(len(rows), len(still_open) - len(forgotten), forgotten, None)

    return {
        "positions_are_bought": check_positions,
        "round_trips_are_whole": check_log,
        "no_signal_is_forgotten": check_signals,
    }


def _is_bought(position: OpenPosition, order: Order | None) -> bool:
    return order is not None and (order.side, order.user, order.strategy, order.instrument, order.signal_id) == (
        "buy",
        position.user,
        position.strategy,
        position.instrument,
        position.signal_id,
    )


def _is_whole(trip: RoundTrip, orders: Mapping[OrderId, Order]) -> bool:
    buy, sell = orders.get(OrderId(_buy_order_id(trip))), orders.get(OrderId(trip.sell_order_id))
    if buy is None or sell is None:
        return False
    return (
        (buy.side, buy.user, buy.strategy, buy.instrument) == ("buy", trip.user, trip.strategy, trip.instrument)
        and (sell.side, sell.user, sell.strategy, sell.instrument)
        == ("sell", trip.user, trip.closed_by, trip.instrument)
        and (sell.signal_id, sell.after) == (trip.sell_signal_id, buy.order_id)
        and trip.bought_at <= trip.sold_at
    )


def _buy_order_id(trip: RoundTrip) -> str:
    return order_id_of(trip.buy_signal_id, trip.user)
