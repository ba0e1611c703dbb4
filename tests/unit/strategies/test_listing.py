"""Lists of positions, of the log and of signals: every filter, every page size, and places that are none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from chalicelib.core.clock import format_timestamp
from chalicelib.core.ids import new_id, shard_of
from chalicelib.strategies.item import SHARDS, position_key
from chalicelib.strategies.listing import Filter, InvalidPlaceError, Listings, PositionPlace, trip_place
from chalicelib.strategies.signal import Position, Reason, RoundTrip, Signal, SignalRow
from chalicelib.strategies.store import DynamoStrategyStore
from tests.unit.broker.fakes.clock import START, FakeClock
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.strategies.fakes.store import MemoryListings, MemoryStrategyStore
from tests.unit.strategies.signals import at, closing, new_position, new_signal, new_terms, openings
from tests.unit.strategies.tables import listings_of, store_of

A, B, AB = "STRATEGY_A", "STRATEGY_B", "STRATEGY_AB"
EACH_SIZE = pytest.mark.parametrize("limit", [1, 2, 3, 100])
FILTERS = [
    Filter(user, strategy, instrument)
    for user in (None, "u1")
    for strategy in (None, A)
    for instrument in (None, "L&T")
]
FILTERS += [Filter(user="nobody"), Filter(strategy="STRATEGY_"), Filter(instrument="L&"), Filter(A, A, "ACC")]
_T = TypeVar("_T")
_P = TypeVar("_P", bound=tuple[str, ...])
MAX_PAGES = 200


@pytest.fixture
def store(aws: dict[str, str]) -> DynamoStrategyStore:
    return store_of(aws)


@pytest.fixture
def listings(aws: dict[str, str]) -> Listings:
    return listings_of(aws)


def all_pages(fetch: Callable[[_P | None], tuple[list[_T], _P | None]], limit: int) -> list[list[_T]]:
    """Walk to the end of a list, page by page; the end is told with the last page of rows."""
    pages: list[list[_T]] = []
    place: _P | None = None
    while True:
        rows, place = fetch(place)
        assert len(rows) <= limit
        pages.append(rows)
        if place is None:
            return pages
        assert len(pages) < MAX_PAGES, "the list never ends"
        assert len(rows) == limit, "a page is short though the list goes on"


def joined(pages: Sequence[Sequence[_T]]) -> list[_T]:
    found = [row for page in pages for row in page]
    if found:
        assert pages[-1], "the end was not told with the last rows"
    return found


def opened(store: DynamoStrategyStore, positions: list[Position]) -> list[Position]:
    for start in range(0, len(positions), 50):
        store.commit(openings(positions[start : start + 50]))
    return positions


def some_positions() -> list[Position]:
    """Return positions of three users with three strategies in two instruments, three moments in all."""
    cases = [
        (f"u{user}", strategy, instrument)
        for user in range(3)
        for strategy in (A, B, AB)
        for instrument in ("L&T", "ACC")
    ]
    return [
        new_position(user, number % 3, strategy, instrument)
        for number, (user, strategy, instrument) in enumerate(cases)
    ]


class TestPositions:
    def walk(self, listings: Listings, only: Filter, limit: int) -> list[Position]:
        return joined(all_pages(lambda place: listings.positions(only, limit, place), limit))

    @EACH_SIZE
    def test_each_filter_shows_what_it_says_and_each_position_once(
        self, store: DynamoStrategyStore, listings: Listings, limit: int
    ) -> None:
        positions = opened(store, some_positions())
        for only in FILTERS:
            found = self.walk(listings, only, limit)
            assert len(found) == len(set(found))
            assert set(found) == {
                one
                for one in positions
                if only.user in (None, one.user)
                and only.strategy in (None, one.strategy)
                and only.instrument in (None, one.instrument)
            }, only

    @EACH_SIZE
    def test_positions_of_a_user_come_in_the_order_of_their_opening(
        self, store: DynamoStrategyStore, listings: Listings, limit: int
    ) -> None:
        opened(store, some_positions())
        moments = [position.opened_at for position in self.walk(listings, Filter(user="u2"), limit)]
        assert moments == sorted(moments)
        assert len(moments) == 6

    @pytest.mark.parametrize("only", [Filter(), Filter(user="u1"), Filter(instrument="ACC"), Filter(A, A, A)])
    def test_empty_list_ends_at_once(self, listings: Listings, only: Filter) -> None:
        assert listings.positions(only, 50, None) == ([], None)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_list_of_just_one_page_ends_with_it(
        self, store: DynamoStrategyStore, listings: Listings, count: int
    ) -> None:
        opened(store, [new_position("u1", strategy=f"S{number}") for number in range(count)])
        for only in (Filter(), Filter(user="u1"), Filter(instrument="L&T")):
            found, more = listings.positions(only, count, None)
            assert (len(found), more) == (count, None)

    @EACH_SIZE
    @pytest.mark.parametrize(
        "only", [Filter(), Filter(user="u1"), Filter(instrument="L&T"), Filter(strategy=A, instrument="L&T")]
    )
    def test_list_goes_on_behind_a_position_that_is_closed_meanwhile(
        self, store: DynamoStrategyStore, listings: Listings, only: Filter, limit: int
    ) -> None:
        positions = opened(store, some_positions())

        def fetch(place: PositionPlace | None) -> tuple[list[Position], PositionPlace | None]:
            found, more = listings.positions(only, limit, place)
            store.commit([closing(found[-1])])
            return found, more

        found = joined(all_pages(fetch, limit))
        assert len(found) == len(set(found))
        assert set(found) == {position for position in positions if only.wants(position)}

    @EACH_SIZE
    def test_page_of_a_rare_filter_is_short_and_goes_on(
        self, store: DynamoStrategyStore, listings: Listings, monkeypatch: pytest.MonkeyPatch, limit: int
    ) -> None:
        monkeypatch.setattr("chalicelib.core.pagination.MAX_LOOKED_AT", 20)
        monkeypatch.setattr("chalicelib.core.pagination.MAX_LIMIT", 9)
        rare = [new_position(f"user {number}", strategy=A) for number in (7, 23, 42)]
        opened(store, [*(new_position(f"user {number}", strategy=B) for number in range(50)), *rare])
        found: list[Position] = []
        place, pages = None, 0
        while place is not None or not pages:
            rows, place = listings.positions(Filter(strategy=A), limit, place)
            found += rows
            pages += 1
        assert sorted(one.user for one in found) == sorted(one.user for one in rare)
        assert pages > 1 or limit > 20

    @pytest.mark.parametrize(
        ("only", "place"),
        [
            (Filter(), ("x", "", "x")),
            (Filter(), ("x", "x", "")),
            (Filter(user="u1"), ("yesterday", "L&T\x1f3", f"{A}\x1fu1")),
            (Filter(user="u1"), ("", "L&T\x1f3", f"{A}\x1fu1")),
            (Filter(user="u1"), ("2026-03-02T09:30:00", "L&T\x1f3", f"{A}\x1fu1")),
            (Filter(user="u1"), ("0001-01-01T00:00:00+23:59", "L&T\x1f3", f"{A}\x1fu1")),
            (Filter(user="u1"), (format_timestamp(START), "", f"{A}\x1fu1")),
            (Filter(instrument="L&T"), ("x", "ACC\x1f3", f"{A}\x1fu1")),
            (Filter(instrument="L&T"), ("x", "L&T\x1f8", f"{A}\x1fu1")),
            (Filter(instrument="L&T"), ("x", "L&T", f"{A}\x1fu1")),
            (Filter(instrument="L&T"), ("x", "L&T\x1f3", "")),
            (Filter(strategy=A, instrument="L&T"), ("x", "L&T\x1f3", f"{AB}\x1fu1")),
            (Filter(strategy=A, instrument="L&T"), ("x", "L&T\x1f3", "zzz")),
        ],
    )
    def test_place_that_is_none_in_the_list_is_refused(
        self, store: DynamoStrategyStore, listings: Listings, only: Filter, place: tuple[str, str, str]
    ) -> None:
        opened(store, some_positions())
        with pytest.raises(InvalidPlaceError):
            listings.positions(only, 2, place)

    @pytest.mark.parametrize(
        ("only", "is_behind"),
        [
            # The order of a scan, and of what was opened at the same moment, is the table's own.
            (Filter(), lambda _: False),
            (Filter(user="u1"), lambda one: one.opened_at > at(1)),
            (Filter(instrument="L&T"), lambda one: position_key(one) > ("L&T\x1f3", "S\x1fsomebody")),
        ],
    )
    def test_place_where_nothing_is_goes_on_behind_it(
        self, store: DynamoStrategyStore, listings: Listings, only: Filter, is_behind: Callable[[Position], bool]
    ) -> None:
        opened(store, some_positions())
        whole, _ = listings.positions(only, 100, None)
        found, more = listings.positions(only, 100, (format_timestamp(at(1)), "L&T\x1f3", "S\x1fsomebody"))
        assert 0 < len(found) < len(whole)
        assert (found, more) == (whole[-len(found) :], None)
        assert set(found) >= set(filter(is_behind, whole))


class TestRoundTrips:
    def walk(self, listings: Listings, only: Filter, limit: int) -> list[RoundTrip]:
        return joined(all_pages(lambda place: listings.round_trips(only, limit, place), limit))

    def sold(self, store: DynamoStrategyStore) -> list[RoundTrip]:
        """Let signals sell for several users at the same moments."""
        positions = opened(store, some_positions())
        signals = [new_id() for _ in range(6)]
        trips = []
        for number, position in enumerate(positions):
            change = closing(position, 60 + number % 3, closed_by=B, signal_id=signals[number % 6])
            store.commit([change])
            trips.append(change.trip)
        assert len({trip.sold_at for trip in trips}) == 3
        return trips

    @EACH_SIZE
    def test_each_filter_shows_what_it_says_newest_first_and_each_once(
        self, store: DynamoStrategyStore, listings: Listings, limit: int
    ) -> None:
        trips = self.sold(store)
        for only in FILTERS:
            found = self.walk(listings, only, limit)
            wanted = [
                trip
                for trip in trips
                if only.user in (None, trip.user)
                and only.strategy in (None, trip.strategy)
                and only.instrument in (None, trip.instrument)
            ]
            assert found == sorted(wanted, key=trip_place, reverse=True), only
            moments = [trip.sold_at for trip in found]
            assert moments == sorted(moments, reverse=True)

    @EACH_SIZE
    def test_many_rows_of_one_signal_and_moment_are_each_listed_once(
        self, store: DynamoStrategyStore, listings: Listings, limit: int
    ) -> None:
        positions = opened(store, [new_position(f"user {number}") for number in range(36)])
        signal_id = new_id()
        for position in positions:
            store.commit([closing(position, signal_id=signal_id)])
        found = self.walk(listings, Filter(), limit)
        assert sorted(trip.user for trip in found) == sorted(position.user for position in positions)

    def test_rows_that_come_meanwhile_do_not_disturb(self, store: DynamoStrategyStore, listings: Listings) -> None:
        trips = self.sold(store)
        for only in (Filter(), Filter(user="u1")):
            first, place = listings.round_trips(only, 2, None)
            (position,) = opened(store, [new_position("u1", strategy=f"new {only}")])
            change = closing(position, seconds=1_000)
            store.commit([change])
            rest, _ = listings.round_trips(only, 100, place)
            wanted = [trip for trip in trips if only.wants(trip)]
            assert [*first, *rest] == sorted(wanted, key=trip_place, reverse=True)
            trips.append(change.trip)

    @pytest.mark.parametrize("only", [Filter(), Filter(user="u1"), Filter(strategy=A)])
    def test_empty_log_ends_at_once(self, listings: Listings, only: Filter) -> None:
        assert listings.round_trips(only, 50, None) == ([], None)

    @pytest.mark.parametrize("place", [("x", "x"), ("!", "~"), ("9999", "u1"), (f"{format_timestamp(at(61))}#", "u1")])
    def test_place_where_nothing_is_goes_on_behind_it(
        self, store: DynamoStrategyStore, listings: Listings, place: tuple[str, str]
    ) -> None:
        trips = self.sold(store)
        for only in (Filter(), Filter(user="u1")):
            found, more = listings.round_trips(only, 100, place)
            wanted = [trip for trip in trips if only.wants(trip) and trip_place(trip) < place]
            assert (found, more) == (sorted(wanted, key=trip_place, reverse=True), None)


def row_of(signal: Signal) -> SignalRow:
    reasons = signal.reasons
    counts = (sum(reason.is_accepted for reason in reasons), len(reasons)) if signal.is_complete else (None, None)
    terms = signal.terms
    names = (terms.strategy, terms.instrument, terms.side)
    return SignalRow(signal.signal_id, signal.created_at, *names, signal.is_complete, *counts)


def some_signals() -> list[Signal]:
    """Return signals of four moments: open ones, complete ones, and such as concern nobody."""
    reasons = [None, (), (Reason.NOT_HELD,), (Reason.CLOSED, Reason.NOT_HELD, Reason.CLOSED)]
    return [
        new_signal(at(number % 4), new_terms("SELL"), is_complete=each is not None, reasons=each or ())
        for number, each in enumerate(reasons * 5)
    ]


class TestSignals:
    def walk(self, listings: Listings, limit: int) -> list[SignalRow]:
        return joined(all_pages(lambda place: listings.signals(limit, place), limit))

    @EACH_SIZE
    def test_signals_are_listed_newest_first_and_each_once(
        self, store: DynamoStrategyStore, listings: Listings, limit: int
    ) -> None:
        signals = some_signals()
        for signal in signals:
            store.create(signal)
        found = self.walk(listings, limit)
        assert found == sorted(map(row_of, signals), key=lambda row: (row.created_at, row.signal_id), reverse=True)

    def test_no_signals_end_at_once(self, listings: Listings) -> None:
        assert listings.signals(50, None) == ([], None)

    def test_completion_shows(self, store: DynamoStrategyStore, listings: Listings) -> None:
        signal = new_signal()
        store.create(signal)
        assert listings.signals(1, None) == ([row_of(signal)], None)
        completed = replace(signal, is_complete=True, reasons=(Reason.OPENED, Reason.NOT_TRADED))
        store.save(completed, signal.worker)
        ((row,), _) = listings.signals(1, None)
        assert (row.is_complete, row.accepted, row.candidates) == (True, 1, 2)

    @pytest.mark.parametrize("moment", ["", "now", "2026-03-02T09:30:00", "0001-01-01T00:00:00+23:59"])
    def test_place_that_is_none_in_the_list_is_refused(self, listings: Listings, moment: str) -> None:
        with pytest.raises(InvalidPlaceError):
            listings.signals(1, (moment, new_id()))


class SinceContract:
    """What the sweep needs of any listing of signals."""

    def test_signals_between_two_moments_are_found_both_included(
        self, store: DynamoStrategyStore | MemoryStrategyStore, listings: Listings
    ) -> None:
        signals = [new_signal(at(seconds)) for seconds in (0, 1, 1, 2, 3, 4, 5)]
        for signal in signals:
            store.create(signal)
        rows = {shard: listings.signals_since(shard, at(1), at(4)) for shard in range(SHARDS)}
        found = [row for each in rows.values() for row in each]
        assert {row.signal_id for row in found} == {signal.signal_id for signal in signals[1:6]}
        assert all(shard_of(row.signal_id, SHARDS) == shard for shard, each in rows.items() for row in each)

    def test_oldest_of_a_shard_comes_first(
        self, store: DynamoStrategyStore | MemoryStrategyStore, listings: Listings
    ) -> None:
        for seconds in (5, 1, 4, 2, 3) * 6:
            store.create(new_signal(at(seconds)))
        found = 0
        for shard in range(SHARDS):
            moments = [row.created_at for row in listings.signals_since(shard, at(0), at(9))]
            assert moments == sorted(moments)
            found += len(moments)
        assert found == 30

    def test_rows_show_what_became_of_the_signals(
        self, store: DynamoStrategyStore | MemoryStrategyStore, listings: Listings
    ) -> None:
        signals = some_signals()
        for signal in signals:
            store.create(signal)
        rows = [row for shard in range(SHARDS) for row in listings.signals_since(shard, at(0), at(9))]
        assert sorted(rows, key=lambda row: row.signal_id) == sorted(
            map(row_of, signals), key=lambda row: row.signal_id
        )


class TestDynamoSince(SinceContract):
    """On the fixtures of this module."""


class TestMemorySince(SinceContract):
    @pytest.fixture
    def store(self) -> MemoryStrategyStore:
        return MemoryStrategyStore(MemoryOrderStore(), FakeClock())

    @pytest.fixture
    def listings(self, store: MemoryStrategyStore) -> Listings:
        return MemoryListings(store)

    def test_index_shows_what_was_written_so_long_ago(self) -> None:
        clock = FakeClock()
        store = MemoryStrategyStore(MemoryOrderStore(), clock)
        listings = MemoryListings(store, timedelta(seconds=5))
        signal = new_signal()
        store.create(signal)
        shard = shard_of(signal.signal_id, SHARDS)
        clock.advance(4)
        assert listings.signals_since(shard, at(0), at(9)) == []
        store.save(replace(signal, is_complete=True), signal.worker)
        clock.advance(1)
        assert [row.is_complete for row in listings.signals_since(shard, at(0), at(9))] == [False]
        clock.advance(4)
        assert [row.is_complete for row in listings.signals_since(shard, at(0), at(9))] == [True]
