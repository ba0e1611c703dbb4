"""Matching from the stream: one artwork's open orders, read consistently, matched in memory, committed one by one.

It asks the book, never the record that woke it: a record may come twice, late, or beside another matcher. Whoever
commits first wins, the other reads the book again.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.clock import Clock, format_timestamp, parse_timestamp, wait
from chalicelib.core.telemetry import MetricUnit, log_event, put_metrics
from chalicelib.market.book import BookOrder, Trade, match_book, sides_to_read, to_cents, trade_id
from chalicelib.market.order import ArtworkId, Direction, MarketOrder, MarketOrderId, Transaction, TransactionId, UserId
from chalicelib.market.store import BookPage, ConflictingWriteError, MarketStore, StaleBookError

FIRST_PAGE = 16
"""Orders of one side that are read at first: as many as one read unit pays for. Each further page is twice as long."""
ROUNDS = 20
"""Times that the book of an artwork is read anew when others change it meanwhile."""
MAX_TRADES = 200
"""Trades of one call at most, so that it ends within its time. What is left is matched by the next round or call."""


class ContendedBookError(Exception):
    """Raised when others changed the book again and again. The artwork has to be matched later."""


@dataclass(frozen=True)
class Matcher:
    """What matching needs. ``pause`` waits between tries on items that another transaction holds."""

    store: MarketStore
    clock: Clock
    pause: Callable[[float], None] = wait
    jitter: Callable[[], float] = random.random


def match_artwork(matcher: Matcher, artwork_id: ArtworkId) -> int:
    """Match the open orders of the artwork until no two of them cross; return how many trades were made.

    Raises:
        ContendedBookError: if it did not come to an end.
    """
    made = 0
    for attempt in range(ROUNDS):
        trades = match_book(_read_crossing(matcher.store, artwork_id))
        done, held = _commit(matcher, artwork_id, trades[: MAX_TRADES - made])
        made += done
        if done == len(trades):
            # Nothing of what was read crosses any more; what came since has a record of its own in the stream.
            return made
        if made >= MAX_TRADES:
            break
        if held:
            matcher.pause(min(0.02 * 2**attempt, 0.5) * (0.5 + matcher.jitter() / 2))
    raise ContendedBookError(artwork_id)


def _commit(matcher: Matcher, artwork_id: ArtworkId, trades: list[Trade]) -> tuple[int, bool]:
    """Commit trade by trade until one is refused. Return how many were made, and whether an item was held."""
    for done, trade in enumerate(trades):
        transaction = _transaction(matcher, artwork_id, trade)
        try:
            matcher.store.commit(transaction)
        except StaleBookError:
            return done, False
        except ConflictingWriteError:
            return done, True
        _tell(transaction, trade)
    return len(trades), False


def _tell(transaction: Transaction, trade: Trade) -> None:
    orders = [transaction.buy_order_id, transaction.sell_order_id]
    fields = {"artwork_id": transaction.artwork_id, "transaction_id": transaction.transaction_id}
    log_event("trade", order_ids=orders, **fields)
    since = parse_timestamp(max(trade.buy.created_at, trade.sell.created_at))
    waited = (transaction.executed_at - since).total_seconds() * 1000
    put_metrics([("AcceptToMatched", MetricUnit.Milliseconds, max(waited, 0))])


def _read_crossing(store: MarketStore, artwork_id: ArtworkId) -> list[BookOrder]:
    """Read both sides, best first, until nothing unread could change the trades."""
    sides: dict[Direction, list[BookOrder]] = {"sell": [], "buy": []}
    keys: dict[Direction, dict[str, object] | None] = {"sell": None, "buy": None}
    wanted: frozenset[Direction] = frozenset(("sell", "buy"))
    limit = FIRST_PAGE
    while wanted:
        for side in sorted(wanted):
            page: BookPage = store.read_side(artwork_id, side, limit, keys[side])
            sides[side] += map(_book_order, page.orders)
            keys[side] = page.next_key
        limit *= 2
        more_asks, more_bids = keys["sell"] is not None, keys["buy"] is not None
        wanted = sides_to_read(sides["sell"], sides["buy"], more_asks=more_asks, more_bids=more_bids)
    return sides["sell"] + sides["buy"]


def _book_order(order: MarketOrder) -> BookOrder:
    created_at = format_timestamp(order.created_at)
    return BookOrder(order.order_id, order.user_id, order.direction, to_cents(order.price), created_at)


def _transaction(matcher: Matcher, artwork_id: ArtworkId, trade: Trade) -> Transaction:
    return Transaction(
        transaction_id=TransactionId(trade_id(trade)),
        artwork_id=artwork_id,
        price=trade.price,
        buy_order_id=MarketOrderId(trade.buy.order_id),
        sell_order_id=MarketOrderId(trade.sell.order_id),
        buyer=UserId(trade.buy.user_id),
        seller=UserId(trade.sell.user_id),
        executed_at=matcher.clock(),
    )
