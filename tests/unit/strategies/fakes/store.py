"""Signals, positions and the log in memory, with a journal of every write that took effect."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.broker.order import Order, OrderId
from chalicelib.core.clock import Clock
from chalicelib.core.ids import shard_of
from chalicelib.strategies.item import SHARDS
from chalicelib.strategies.listing import Listings
from chalicelib.strategies.signal import Position, RoundTrip, Signal, SignalRow, Terms
from chalicelib.strategies.store import Change, Opening, RefusedError, SignalExistsError, StaleSignalError
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.broker.fakes.store import FaultyOrderStore, MemoryOrderStore

MAX_ITEMS = 100
"""Of one transaction, as DynamoDB has it."""
Key = tuple[str, str, str]
"""User, strategy and instrument: of the three there is at most one open position."""
TripKey = tuple[str, datetime, str]
"""User, time of the sale and signal that sold."""
Event = Signal | tuple[Change, ...]
"""A signal as it was written, or the changes of one transaction."""


def key_of(position: Position) -> Key:
    """Return the key of a position."""
    return position.user, position.strategy, position.instrument


class MemoryStrategyStore:
    """Keeps signals, positions and the log, next to the orders that are written in the same transactions."""

    def __init__(self, orders: MemoryOrderStore, clock: Clock) -> None:
        self.orders = orders
        self.clock = clock
        self.signals: dict[str, Signal] = {}
        self.open: dict[Key, Position] = {}
        self.log: dict[TripKey, RoundTrip] = {}
        self.journal: list[Event] = []
        self.written: dict[str, list[tuple[datetime, Signal]]] = {}
        """Every version of each signal, with the moment in which it was written."""
        self.lock = Lock()

    def create(self, signal: Signal) -> None:
        with self.lock:
            existing = self.signals.get(signal.signal_id)
            if existing is None:
                self._keep(signal)
            elif existing.worker != signal.worker:
                raise SignalExistsError(existing)

    def get(self, signal_id: str) -> Signal | None:
        return self.signals.get(signal_id)

    def save(self, signal: Signal, worker: str) -> None:
        with self.lock:
            existing = self.signals.get(signal.signal_id)
            if existing is not None and existing.worker == worker and not existing.is_complete:
                self._keep(signal)
            elif existing != signal:
                raise StaleSignalError(signal.signal_id)

    def positions(self, terms: Terms, users: Iterable[str] | None = None, *, own: bool) -> list[Position]:
        wanted = None if users is None else {shard_of(user, SHARDS) for user in users}
        with self.lock:
            found = list(self.open.values())
        # Like the real one, with users it returns those of some others too.
        return [
            position
            for position in found
            if position.instrument == terms.instrument
            and (not own or position.strategy == terms.strategy)
            and (wanted is None or shard_of(position.user, SHARDS) in wanted)
        ]

    def commit(self, changes: Sequence[Change]) -> None:
        with self.lock:
            self._check_form(changes)
            if not all(self._is_possible(change) for change in changes):
                raise RefusedError
            for change in changes:
                self._make(change)
            self.journal.append(tuple(changes))

    def _keep(self, signal: Signal) -> None:
        self.signals[signal.signal_id] = signal
        self.journal.append(signal)
        self.written.setdefault(signal.signal_id, []).append((self.clock(), signal))

    def _check_form(self, changes: Sequence[Change]) -> None:
        """Refuse what DynamoDB takes for an error of the caller: too many items, or one item twice."""
        items: list[object] = []
        for change in changes:
            items += [change.order.order_id, key_of(change.position)]
            items += [] if isinstance(change, Opening) else [_trip_key(change.trip)]
        if not items or len(items) > MAX_ITEMS or len(set(items)) < len(items):
            raise ValueError(f"no such transaction: {items}")

    def _is_possible(self, change: Change) -> bool:
        if change.order.order_id in self.orders.orders:
            return False
        there = self.open.get(key_of(change.position))
        if isinstance(change, Opening):
            return there is None
        is_that_buy = there is not None and there.signal_id == change.position.signal_id
        return is_that_buy and _trip_key(change.trip) not in self.log

    def _make(self, change: Change) -> None:
        self.orders.create(change.order)
        key = key_of(change.position)
        if isinstance(change, Opening):
            self.open[key] = change.position
        else:
            del self.open[key]
            self.log[_trip_key(change.trip)] = change.trip


class FaultyStrategyStore(MemoryStrategyStore):
    """The view of one caller on a store; its calls pass the hook before and after they take effect."""

    def __init__(self, inner: MemoryStrategyStore, hook: Hook = nothing) -> None:
        super().__init__(inner.orders, inner.clock)
        self.signals, self.open, self.log = inner.signals, inner.open, inner.log
        self.journal, self.written, self.lock = inner.journal, inner.written, inner.lock
        self._hook = hook

    def create(self, signal: Signal) -> None:
        self._hook("before create")
        super().create(signal)
        self._hook("after create")

    def get(self, signal_id: str) -> Signal | None:
        self._hook("before get")
        return super().get(signal_id)

    def save(self, signal: Signal, worker: str) -> None:
        self._hook("before save")
        super().save(signal, worker)
        self._hook("after save")

    def positions(self, terms: Terms, users: Iterable[str] | None = None, *, own: bool) -> list[Position]:
        self._hook("before positions")
        return super().positions(terms, users, own=own)

    def commit(self, changes: Sequence[Change]) -> None:
        self._hook("before commit")
        super().commit(changes)
        self._hook("after commit")


class WatchedOrderStore(FaultyOrderStore):
    """The view of one caller on the orders; the read of many passes the hook, too."""

    def get_many(self, order_ids: Sequence[OrderId], *, consistent: bool = False) -> dict[OrderId, Order]:
        assert consistent, "an order that is read late would be decided about twice"
        self._hook("before get_many")
        return super().get_many(order_ids, consistent=consistent)


class MemoryListings(Listings):
    """The index of the signals, which shows what was written so long ago."""

    def __init__(self, store: MemoryStrategyStore, lag: timedelta = timedelta(0)) -> None:
        self._store = store
        self.lag = lag
        self.asked: list[datetime] = []
        """Since when signals were asked for."""

    def signals_since(self, shard: int, since: datetime, until: datetime) -> list[SignalRow]:
        self.asked.append(since)
        seen_until = self._store.clock() - self.lag
        found = []
        for versions in list(self._store.written.values()):
            seen = [signal for written_at, signal in versions if written_at <= seen_until]
            if seen and since <= seen[-1].created_at <= until and shard_of(seen[-1].signal_id, SHARDS) == shard:
                found.append(_row(seen[-1]))
        return sorted(found, key=lambda row: row.created_at)


def _row(signal: Signal) -> SignalRow:
    terms, done = signal.terms, signal.is_complete
    return SignalRow(
        signal_id=signal.signal_id,
        created_at=signal.created_at,
        strategy=terms.strategy,
        instrument=terms.instrument,
        side=terms.side,
        is_complete=done,
        accepted=sum(reason.is_accepted for reason in signal.reasons) if done else None,
        candidates=len(signal.reasons) if done else None,
    )


def _trip_key(trip: RoundTrip) -> TripKey:
    return trip.user, trip.sold_at, trip.sell_signal_id
