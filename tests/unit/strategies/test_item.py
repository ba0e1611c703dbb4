"""How signals, positions and round trips are packed, and that they stay small."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.ids import new_id, shard_of
from chalicelib.strategies.item import (
    SHARDS,
    PositionItem,
    RoundTripItem,
    SignalItem,
    pack_position,
    pack_round_trip,
    pack_signal,
    unpack_position,
    unpack_round_trip,
    unpack_signal,
)
from chalicelib.strategies.signal import ExitScope, Position, Reason, RoundTrip, Side, Signal, Terms
from tests.unit.broker.fakes.clock import START
from tests.unit.strategies.signals import LEASE, closing, new_position, new_signal, new_terms
from tests.unit.strategies.tables import Item, size_of

KILOBYTE = 1024
LONGEST = "W" * 64
TO_BUY = [Reason.OPENED, Reason.NOT_TRADED, Reason.ALREADY_HELD, Reason.NOT_HELD]
TO_SELL = [Reason.CLOSED, Reason.NOT_TRADED, Reason.ALREADY_HELD, Reason.NOT_HELD]


def stored(signal: Signal) -> Item:
    return SignalItem(**pack_signal(signal)).serialize()


def restored(signal: Signal) -> Signal:
    return unpack_signal(SignalItem.from_raw_data(stored(signal)))


def completed(side: Side, reasons: list[Reason], leavers: tuple[str, ...] = ()) -> Signal:
    return new_signal(terms=new_terms(side), is_complete=True, reasons=tuple(reasons), leavers=leavers)


_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
_moments = st.integers(0, 10**15).map(lambda microseconds: START + timedelta(microseconds=microseconds))
_ids = st.uuids().map(str)
_sides: st.SearchStrategy[Side] = st.sampled_from(["BUY", "SELL"])


class TestReasons:
    @settings(max_examples=60)
    @given(_sides, st.integers(0, 10_001), st.integers())
    def test_any_number_of_reasons_comes_back(self, side: Side, count: int, seed: int) -> None:
        signal = completed(side, Random(seed).choices(TO_BUY if side == "BUY" else TO_SELL, k=count))
        assert restored(signal) == signal

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 9_999, 10_000, 10_001])
    @pytest.mark.parametrize("reason", TO_BUY)
    def test_each_reason_comes_back_in_any_place(self, count: int, reason: Reason) -> None:
        signal = completed("BUY", [reason] * count)
        assert restored(signal) == signal

    def test_order_of_the_reasons_stays(self) -> None:
        for place in range(9):
            reasons = [Reason.NOT_HELD] * 9
            reasons[place] = Reason.CLOSED
            assert restored(completed("SELL", reasons)).reasons == tuple(reasons)

    def test_what_is_stored_never_changes(self) -> None:
        assert stored(completed("BUY", [*TO_BUY, Reason.NOT_TRADED]))["reasons"] == {"B": bytes([0b11_10_01_00, 0b01])}
        assert stored(completed("SELL", [Reason.NOT_HELD, Reason.CLOSED]))["reasons"] == {"B": bytes([0b00_11])}

    def test_counts_are_those_of_the_reasons(self) -> None:
        item = stored(completed("SELL", [Reason.CLOSED, Reason.NOT_HELD, Reason.CLOSED]))
        assert (item["accepted"], item["candidates"]) == ({"N": "2"}, {"N": "3"})

    def test_signal_that_concerns_nobody_has_counts_and_no_reasons(self) -> None:
        item = stored(completed("BUY", []))
        assert (item["accepted"], item["candidates"]) == ({"N": "0"}, {"N": "0"})
        assert "reasons" not in item

    def test_open_signal_has_neither(self) -> None:
        assert not {"accepted", "candidates", "reasons"} & stored(new_signal()).keys()


@st.composite
def any_signal(draw: st.DrawFn) -> Signal:
    side: Side = draw(_sides)
    is_complete = draw(st.booleans())
    reasons = draw(st.lists(st.sampled_from(TO_BUY if side == "BUY" else TO_SELL), max_size=12)) if is_complete else []
    scope = draw(st.sampled_from(ExitScope))
    created_at = draw(_moments)
    return Signal(
        signal_id=draw(_ids),
        created_at=created_at,
        terms=Terms(draw(_names), draw(_names), side, scope, draw(st.integers(1, 10**9))),
        generation=draw(st.none() | _ids),
        leavers=tuple(draw(st.lists(_names, max_size=5))),
        worker=draw(_ids),
        leased_until=created_at + LEASE,
        is_complete=is_complete,
        reasons=tuple(reasons),
    )


class TestRoundTrips:
    @settings(max_examples=300)
    @given(any_signal())
    def test_every_signal_comes_back_as_it_was(self, signal: Signal) -> None:
        assert restored(signal) == signal

    @given(st.builds(Position, _names, _names, _names, _moments, _ids, _ids, st.integers(1, 10**9)))
    def test_every_position_comes_back_as_it_was(self, position: Position) -> None:
        item = PositionItem.from_raw_data(PositionItem(**pack_position(position)).serialize())
        assert unpack_position(item) == position

    @given(st.builds(RoundTrip, _names, _names, _names, _moments, _ids, _moments, _ids, _names, _ids))
    def test_every_round_trip_comes_back_as_it_was(self, trip: RoundTrip) -> None:
        item = RoundTripItem.from_raw_data(RoundTripItem(**pack_round_trip(trip)).serialize())
        assert unpack_round_trip(item) == trip


class TestSizes:
    """A kilobyte is a write unit."""

    def test_each_4000_candidates_are_a_kilobyte_more(self) -> None:
        bare = size_of(stored(completed("BUY", [])))
        for thousands in (4, 8):
            signal = completed("BUY", [Reason.ALREADY_HELD] * (thousands * 1_000))
            assert size_of(stored(signal)) - bare <= thousands // 4 * KILOBYTE

    @pytest.mark.parametrize("users", [0, 20, 1_000])
    def test_typical_signal_takes_a_kilobyte(self, users: int) -> None:
        signal = completed("SELL", [Reason.CLOSED] * users)
        assert size_of(stored(signal)) <= KILOBYTE
        assert size_of(stored(replace(signal, is_complete=False, reasons=()))) <= KILOBYTE

    def test_signal_with_the_longest_names_and_some_leavers_takes_a_kilobyte(self) -> None:
        terms = Terms(LONGEST, LONGEST, "SELL", ExitScope.STRATEGY, 10**9)
        leavers = tuple(f"Holland Proctor {number}" for number in range(20))
        signal = new_signal(terms=terms, leavers=leavers, is_complete=True, reasons=(Reason.CLOSED,) * 500)
        assert size_of(stored(signal)) <= KILOBYTE

    def test_signal_for_as_many_users_as_there_can_be_and_all_of_them_leavers_fits_into_an_item(self) -> None:
        random = Random(1)
        leavers = tuple(sorted(f"{random.getrandbits(64):016x} {random.getrandbits(64):016x}" for _ in range(10_000)))
        signal = completed("SELL", [Reason.CLOSED] * 10_000, leavers=leavers)
        assert size_of(stored(signal)) < 400 * KILOBYTE
        assert restored(signal) == signal

    def test_position_takes_a_kilobyte(self) -> None:
        position = replace(new_position(LONGEST, strategy=LONGEST, instrument=LONGEST), quantity=10**9)
        assert size_of(PositionItem(**pack_position(position)).serialize()) <= KILOBYTE

    def test_round_trip_takes_a_kilobyte(self) -> None:
        change = closing(new_position(LONGEST, strategy=LONGEST, instrument=LONGEST), closed_by=LONGEST)
        assert size_of(RoundTripItem(**pack_round_trip(change.trip)).serialize()) <= KILOBYTE


class TestKeys:
    def test_positions_of_an_instrument_spread_over_the_shards(self) -> None:
        positions = [new_position(f"user {number}") for number in range(100)]
        holdings = {pack_position(position)["holding"] for position in positions}
        assert holdings == {f"L&T\x1f{shard}" for shard in range(SHARDS)}

    def test_round_trips_of_one_user_and_signals_of_one_moment_spread_too(self) -> None:
        trips = [closing(new_position()).trip for _ in range(100)]
        assert {pack_round_trip(trip)["shard"] for trip in trips} == {str(shard) for shard in range(SHARDS)}
        shards = {pack_signal(new_signal())["shard"] for _ in range(100)}
        assert shards == {str(shard) for shard in range(SHARDS)}

    def test_key_of_a_round_trip_sorts_by_the_time_of_the_sale(self) -> None:
        keys = [pack_round_trip(closing(new_position(), seconds).trip)["closed"] for seconds in (1, 1.5, 2, 10, 600)]
        assert keys == sorted(keys)

    def test_shard_of_a_signal_is_that_by_which_the_sweep_finds_it(self) -> None:
        signal = new_signal(signal_id=new_id())
        assert stored(signal)["shard"] == {"S": str(shard_of(signal.signal_id, SHARDS))}
