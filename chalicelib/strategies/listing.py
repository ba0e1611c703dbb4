"""Lists of what strategies leave behind: open positions, the order log, and the signals themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.clock import format_timestamp, parse_timestamp
from chalicelib.core.dynamodb import bind_table
from chalicelib.core.pagination import MORE, first_behind, take_page
from chalicelib.strategies.item import (
    SHARDS,
    NewestSignalIndex,
    NewestTripIndex,
    PositionItem,
    RoundTripItem,
    SignalItem,
    holder_key,
    holding_key,
    position_key,
    unpack_position,
    unpack_round_trip,
)
from chalicelib.strategies.signal import Position, RoundTrip, SignalRow

PositionPlace = tuple[str, str, str]
"""The time of opening, and the two parts of the key, of the last position seen."""
TripPlace = tuple[str, str]
"""The key of the last row of the log seen: when and by which signal it was closed, and whose it is."""
SignalPlace = tuple[str, str]
"""The time and id of the last signal seen."""


class InvalidPlaceError(Exception):
    """Raised when a place is none in the list."""


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted: those that have all that is not None."""

    user: str | None = None
    strategy: str | None = None
    instrument: str | None = None

    def wants(self, row: Position | RoundTrip) -> bool:
        """Tell whether the row passes."""
        pairs = ((self.user, row.user), (self.strategy, row.strategy), (self.instrument, row.instrument))
        return all(wanted in (None, actual) for wanted, actual in pairs)


class Listings:
    """The tables and indexes by which positions, log and signals are listed."""

    def __init__(self, signals: str, positions: str, order_log: str) -> None:
        self._signals = bind_table(SignalItem, signals)
        self._positions = bind_table(PositionItem, positions)
        self._log = bind_table(RoundTripItem, order_log)

    def positions(
        self, only: Filter, limit: int, after: PositionPlace | None
    ) -> tuple[list[Position], PositionPlace | None]:
        """Return open positions and the place to go on from: a user's in the order of their opening.

        Raises:
            InvalidPlaceError: if ``after`` is no place in the list.
        """
        if only.user is not None:
            fetch = self._user_positions(only.user, after)
        elif only.instrument is not None:
            fetch = self._instrument_positions(only.instrument, only.strategy, after)
        else:
            fetch = self._all_positions(after)
        found, last = take_page(fetch, limit, only.wants)
        return found, None if last is None else _position_place(last)

    def round_trips(
        self, only: Filter, limit: int, after: TripPlace | None
    ) -> tuple[list[RoundTrip], TripPlace | None]:
        """Return rows of the log, newest first, and the place to go on from."""

        def fetch(last: RoundTrip | None, size: int) -> list[RoundTrip]:
            place = after if last is None else trip_place(last)
            if only.user is not None:
                return self._trips_of(only.user, size, place)
            rows = [trip for shard in range(SHARDS) for trip in self._trips_in(str(shard), size, place)]
            return sorted(rows, key=trip_place, reverse=True)[:size]

        found, last = take_page(fetch, limit, only.wants)
        return found, None if last is None else trip_place(last)

    def signals(self, limit: int, after: SignalPlace | None) -> tuple[list[SignalRow], SignalPlace | None]:
        """Return signals, newest first, and the place to go on from.

        Raises:
            InvalidPlaceError: if ``after`` is no place in the list.
        """

        def fetch(last: SignalRow | None, size: int) -> list[SignalRow]:
            place = after if last is None else _signal_place(last)
            rows = [row for shard in range(SHARDS) for row in self._signals_in(str(shard), size, place)]
            return sorted(rows, key=_signal_place, reverse=True)[:size]

        found, last = take_page(fetch, limit, lambda _: True)
        return found, None if last is None else _signal_place(last)

    def signals_since(self, shard: int, since: datetime, until: datetime) -> list[SignalRow]:
        """Return the signals of a shard between two moments, oldest first."""
        condition = NewestSignalIndex.created_at.between(since, until)
        return [_signal_row(row) for row in self._signals.newest.query(str(shard), condition)]

    def _user_positions(self, user: str, after: PositionPlace | None) -> Callable[..., list[Position]]:
        def fetch(last: Position | None, size: int) -> list[Position]:
            place = after if last is None else _position_place(last)
            start = None
            if place is not None:
                opened_at, holding, holder = place
                _read_moment(opened_at)
                start = {**_key(holding, holder), "user": {"S": user}, "opened_at": {"S": opened_at}}
            rows = self._positions.by_user.query(user, limit=size, page_size=size, last_evaluated_key=start)
            return [unpack_position(row) for row in rows]

        return fetch

    def _instrument_positions(
        self, instrument: str, strategy: str | None, after: PositionPlace | None
    ) -> Callable[..., list[Position]]:
        prefix = "" if strategy is None else holder_key(strategy, "")
        starts_so = PositionItem.holder.startswith(prefix) if prefix else None
        keys = [holding_key(instrument, shard) for shard in range(SHARDS)]

        def fetch(last: Position | None, size: int) -> list[Position]:
            place = after if last is None else _position_place(last)
            # DynamoDB refuses to start at a key that the query could not find.
            if place is not None and (place[1] not in keys or not place[2].startswith(prefix)):
                raise InvalidPlaceError(place[1])
            rows: list[Position] = []
            for key in keys[0 if place is None else keys.index(place[1]) :]:
                start = None if place is None or key != place[1] else _key(key, place[2])
                wanted = size - len(rows)
                found = self._positions.query(key, starts_so, limit=wanted, page_size=wanted, last_evaluated_key=start)
                rows += [unpack_position(row) for row in found]
                if len(rows) == size:
                    break
            return rows

        return fetch

    def _all_positions(self, after: PositionPlace | None) -> Callable[..., list[Position]]:
        def fetch(last: Position | None, size: int) -> list[Position]:
            place = after if last is None else _position_place(last)
            start = None if place is None else _key(place[1], place[2])
            rows = self._positions.scan(limit=size, page_size=size, last_evaluated_key=start)
            return [unpack_position(row) for row in rows]

        return fetch

    def _trips_of(self, user: str, size: int, after: TripPlace | None) -> list[RoundTrip]:
        condition = None if after is None else RoundTripItem.closed < after[0]
        rows = self._log.query(user, condition, scan_index_forward=False, limit=size, page_size=size)
        return [unpack_round_trip(row) for row in rows]

    def _trips_in(self, shard: str, size: int, after: TripPlace | None) -> list[RoundTrip]:
        condition = None if after is None else NewestTripIndex.closed <= after[0]
        rows = self._log.newest.query(shard, condition, scan_index_forward=False, page_size=size + MORE)
        # One signal sells for many users at the same moment.
        return first_behind(map(unpack_round_trip, rows), trip_place, after, size, descending=True)

    def _signals_in(self, shard: str, size: int, after: SignalPlace | None) -> list[SignalRow]:
        condition = None if after is None else NewestSignalIndex.created_at <= _read_moment(after[0])
        rows = self._signals.newest.query(shard, condition, scan_index_forward=False, page_size=size + MORE)
        return first_behind(map(_signal_row, rows), _signal_place, after, size, descending=True)


def trip_place(trip: RoundTrip) -> TripPlace:
    """Return the place of a row in the log."""
    return f"{format_timestamp(trip.sold_at)}#{trip.sell_signal_id}", trip.user


def _position_place(position: Position) -> PositionPlace:
    return format_timestamp(position.opened_at), *position_key(position)


def _signal_place(row: SignalRow) -> SignalPlace:
    return format_timestamp(row.created_at), row.signal_id


def _key(holding: str, holder: str) -> dict[str, Any]:
    if not holding or not holder:
        raise InvalidPlaceError(holding)
    return {"holding": {"S": holding}, "holder": {"S": holder}}


def _read_moment(text: str) -> datetime:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise InvalidPlaceError(text) from None


def _signal_row(row: Any) -> SignalRow:
    return SignalRow(
        row.signal_id,
        row.created_at,
        row.strategy,
        row.instrument,
        row.side,
        bool(row.is_complete),
        None if row.accepted is None else int(row.accepted),
        None if row.candidates is None else int(row.candidates),
    )
