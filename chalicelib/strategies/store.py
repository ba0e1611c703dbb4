"""Signals, positions and the order log in DynamoDB.

A change of a position, the row of the log and the user's broker order are one transaction. Each of its writes is
conditional: the order on its absence, an opened position on its absence, a closed one on the buy that was read.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.broker.order import Order
from chalicelib.core.dynamodb import bind_table, is_condition_failure
from chalicelib.core.ids import shard_of
from chalicelib.strategies.item import (
    SHARDS,
    PositionItem,
    RoundTripItem,
    SignalItem,
    holder_key,
    holding_key,
    pack_position,
    pack_round_trip,
    pack_signal,
    position_key,
    unpack_position,
    unpack_signal,
)
from chalicelib.strategies.signal import Position, RoundTrip, Signal, Terms

MAX_ITEMS = 100
"""Items of one transaction, at most: DynamoDB's limit."""
_CONFLICT = "TransactionConflict"
_CONDITION_FAILED = "ConditionalCheckFailed"


class SignalExistsError(Exception):
    """Raised when another request created a signal with this id. ``existing`` is that signal."""

    def __init__(self, existing: Signal) -> None:
        super().__init__(existing.signal_id)
        self.existing = existing


class StaleSignalError(Exception):
    """Raised when another worker has the signal by now, or has completed it."""


class RefusedError(Exception):
    """Raised when a condition of the changes did not hold. None of them was made: look again and decide anew."""


class ConflictingWriteError(Exception):
    """Raised when another transaction was at one of the items at this moment. None of the changes was made."""


@dataclass(frozen=True)
class Opening:
    """A position that is opened, with the order that buys."""

    position: Position
    order: Order


@dataclass(frozen=True)
class Closing:
    """A position that is closed, with its row in the log and the order that sells."""

    position: Position
    trip: RoundTrip
    order: Order


Change = Opening | Closing


class OrderWriter(Protocol):
    """The part of the broker's store that a change needs."""

    def join(self, transaction: TransactWrite, order: Order) -> None:
        """Add the conditional creation of the order to the transaction."""


class StrategyStore(Protocol):
    """Where signals, positions and the log are kept."""

    def create(self, signal: Signal) -> None:
        """Store a new signal. Raises SignalExistsError if another request used its id."""

    def get(self, signal_id: str) -> Signal | None:
        """Return the signal, read consistently."""

    def save(self, signal: Signal, worker: str) -> None:
        """Store the changed open signal, if it is the worker's. Raises StaleSignalError."""

    def positions(self, terms: Terms, users: Iterable[str] | None = None, *, own: bool) -> list[Position]:
        """Return the open positions in the instrument, read consistently; ``own``: the strategy's only.

        With ``users``, at least those of these users.
        """

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none. Raises RefusedError or ConflictingWriteError."""


def changes_at_once(side: str) -> int:
    """Return how many users' changes fit into one transaction."""
    return MAX_ITEMS // (2 if side == "BUY" else 3)


class DynamoStrategyStore:
    """The tables ``signals``, ``positions`` and ``order_log``."""

    def __init__(self, signals: str, positions: str, order_log: str, orders: OrderWriter) -> None:
        self._signals = bind_table(SignalItem, signals)
        self._positions = bind_table(PositionItem, positions)
        self._log = bind_table(RoundTripItem, order_log)
        self._orders = orders

    def create(self, signal: Signal) -> None:
        """Put the item unless there is one: the lock of the idempotency key."""
        try:
            self._signals(**pack_signal(signal)).save(condition=SignalItem.signal_id.does_not_exist())
        except PutError as error:
            if not is_condition_failure(error):
                raise
            existing = self.get(signal.signal_id)
            if existing is None:
                raise
            # Only this very request knows its worker: its first try took effect and the answer was lost.
            if existing.worker != signal.worker:
                raise SignalExistsError(existing) from None

    def get(self, signal_id: str) -> Signal | None:
        """Get the item consistently."""
        try:
            return unpack_signal(self._signals.get(signal_id, consistent_read=True))
        except self._signals.DoesNotExist:
            return None

    def save(self, signal: Signal, worker: str) -> None:
        """Put the item on condition that it is open and the worker's."""
        is_mine = (SignalItem.worker == worker) & (SignalItem.is_complete == False)  # noqa: E712 - a condition
        try:
            self._signals(**pack_signal(signal)).save(condition=is_mine)
        except PutError as error:
            if not is_condition_failure(error):
                raise
            # What is stored is exactly ours: the write took effect, and its answer was lost.
            if self.get(signal.signal_id) != signal:
                raise StaleSignalError(signal.signal_id) from None

    def positions(self, terms: Terms, users: Iterable[str] | None = None, *, own: bool) -> list[Position]:
        """Query the instrument's shards, all at once."""
        shards = range(SHARDS) if users is None else sorted({shard_of(user, SHARDS) for user in users})
        starts_so = PositionItem.holder.startswith(holder_key(terms.strategy, "")) if own else None

        def query(shard: int) -> list[Position]:
            rows = self._positions.query(holding_key(terms.instrument, shard), starts_so, consistent_read=True)
            return [unpack_position(row) for row in rows]

        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            return [position for found in pool.map(query, shards) for position in found]

    def positions_at(self, trips: Iterable[RoundTrip]) -> list[Position]:
        """Return the open positions of the same users, strategies and instruments, read consistently."""
        keys = {position_key(trip) for trip in trips}
        return [unpack_position(item) for item in self._positions.batch_get(keys, consistent_read=True)]

    def commit(self, changes: Sequence[Change]) -> None:
        """Write one transaction."""
        try:
            with TransactWrite(connection=self._positions._get_connection().connection) as write:
                for change in changes:
                    self._add(write, change)
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if _CONDITION_FAILED in codes:
                raise RefusedError from None
            if _CONFLICT in codes:
                raise ConflictingWriteError from None
            raise

    def _add(self, write: TransactWrite, change: Change) -> None:
        self._orders.join(write, change.order)
        position = change.position
        if isinstance(change, Opening):
            write.save(self._positions(**pack_position(position)), condition=PositionItem.holder.does_not_exist())
            return
        is_that_buy = PositionItem.signal_id == position.signal_id
        write.delete(self._positions(*position_key(position)), condition=is_that_buy)
        write.save(self._log(**pack_round_trip(change.trip)), condition=RoundTripItem.closed.does_not_exist())
