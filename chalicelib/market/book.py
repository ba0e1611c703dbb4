"""The book of one artwork: which orders trade with each other, and at what price.

Pure: no clock, no randomness, no I/O. Orders arrive one after the other, by (created_at, order_id). Each trades with
the best-priced resting order of another user that crosses, the earliest of equals, at the price of the resting one;
else it rests. So orders that are all later than what rests may come in any batches: the trades are the same.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush
from typing import Literal

Side = Literal["buy", "sell"]

_NO_LIMIT = 1 << 63
"""Above every rank: 10^12 are 10^14 cents."""
_SLACK = 64
"""Withdrawn orders that a book may always still contain, so that a small one is not laid out again and again."""


class ArrivalOrderError(Exception):
    """Raised when an order arrives that is not later, by (created_at, order_id), than all before it."""


class NotRestingError(Exception):
    """Raised when an order is to be withdrawn that does not rest: it traded, was withdrawn, or never came."""


@dataclass(frozen=True, slots=True)
class BookOrder:
    """One piece to buy or sell. ``created_at`` is RFC 3339 of fixed width, so that strings sort like moments."""

    order_id: str
    user_id: int
    side: Side
    cents: int
    created_at: str

    @property
    def price(self) -> Decimal:
        """The limit, with two decimals."""
        return Decimal(self.cents).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Trade:
    """Two orders that meet: the maker rested, the taker came later."""

    maker: BookOrder
    taker: BookOrder

    @property
    def buy(self) -> BookOrder:
        """The order that buys."""
        return self.maker if self.maker.side == "buy" else self.taker

    @property
    def sell(self) -> BookOrder:
        """The order that sells."""
        return self.maker if self.maker.side == "sell" else self.taker

    @property
    def price(self) -> Decimal:
        """The price of the transaction: the resting order's."""
        return self.maker.price


def trade_id(trade: Trade) -> str:
    """Return the id that these two orders always give: it sorts by the moment at which the later one came."""
    return f"{trade.taker.created_at}#{trade.buy.order_id}#{trade.sell.order_id}"


def to_cents(price: Decimal) -> int:
    """Return the price in cents.

    Raises:
        ValueError: if it has parts of a cent, which must never be rounded away.
    """
    cents = int(price.scaleb(2))
    if cents != price.scaleb(2):
        raise ValueError(f"Not a whole number of cents: {price}")
    return cents


class Book:
    """What rests, and what happens to it when an order arrives or is withdrawn."""

    def __init__(self, resting: Iterable[BookOrder] = ()) -> None:
        """Take the orders that rest, as they are: none of them is matched with another."""
        self._latest = BookOrder("", 0, "buy", 0, "")
        self._lay_out(sorted(resting, key=_arrival))
        if self._live:
            self._latest = next(reversed(self._live.values()))

    def arrive(self, order: BookOrder) -> Trade | None:
        """Match the order with the best that rests; None if nothing crosses, and it rests from now on.

        Raises:
            ArrivalOrderError: if an order that is not earlier arrived before; also if the same one comes twice.
        """
        latest = self._latest
        if order.created_at <= latest.created_at and _arrival(order) <= _arrival(latest):
            raise ArrivalOrderError(order.order_id)
        self._latest = order
        if order.side == "buy":
            limit, opposite, own = order.cents, self._asks, self._bids
        else:
            limit, opposite, own = -order.cents, self._bids, self._asks
        maker = opposite.best(limit, order.user_id)
        if maker is not None:
            del self._live[maker.order_id]
            return Trade(maker, order)
        self._live[order.order_id] = order
        own.add(-limit, order)
        return None

    def withdraw(self, order_id: str) -> BookOrder:
        """Take the resting order out of the book and return it.

        Raises:
            NotRestingError: if it does not rest.
        """
        order = self._live.pop(order_id, None)
        if order is None:
            raise NotRestingError(order_id)
        self._withdrawn += 1
        if self._withdrawn > len(self._live) + _SLACK:
            self._lay_out(self._live.values())
        return order

    def best_bid(self) -> BookOrder | None:
        """Return the dearest resting buy order, the earliest of equals."""
        return self._bids.best(_NO_LIMIT)

    def best_ask(self) -> BookOrder | None:
        """Return the cheapest resting sell order, the earliest of equals."""
        return self._asks.best(_NO_LIMIT)

    def is_crossed(self) -> bool:
        """Tell whether two resting orders of different users cross; only orders given unmatched ever do.

        A user's own bid and ask do not count, but another's order may stand behind either. When any pair crosses, so
        does the best bid with an ask of another user, or the best ask with a bid of another user.
        """
        bid, ask = self.best_bid(), self.best_ask()
        if bid is None or ask is None:
            return False
        behind_ask = self._asks.best(bid.cents, bid.user_id)
        behind_bid = self._bids.best(-ask.cents, ask.user_id)
        return behind_ask is not None or behind_bid is not None

    def _lay_out(self, orders: Iterable[BookOrder]) -> None:
        """Build the book anew from its orders, which come in order of arrival; so the withdrawn ones take no room."""
        self._live = {order.order_id: order for order in orders}
        self._asks, self._bids = _Half(self._live), _Half(self._live)
        self._withdrawn = 0
        for order in self._live.values():
            if order.side == "buy":
                self._bids.add(-order.cents, order)
            else:
                self._asks.add(order.cents, order)


def match_book(orders: Iterable[BookOrder]) -> list[Trade]:
    """Return the trades of these orders, in the order in which they come about, until no two of them match.

    Raises:
        ArrivalOrderError: if an order is given twice.
    """
    book = Book()
    trades = map(book.arrive, sorted(orders, key=_arrival))
    return [trade for trade in trades if trade is not None]


def sides_to_read(
    asks: Sequence[BookOrder], bids: Sequence[BookOrder], *, more_asks: bool, more_bids: bool
) -> frozenset[Side]:
    """Return the sides of which more must be read before the trades of what was read are those of the whole book.

    Read are the best of each side: asks cheapest first, bids dearest first, equal prices by (created_at, order_id).
    ``more_…``: the side may have others. They may be of any user and any age, matched before or not. All that is known
    of an unread order is that it is not better than the last one read of its side. It changes nothing, if

    - no unread ask can meet an unread bid: the last ask read is dearer than the last bid read; and
    - no unread ask can meet a bid that was read: each bid that is not below the last ask read trades on arrival. It
      never rests, so no ask can come upon it; and what it takes was read, thus preferred to everything unread; and
    - the same for unread bids and the asks that were read.

    So one page is enough for an order that crosses a thousand pages, and a bid that rests only because the cheaper asks
    are its own user's needs all asks that it crosses: another user's may stand among them. Whenever a side is returned,
    some unread order would change the trades, save that an ask (bid) which costs just as much as the last bid (ask)
    read is assumed to have come at the wrong time. Costs as much as a match: double the pages while you read.
    """
    cheapest = asks[-1].cents if asks else 0
    dearest = bids[-1].cents if bids else _NO_LIMIT
    if more_asks and more_bids and cheapest <= dearest:
        return frozenset(("buy", "sell"))
    takers = {trade.taker.order_id for trade in match_book([*asks, *bids])}
    sides: set[Side] = set()
    if more_asks and any(bid.cents >= cheapest and bid.order_id not in takers for bid in bids):
        sides.add("sell")
    if more_bids and any(ask.cents <= dearest and ask.order_id not in takers for ask in asks):
        sides.add("buy")
    return frozenset(sides)


def _arrival(order: BookOrder) -> tuple[str, str]:
    return order.created_at, order.order_id


_Entry = tuple[int, str, str, BookOrder]
"""Rank, created_at, order_id: the best is the least. The ids differ, so that orders are never compared."""


class _Half:
    """One side of the book. A rank is the price in cents, negated for bids, so that the lowest is the best.

    An order that is no longer live, or whose id is another order's by now, is gone and is dropped when it comes up.
    """

    __slots__ = ("_aside", "_levels", "_live", "_ranks")

    def __init__(self, live: dict[str, BookOrder]) -> None:
        self._live = live
        self._levels: dict[int, deque[BookOrder]] = {}
        self._ranks: list[int] = []
        self._aside = _SetAside(live)

    def add(self, rank: int, order: BookOrder) -> None:
        """Put the order behind the earlier ones of its price."""
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = deque()
            heappush(self._ranks, rank)
        level.append(order)

    def best(self, limit: int, user_id: int | None = None) -> BookOrder | None:
        """Return the best order of anybody but the user, if its rank is within the limit."""
        ranks, live, aside = self._ranks, self._live, self._aside
        found = None
        while found is None and ranks and ranks[0] <= limit:
            level = self._levels[ranks[0]]
            if not level:
                del self._levels[heappop(ranks)]
            elif live.get(level[0].order_id) is not level[0]:
                level.popleft()
            elif level[0].user_id == user_id:
                aside.put(ranks[0], level.popleft())
            else:
                found = level[0]
        return self._or_better(found, aside.best(user_id), limit) if aside.tops else found

    def _or_better(self, order: BookOrder | None, aside: _Entry | None, limit: int) -> BookOrder | None:
        if aside is None or aside[0] > limit:
            return order
        if order is not None and (self._ranks[0], order.created_at, order.order_id) < aside:
            return order
        return aside[3]


class _SetAside:
    """Orders that an arrival of their own user had to pass over.

    An order is passed over once; from then on it stands in its user's own queue, and the user's next arrival passes
    over that queue in one step. ``tops`` has the best of each queue, or one that was its best until it was gone.
    """

    __slots__ = ("_live", "_queues", "tops")

    def __init__(self, live: dict[str, BookOrder]) -> None:
        self._live = live
        self._queues: dict[int, list[_Entry]] = {}
        self.tops: list[_Entry] = []

    def put(self, rank: int, order: BookOrder) -> None:
        """Add the order to its user's queue."""
        entry = (rank, order.created_at, order.order_id, order)
        queue = self._queues.setdefault(order.user_id, [])
        if not queue or entry < queue[0]:
            heappush(self.tops, entry)
        heappush(queue, entry)

    def best(self, user_id: int | None) -> _Entry | None:
        """Return the best entry of anybody but the user."""
        tops, own, found = self.tops, None, None
        while tops and found is None:
            entry = tops[0]
            if not self._is_live(entry):
                heappop(tops)
                self._put_next_on_top(entry[3].user_id)
            elif entry[3].user_id == user_id:
                # The first is the best of the user's queue, which is all that has to stand on top.
                own = own or entry
                heappop(tops)
            else:
                found = entry
        if own is not None:
            heappush(tops, own)
        return found

    def _put_next_on_top(self, user_id: int) -> None:
        queue = self._queues.get(user_id, [])
        while queue and not self._is_live(queue[0]):
            heappop(queue)
        if queue:
            heappush(self.tops, queue[0])
        else:
            self._queues.pop(user_id, None)

    def _is_live(self, entry: _Entry) -> bool:
        return self._live.get(entry[2]) is entry[3]
