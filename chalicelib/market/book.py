"""The book of one artwork: which orders trade with each other, and at what price.

Pure: no clock, no randomness, no I/O. Orders arrive one after the other, by (created_at, order_id). Each trades with
the best-priced resting order of another user that crosses, the earliest of equals, at the price of the resting one;
else it rests. So orders that are all later than what rests may come in any batches: the trades are the same. What is
canceled is not taken out: the book is made anew of the orders that are open, each time.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush
from operator import attrgetter
from typing import Literal

Side = Literal["buy", "sell"]

_NO_LIMIT = 1 << 63
"""Above every rank: 10^12 are 10^14 cents."""


class ArrivalOrderError(Exception):
    """Raised when an order arrives that is not later, by (created_at, order_id), than all before it."""


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
    """What rests, and what happens to it when an order arrives."""

    def __init__(self) -> None:
        self._asks, self._bids = _Half(), _Half()
        self._latest: BookOrder | None = None

    def arrive(self, order: BookOrder) -> Trade | None:
        """Match the order with the best that rests; None if nothing crosses, and it rests from now on.

        Raises:
            ArrivalOrderError: if an order that is not earlier arrived before; also if the same one comes twice.
        """
        latest = self._latest
        if latest is not None and order.created_at <= latest.created_at and _arrival(order) <= _arrival(latest):
            raise ArrivalOrderError(order.order_id)
        self._latest = order
        if order.side == "buy":
            limit, opposite, own = order.cents, self._asks, self._bids
        else:
            limit, opposite, own = -order.cents, self._bids, self._asks
        maker = opposite.take(limit, order.user_id)
        if maker is not None:
            return Trade(maker, order)
        own.add(-limit, order)
        return None


def match_book(orders: Iterable[BookOrder]) -> list[Trade]:
    """Return the trades of these orders, in the order in which they come about, until no two of them match.

    Raises:
        ArrivalOrderError: if an order is given twice.
    """
    book = Book()
    trades = map(book.arrive, sorted(orders, key=_arrival))
    return [trade for trade in trades if trade is not None]


def is_crossed(orders: Iterable[BookOrder]) -> bool:
    """Tell whether any two of the orders would trade, whichever came first.

    A user's own bid and ask do not count, but another's order may stand behind either. When any pair crosses, so does
    the best bid with an ask of another user, or the best ask with a bid of another user.
    """
    asks: list[BookOrder] = []
    bids: list[BookOrder] = []
    for order in orders:
        (bids if order.side == "buy" else asks).append(order)
    if not asks or not bids:
        return False
    ask, bid = min(asks, key=attrgetter("cents")), max(bids, key=attrgetter("cents"))
    behind_ask = any(other.cents <= bid.cents and other.user_id != bid.user_id for other in asks)
    behind_bid = any(other.cents >= ask.cents and other.user_id != ask.user_id for other in bids)
    return behind_ask or behind_bid


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


def _arrival(order: BookOrder) -> str:
    # Sorts as (created_at, order_id) does, for the moments are of one width; strings are compared in half the time.
    return order.created_at + order.order_id


class _Half:
    """One side of the book. A rank is the price in cents, negated for bids, so that the lowest is the best.

    ``_ranks`` is a heap of the prices, and no level is empty.
    """

    __slots__ = ("_aside", "_levels", "_ranks")

    def __init__(self) -> None:
        self._levels: dict[int, deque[BookOrder]] = {}
        self._ranks: list[int] = []
        self._aside = _SetAside()

    def add(self, rank: int, order: BookOrder) -> None:
        """Put the order behind the earlier ones of its price."""
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = deque()
            heappush(self._ranks, rank)
        level.append(order)

    def take(self, limit: int, user_id: int) -> BookOrder | None:
        """Take out the best order of anybody but the user, if its rank is within the limit."""
        ranks, aside = self._ranks, self._aside
        found = None
        while found is None and ranks and ranks[0] <= limit:
            order = self._levels[ranks[0]][0]
            if order.user_id == user_id:
                aside.put(ranks[0], order)
                self._drop_best()
            else:
                found = order
        if aside.tops:
            # Of one price, what was set aside is the earlier: it stood before what is left.
            better = aside.take(limit if found is None else ranks[0], user_id)
            if better is not None:
                return better
        if found is not None:
            self._drop_best()
        return found

    def _drop_best(self) -> None:
        level = self._levels[self._ranks[0]]
        level.popleft()
        if not level:
            del self._levels[heappop(self._ranks)]


_Entry = tuple[int, str, BookOrder]
"""Rank and arrival: the best is the least. The arrivals differ, so that orders are never compared."""


class _SetAside:
    """Orders that an arrival of their own user had to pass over.

    An order is passed over once; from then on its user's arrivals pass over all of them in one step. For that, most
    wait in a queue of their user, each behind a better one that is among the ``tops``.
    """

    __slots__ = ("_queues", "tops")

    def __init__(self) -> None:
        self._queues: dict[int, list[_Entry]] = {}
        self.tops: list[_Entry] = []

    def put(self, rank: int, order: BookOrder) -> None:
        """Add the order."""
        heappush(self.tops, (rank, _arrival(order), order))

    def take(self, limit: int, user_id: int) -> BookOrder | None:
        """Take out the best order of anybody but the user, if its rank is within the limit."""
        tops, own, found = self.tops, None, None
        while tops and tops[0][2].user_id == user_id:
            entry = heappop(tops)
            if own is None:
                own = entry
            else:
                heappush(self._queues.setdefault(user_id, []), entry)
        if tops and tops[0][0] <= limit:
            found = heappop(tops)[2]
            queue = self._queues.get(found.user_id)
            if queue:
                heappush(tops, heappop(queue))
        if own is not None:
            heappush(tops, own)
        return found
