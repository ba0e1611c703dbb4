"""The art market: a piece changes hands once, for money that both sides count alike; a cancel or a match wins."""

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.simulation.checks.base import Journal, Row, Versions, expect
from tests.simulation.checks.requests import check_creates
from tests.simulation.history import Request, Write

ORDERS, TRADES = "MarketOrders", "Trades"
SHOWN = {"NEW": "open", "FILLED": "filled", "CANCELED": "canceled"}


def check_market(journal: Journal, *, is_quiet: bool) -> None:
    """Check all rules of the art market."""
    check_creates(journal, "/market/orders", ORDERS, _read, (_asked, _stored))
    for (_, order_id), versions in journal.table(ORDERS).items():
        _check_life(order_id, versions)
    for write in journal.history.writes:
        _check_trade(journal, write)
    _check_ledger(journal)
    _check_cancels(journal)
    _check_views(journal)
    if is_quiet:
        _check_books(journal)


def _check_life(order_id: str, versions: Versions) -> None:
    """An order is open, then filled or canceled, for good."""
    expect(len(versions.rows) <= 3, "an order closes once", f"{order_id}: {versions.rows}")
    for before, after in pairwise(versions.rows[1:]):
        expect(before is not None and before["status"] == "NEW", "only an open order closes", order_id)
        expect(after is not None and after["status"] in ("FILLED", "CANCELED"), "an open order closes", order_id)
        expect(after is not None and "rank" not in after and "open_user" not in after, "closed is in no book", order_id)
        expect(
            after is not None and (after["status"] == "FILLED") == ("trade_id" in after), "filled has a trade", order_id
        )


def _check_trade(journal: Journal, write: Write) -> None:
    """A trade is one transaction of two open orders that meet, at the price of the one that rested."""
    trades = [change for change in write.changes if change.table == TRADES]
    filled = [change for change in write.changes if change.table == ORDERS and change.before is not None]
    filled = [change for change in filled if change.after is not None and change.after["status"]["S"] == "FILLED"]
    if not trades and not filled:
        return
    expect(len(trades) == 1 and len(filled) == 2, "a trade is two orders and a transaction", write)
    trade = _plain(trades[0].after)
    buy, sell = sorted((_plain(change.before) for change in filled), key=lambda row: row["side"])
    told = f"{trade} of {buy} and {sell}"
    expect(trades[0].before is None, "a transaction is written once", told)
    expect((buy["side"], sell["side"]) == ("buy", "sell"), "one buys and one sells", told)
    expect(
        buy["order_id"] == trade["buy_order_id"] and sell["order_id"] == trade["sell_order_id"], "it names both", told
    )
    expect(buy["book"] == sell["book"] == trade["book"], "both are of one artwork", told)
    expect(buy["user_id"] != sell["user_id"], "nobody trades with himself", told)
    expect((buy["user_id"], sell["user_id"]) == (trade["buyer"], trade["seller"]), "it names both users", told)
    resting = min(buy, sell, key=lambda row: (row["created_at"], row["order_id"]))
    expect(Decimal(buy["price"]) >= Decimal(sell["price"]), "the prices cross", told)
    expect(Decimal(trade["price"]) == Decimal(resting["price"]), "the price is the resting order's", told)


def _check_ledger(journal: Journal) -> None:
    """Money and pieces are conserved, and the orders tell the same as the transactions."""
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    pieces: Counter[tuple[str, str]] = Counter()
    prices: dict[str, Decimal] = {}
    for versions in journal.table(TRADES).values():
        trade = versions.last or {}
        price = prices[trade["trade_id"]] = Decimal(trade["price"])
        money[trade["buyer"]] -= price
        money[trade["seller"]] += price
        pieces[trade["buyer"], trade["book"]] += 1
        pieces[trade["seller"], trade["book"]] -= 1
    expect(sum(money.values()) == 0, "money is conserved", money)
    for versions in journal.table(ORDERS).values():
        order = versions.last or {}
        if order.get("status") == "FILLED":
            sign = 1 if order["side"] == "buy" else -1
            money[order["user_id"]] += sign * prices[order["trade_id"]]
            pieces[order["user_id"], order["book"]] -= sign
    expect(not any(money.values()) and not any(pieces.values()), "orders and transactions agree", (money, pieces))


def _check_cancels(journal: Journal) -> None:
    """Exactly one of cancel and match wins, and the loser is told so."""
    for request, answered in journal.answered("POST", "/market/orders/"):
        order_id = request.path.split("/")[3]
        versions = journal.versions(ORDERS, (order_id.split("-")[0], order_id))
        seen = versions.between(request.sent, answered)
        ways = {row["status"] for row in seen if row}
        if request.status == 200:
            expect("CANCELED" in ways and versions.last, "a cancel that was told is kept", (request, versions.rows))
        if request.status == 409:
            expect("FILLED" in ways, "a cancel loses to a match only", (request, versions.rows))
        if request.status == 404:
            expect(None in seen, "an order that is there is found", request)


def _check_views(journal: Journal) -> None:
    """What a client saw of an order, or of the best of a book, was so between request and answer."""
    for request, answered in journal.answered("GET", "/market/orders/"):
        order_id = request.path.split("/")[3]
        seen = journal.versions(ORDERS, (order_id.split("-")[0], order_id)).between(request.sent, answered)
        if request.status == 200:
            ways = {SHOWN[row["status"]] for row in seen if row}
            expect(request.content["status"] in ways, "reads are true", (request, seen))
            expect(
                (request.content["status"] == "filled") == ("transaction" in request.content), "filled shows", request
            )
        if request.status == 404:
            expect(None in seen, "an order that is there is found", request)


def _check_books(journal: Journal) -> None:
    """When nothing is on its way no book is crossed."""
    rows = [versions.last for versions in journal.table(ORDERS).values() if versions.last is not None]
    pair = crossed_pair(rows)
    expect(pair is None, "no book is crossed", pair)


def crossed_pair(orders: list[Row]) -> tuple[Row, Row] | None:
    """Return two open orders that would trade, None if there are none: found by looking at every pair."""
    books: dict[str, list[Row]] = {}
    for order in orders:
        if order["status"] == "NEW":
            books.setdefault(order["book"], []).append(order)
    for rows in books.values():
        for buy in (row for row in rows if row["side"] == "buy"):
            for sell in (row for row in rows if row["side"] == "sell"):
                meets = buy["user_id"] != sell["user_id"] and Decimal(buy["price"]) >= Decimal(sell["price"])
                if meets:
                    return buy, sell
    return None


def _plain(item: Any) -> Row:
    return {name: content for name, value in item.items() for content in value.values()}


def _read(request: Request) -> tuple[Any, Any]:
    order_id = request.content["order_id"]
    return (order_id.split("-")[0], order_id), request.content["created_at"]


def _asked(body: Any) -> tuple[Any, ...]:
    return str(body["user_id"]), str(body["artwork_id"]), Decimal(str(body["price"])), body["direction"]


def _stored(row: Row) -> tuple[Any, ...]:
    return row["user_id"], row["book"], Decimal(row["price"]), row["side"]
