"""When orders are traded, in what parts and at what price. No I/O and no clock: the moments come in."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from exchange_record import Execution
from exchange_venue import ClientOrderId, Fill, Order
from exchange_walk import PriceWalk
from pydantic import BaseModel, ConfigDict, Field

TICK = timedelta(seconds=0.1)
"""How long a price stands."""
TURN = 100
"""Orders that are traded in one turn at most, so that requests are answered in between."""


class Trading(BaseModel):
    """How the exchange trades, until it is told something else; ``interval`` and ``expire_after`` in seconds."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    open: bool = True
    slices: int = Field(default=4, ge=1, le=1_000)
    interval: float = Field(default=0.3, ge=0, le=3_600)
    expire_after: float | None = Field(default=None, gt=0, le=86_400)
    seed: int = 0


def next_slice(quantity: int, done: int, slices: int) -> int:
    """Return the size of the part that follows after so much was traded.

    Parts are as equal as whole numbers allow. Only what was traded matters, so that it goes on after any break.
    """
    number = -(-slices * (done + 1) // quantity)
    return quantity * number // slices - done


@dataclass
class Resting:
    """The limit orders of an instrument that wait for their price, best first on each side."""

    buys: list[tuple[Decimal, int, ClientOrderId]] = field(default_factory=list)
    sells: list[tuple[Decimal, int, ClientOrderId]] = field(default_factory=list)

    def add(self, order: Order, limit: Decimal, number: int) -> None:
        """Let the order wait; of equal limits the first comes first."""
        is_buy = order.terms is not None and order.terms.side == "buy"
        heapq.heappush(
            self.buys if is_buy else self.sells, (-limit if is_buy else limit, number, order.client_order_id)
        )

    def take_crossed(self, price: Decimal) -> Iterator[ClientOrderId]:
        """Take out the orders that trade at this price."""
        while self.buys and -self.buys[0][0] >= price:
            yield heapq.heappop(self.buys)[2]
        while self.sells and self.sells[0][0] <= price:
            yield heapq.heappop(self.sells)[2]


class TradingEngine:
    """Decides turn by turn what is traded. What an order has left is read off the order: there is no second account."""

    def __init__(self, find: Callable[[ClientOrderId], Order | None], trading: Trading) -> None:
        self._find = find
        self._trading = trading
        self._walks: dict[str, tuple[int, PriceWalk]] = {}
        self._resting: dict[str, Resting] = {}
        self._fresh: set[str] = set()
        self._due: list[tuple[datetime, int, ClientOrderId]] = []
        self._limits: deque[tuple[datetime, ClientOrderId]] = deque()
        self._count = 0
        self._tick = 0
        self._tick_ends: datetime | None = None

    @property
    def trading(self) -> Trading:
        """How it trades now."""
        return self._trading

    def instruct(self, trading: Trading) -> None:
        """Trade otherwise from now on; another seed starts other walks."""
        if trading.seed != self._trading.seed:
            self._walks.clear()
        self._trading = trading

    def admit(self, order: Order) -> None:
        """Take a working order in, in order of acceptance."""
        if order.terms is None or order.accepted_at is None:
            return
        self._count += 1
        if order.terms.limit_price is None:
            self._schedule(order.client_order_id, order.accepted_at)
            return
        self._limits.append((order.accepted_at, order.client_order_id))
        self._fresh.add(order.terms.instrument)
        self._resting.setdefault(order.terms.instrument, Resting()).add(order, order.terms.limit_price, self._count)

    def turn(self, now: datetime) -> list[Execution]:
        """Return what is traded and what expires now."""
        if not self._trading.open:
            return []
        self._find_crossed(now)
        expired = list(self._expire(now))
        return expired + list(self._trade(now))

    def next_moment(self) -> datetime | None:
        """Return when the next turn is due, None if only a new order or instruction can change anything."""
        if not self._trading.open:
            return None
        moments = [self._due[0][0]] if self._due else []
        if self._resting and self._tick_ends:
            moments.append(self._tick_ends)
        if self._limits and self._trading.expire_after:
            moments.append(self._limits[0][0] + timedelta(seconds=self._trading.expire_after))
        return min(moments, default=None)

    def _find_crossed(self, now: datetime) -> None:
        """Compare the limits with the prices: all of them when these move, new ones at once."""
        instruments = self._fresh
        if self._tick_ends is None or now >= self._tick_ends:
            self._tick += 1
            self._tick_ends = now + TICK
            instruments = set(self._resting)
        self._fresh = set()
        for instrument in sorted(instruments):
            resting = self._resting[instrument]
            for client_order_id in resting.take_crossed(self._price(instrument)):
                self._schedule(client_order_id, now)
            if not (resting.buys or resting.sells):
                del self._resting[instrument]

    def _expire(self, now: datetime) -> Iterator[Execution]:
        for _ in range(min(TURN, len(self._limits))):
            accepted_at, client_order_id = self._limits[0]
            if self._working(client_order_id):
                patience = self._trading.expire_after
                if patience is None or accepted_at + timedelta(seconds=patience) > now:
                    return
                yield Execution(client_order_id)
            self._limits.popleft()

    def _trade(self, now: datetime) -> Iterator[Execution]:
        for _ in range(TURN):
            if not self._due or self._due[0][0] > now:
                return
            order = self._working(heapq.heappop(self._due)[2])
            if order:
                fills = tuple(self._fills(order))
                if sum(fill.quantity for fill in fills) < order.leaves_qty:
                    self._schedule(order.client_order_id, now + timedelta(seconds=self._trading.interval))
                yield Execution(order.client_order_id, fills)

    def _fills(self, order: Order) -> Iterator[Fill]:
        """Return the next part of an order; without an interval, all that are left."""
        assert order.terms  # noqa: S101 - it was admitted
        price = self._price(order.terms.instrument)
        if order.terms.limit_price is not None:  # The price may have gone on since the limit was crossed.
            better = min if order.terms.side == "buy" else max
            price = better(price, order.terms.limit_price)
        done = order.cum_qty
        while done < order.terms.quantity:
            part = next_slice(order.terms.quantity, done, self._trading.slices)
            yield Fill(part, price)
            done += part
            if self._trading.interval > 0:
                return

    def _price(self, instrument: str) -> Decimal:
        """Return the price, gone on by a step if a tick has passed: it moves only while somebody asks for it."""
        tick, walk = self._walks.get(instrument) or (self._tick, PriceWalk(self._trading.seed, instrument))
        if tick != self._tick:
            walk.step()
        self._walks[instrument] = (self._tick, walk)
        return walk.price

    def _schedule(self, client_order_id: ClientOrderId, moment: datetime) -> None:
        self._count += 1
        heapq.heappush(self._due, (moment, self._count, client_order_id))

    def _working(self, client_order_id: ClientOrderId) -> Order | None:
        order = self._find(client_order_id)
        return order if order and order.status == "working" else None
