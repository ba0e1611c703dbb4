"""The evidence as a history of the simulation, so that its checks judge it: steps are microseconds.

When an order was closed nobody has seen. It was closed at the latest when the first answer told so: if that moment
contradicts another answer, every earlier one does, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.clock import parse_timestamp
from tests.chaos.evidence import Evidence
from tests.e2e.stack import Item
from tests.simulation.cloud.tables import Change
from tests.simulation.history import History, Request, Write

EPOCH = parse_timestamp("1970-01-01T00:00:00Z")
CLOSED = ("filled", "canceled")
EVER = 2**62
"""A step after everything."""


def market_history(evidence: Evidence) -> History:
    """Return the art market's part: its requests, each order's beginning and end, each trade with its orders."""
    ends = _first_told(evidence.requests)
    orders = {row["order_id"]["S"]: row for row in evidence.tables.get("MarketOrders", [])}
    writes = [Write(step_of(order["created_at"]["S"]), 0, "a client", [_opened(order)]) for order in orders.values()]
    by_trade: dict[str, list[Item]] = {}
    for order_id, order in orders.items():
        if order["status"]["S"] == "CANCELED":
            writes.append(Write(ends.get(order_id, EVER), 0, "a client", [_closed(order)]))
        elif order["status"]["S"] == "FILLED":
            by_trade.setdefault(order.get("trade_id", {"S": ""})["S"], []).append(order)
    trades = {trade["trade_id"]["S"]: trade for trade in evidence.tables.get("Trades", [])}
    for trade_id in sorted(trades.keys() | by_trade.keys()):
        filled = by_trade.get(trade_id, [])
        changes = [_closed(order) for order in filled]
        if trade_id in trades:
            trade = trades[trade_id]
            changes.insert(0, Change("Trades", (trade["book"]["S"], trade_id), None, trade))
        told = min((ends.get(order["order_id"]["S"], EVER) for order in filled), default=EVER)
        writes.append(Write(told, 0, "the matcher", changes))
    return _history(evidence, writes, "/market/")


def broker_history(evidence: Evidence) -> History:
    """Return the broker's part: its requests, and each order as it was accepted."""
    writes = []
    for order in evidence.tables.get("BrokerOrders", []):
        if "signal" not in order:
            accepted = {**order, "status": {"S": "PENDING_NEW"}}
            change = Change("BrokerOrders", (order["order_id"]["S"], None), None, accepted)
            writes.append(Write(step_of(order["created_at"]["S"]), 0, "a client", [change]))
    return _history(evidence, writes, "/orders")


def strategies_history(evidence: Evidence) -> History:
    """Return the strategies' part: each order of a signal with the position that it opened or closed."""
    return _history(evidence, list(_signal_writes(evidence)), "/")


@dataclass(frozen=True)
class _Places:
    """Rows by the orders that they name."""

    positions: dict[str, Item]
    trips: dict[str, Item]
    sales: dict[str, Item]
    """By the buy that each closes."""


def _signal_writes(evidence: Evidence) -> Iterator[Write]:
    orders = {row["order_id"]["S"]: row for row in evidence.tables.get("BrokerOrders", []) if "signal" in row}
    places = _Places(
        {row["order_id"]["S"]: row for row in evidence.tables.get("Positions", [])},
        {row["sell_order_id"]["S"]: row for row in evidence.tables.get("OrderLog", [])},
        {row["after"]["S"]: row for row in orders.values() if "after" in row},
    )
    for order_id, order in orders.items():
        created = Change("BrokerOrders", (order_id, None), None, order)
        at = step_of(order["created_at"]["S"])
        if order["side"]["S"] == "buy":
            yield Write(at, 0, order["signal"]["S"], [created, *_opening(order, places)])
        else:
            bought = orders.get(order.get("after", {"S": ""})["S"])
            later = at if bought is None else max(at, step_of(bought["created_at"]["S"]) + 1)
            yield Write(later, 0, order["signal"]["S"], [created, *_closing(order, bought, places)])
    for kept, table in ((places.positions, "Positions"), (places.trips, "OrderLog")):
        for order_id, row in kept.items():
            if order_id not in orders:
                yield Write(EVER, 0, "nobody", [Change(table, (order_id, None), None, row)])


def _opening(order: Item, places: _Places) -> list[Change]:
    """Return the position that a buy opened: the one that is there, or the one that was closed since."""
    order_id = order["order_id"]["S"]
    found = []
    if order_id in places.positions:
        found.append(Change("Positions", (order_id, None), None, places.positions[order_id]))
    if order_id in places.sales:
        found.append(Change("Positions", (order_id, None), None, _closed_position(order, places)))
    return found


def _closing(order: Item, bought: Item | None, places: _Places) -> list[Change]:
    order_id = order["order_id"]["S"]
    found = []
    if bought is not None:
        key = (bought["order_id"]["S"], None)
        found.append(Change("Positions", key, _closed_position(bought, places), None))
    if order_id in places.trips:
        found.append(Change("OrderLog", (order_id, None), None, places.trips[order_id]))
    return found


def _closed_position(bought: Item, places: _Places) -> Item:
    """Return the position as it was: when it was opened is told by the log alone."""
    sale = places.sales.get(bought["order_id"]["S"], {"order_id": {"S": ""}})
    trip = places.trips.get(sale["order_id"]["S"], {})
    kept = {name: bought[name] for name in ("user", "strategy", "instrument", "order_id", "quantity")}
    return {**kept, "signal_id": bought["signal"], "opened_at": trip.get("bought_at", {"S": ""})}


def _history(evidence: Evidence, writes: list[Write], path: str) -> History:
    requests = sorted((one for one in evidence.requests if one.path.startswith(path)), key=lambda one: one.sent)
    return History(requests=requests, writes=sorted(writes, key=lambda write: write.step), steps=EVER)


def _first_told(requests: list[Request]) -> dict[str, int]:
    """Return for each offer the step just before the first answer that told that it is closed."""
    ends: dict[str, int] = {}
    for request in requests:
        parts = request.path.split("/")
        if request.answered is None or parts[1:3] != ["market", "orders"] or len(parts) < 4:
            continue
        canceled = parts[-1] == "cancel" and request.status in (200, 409)
        seen = request.method == "GET" and request.status == 200 and request.content["status"] in CLOSED
        if canceled or seen:
            ends[parts[3]] = min(ends.get(parts[3], EVER), request.answered - 1)
    return ends


def _opened(order: Item) -> Change:
    begun: dict[str, Any] = {name: value for name, value in order.items() if name != "trade_id"}
    return Change("MarketOrders", _key(order), None, {**begun, "status": {"S": "NEW"}})


def _closed(order: Item) -> Change:
    return Change("MarketOrders", _key(order), _opened(order).after, order)


def _key(order: Item) -> tuple[str, str]:
    return order["book"]["S"], order["order_id"]["S"]


def step_of(timestamp: str) -> int:
    """Return the step of a moment."""
    moment: datetime = parse_timestamp(timestamp)
    return (moment - EPOCH) // timedelta(microseconds=1)
