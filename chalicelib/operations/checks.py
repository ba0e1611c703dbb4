"""The invariants that live data can show, each as a check of one page. The numbers are those of the design."""

from collections.abc import Mapping
from datetime import datetime

from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import OrderId
from chalicelib.broker.placement import Policy, is_overdue
from chalicelib.broker.store import OrderStore
from chalicelib.broker.store import Position as Place
from chalicelib.core.clock import format_timestamp, parse_timestamp
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.market.book import BookOrder, is_crossed, to_cents
from chalicelib.market.listing import Listings
from chalicelib.market.order import MarketOrder, Transaction
from chalicelib.market.store import MarketStore
from chalicelib.operations.invariants import IN_FLIGHT, Check, PageResult, Position

PAGE = 100
DEPTH = 200
"""Orders of each side of a book that are looked at: the best, where a book is crossed if it is."""


def market_checks(store: MarketStore, listings: Listings) -> Mapping[str, Check]:
    """Return the checks of the art market."""

    def check_trades(after: Position, _now: datetime) -> PageResult:
        """2: a transaction has one buy and one sell order, of different users, at the resting one's price."""
        trades, position = store.scan_transactions(PAGE, after)
        wanted = [(trade.artwork_id, one) for trade in trades for one in (trade.buy_order_id, trade.sell_order_id)]
        orders = store.get_many(wanted)
        wrong = [trade.transaction_id for trade in trades if not _is_valid(trade, orders)]
        return PageResult(len(trades), 0, list(map(str, wrong)), position)

    def check_orders(after: Position, _now: datetime) -> PageResult:
        """3: an order that was filled has its one transaction, one that was canceled has none."""
        orders, position = store.scan_orders(PAGE, after)
        filled = [(one.artwork_id, one.transaction_id) for one in orders if one.transaction_id is not None]
        trades = store.get_transactions(filled)
        wrong = [order.order_id for order in orders if not _is_closed_rightly(order, trades)]
        return PageResult(len(orders), 0, list(map(str, wrong)), position)

    def check_books(after: Position, now: datetime) -> PageResult:
        """4: no book is crossed, but for what came in the last two minutes."""
        orders, position = listings.open_orders(None, PAGE, tuple(after) if after else None)
        artworks = sorted({order.artwork_id for order in orders})
        in_flight, crossed = 0, []
        for artwork_id in artworks:
            asks, bids = store.read_side(artwork_id, "sell", DEPTH), store.read_side(artwork_id, "buy", DEPTH)
            open_orders = asks.orders + bids.orders
            if _is_crossed(open_orders):
                settled = [order for order in open_orders if order.created_at + IN_FLIGHT < now]
                in_flight += 1
                crossed += [str(artwork_id)] if _is_crossed(settled) else []
        return PageResult(len(artworks), in_flight - len(crossed), crossed, list(position) if position else None)

    return {"trades_are_valid": check_trades, "orders_close_once": check_orders, "no_book_is_crossed": check_books}


def broker_checks(store: OrderStore, policy: Policy) -> Mapping[str, Check]:
    """Return the check of the broker."""

    def check_placement(after: Position, now: datetime) -> PageResult:
        """5: no order that waits for the exchange has been forgotten by queue and sweep."""
        shard, moment, order_id = after or (0, None, "")
        start = None if moment is None else Place(parse_timestamp(moment), OrderId(order_id))
        places = store.list_pending(shard, PAGE, start)
        orders = store.get_many([place.order_id for place in places]).values()
        pending = [order for order in orders if order.is_pending]
        forgotten = [order.order_id for order in pending if is_overdue(order, now - IN_FLIGHT, policy)]
        going_on: Position = None
        if len(places) == PAGE:
            going_on = [shard, format_timestamp(places[-1].moment), places[-1].order_id]
        elif shard + 1 < SHARDS:
            going_on = [shard + 1, None, ""]
        return PageResult(len(pending), len(pending) - len(forgotten), list(map(str, forgotten)), going_on)

    return {"no_order_is_forgotten": check_placement}


def _is_valid(trade: Transaction, orders: Mapping[str, MarketOrder]) -> bool:
    buy, sell = orders.get(trade.buy_order_id), orders.get(trade.sell_order_id)
    if buy is None or sell is None:
        return False
    resting = min(buy, sell, key=lambda order: (order.created_at, order.order_id))
    return (
        (buy.direction, sell.direction) == ("buy", "sell")
        and (buy.user_id, sell.user_id) == (trade.buyer, trade.seller)
        and trade.buyer != trade.seller
        and buy.transaction_id == sell.transaction_id == trade.transaction_id
        and buy.price >= trade.price >= sell.price
        and trade.price == resting.price
    )


def _is_closed_rightly(order: MarketOrder, trades: Mapping[str, Transaction]) -> bool:
    if order.status is not OrderStatus.FILLED:
        return order.transaction_id is None
    trade = trades.get(order.transaction_id or "")
    return trade is not None and order.order_id in (trade.buy_order_id, trade.sell_order_id)


def _is_crossed(orders: list[MarketOrder]) -> bool:
    return is_crossed(map(_book_order, orders))


def _book_order(order: MarketOrder) -> BookOrder:
    return BookOrder(
        order.order_id, order.user_id, order.direction, to_cents(order.price), format_timestamp(order.created_at)
    )
