"""The session log, and what a restart keeps of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import exchange_record
import pytest
from exchange_journal import Journal
from exchange_record import Execution, RecordedVenue
from exchange_session import LOT, SessionLog
from exchange_venue import ClientOrderId, Fill, OrderTerms

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TERMS = OrderTerms(type="market", side="buy", instrument="ACC", quantity=10)
A = ClientOrderId("a")


@contextmanager
def venue_on(path: Path, keep: int = 1_000) -> Iterator[RecordedVenue]:
    journal = Journal(path)
    try:
        yield RecordedVenue(journal, keep)
    finally:
        journal.close()


def fill(venue: RecordedVenue, order_id: str, *parts: tuple[int, str]) -> None:
    fills = tuple(Fill(quantity, Decimal(price)) for quantity, price in parts)
    venue.execute([Execution(ClientOrderId(order_id), fills)], NOON)


def reports_of(venue: RecordedVenue) -> list[dict[str, Any]]:
    return [json.loads(report) for report in venue.log.read(1, venue.log.last)]


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


# The log


def test_an_empty_log_begins_with_1() -> None:
    log = SessionLog("S", keep=3)
    assert (log.first, log.last, log.read(1, 10)) == (1, 0, [])


@pytest.mark.parametrize("keep", [1, 7, LOT - 1, LOT, 3 * LOT])
def test_keeps_exactly_the_last_reports(keep: int) -> None:
    log = SessionLog("S", keep)
    for first in range(1, 5 * LOT, 100):
        log.append(numbers(first, first + 99))
        assert log.last == first + 99
        assert log.first == max(1, log.last - keep + 1)
        assert log.read(1, log.last) == numbers(log.first, log.last)
        assert len(log._reports) <= keep + LOT
    assert log.read(log.last - 5, log.last + 5) == numbers(max(log.first, log.last - 5), log.last)


def test_forgets_on_demand() -> None:
    log = SessionLog("S", keep=100)
    log.append(numbers(1, 10))
    log.forget_before(8)
    assert (log.first, log.read(1, 10)) == (8, numbers(8, 10))
    log.forget_before(3)
    assert log.first == 8
    log.forget_before(50)
    assert (log.first, log.last, log.read(1, 10)) == (11, 10, [])
    log.append(numbers(11, 12))
    assert log.read(1, 12) == numbers(11, 12)


@pytest.mark.parametrize(
    ("session", "after", "refusal"),
    [
        (None, 0, None),
        ("S", 10, None),
        ("S", 7, None),
        ("S", 6, "trimmed"),
        ("S", 11, "unknown_session"),
        ("T", 8, "unknown_session"),
    ],
)
def test_a_reader_goes_on_where_nothing_is_missing(session: str | None, after: int, refusal: str | None) -> None:
    log = SessionLog("S", keep=3)
    log.append(numbers(1, 10))
    assert log.refusal(session, after) == refusal


def test_wakes_those_who_wait_for_a_report() -> None:
    async def wait() -> tuple[bool, bool]:
        log = SessionLog("S", keep=3)
        waiting = asyncio.create_task(log.reaches(2))
        for number in (b"1", b"2"):
            await asyncio.sleep(0)
            log.append([number])
        return await waiting, await log.reaches(3, within=0.01)

    assert asyncio.run(wait()) == (True, False)


# Reports of orders


def test_reports_tell_the_life_of_an_order(tmp_path: Path) -> None:
    with venue_on(tmp_path / "journal") as venue:
        venue.place(A, TERMS, NOON, ())
        fill(venue, "a", (3, "100.5"), (1, "101"))
        venue.cancel(A, NOON)
        new, first, second, canceled = reports_of(venue)
    identity = {"client_order_id": "a", "exchange_order_id": "X00000001", "at": "2026-11-21T12:00:00.000000Z"}
    standing = {"status": "NEW", "cum_qty": 0, "leaves_qty": 10, "avg_px": None}
    assert new == {**identity, "seq": 1, "exec_id": "E00000001", "order_seq": 1, **standing}
    standing = {"status": "PARTIALLY_FILLED", "cum_qty": 3, "leaves_qty": 7, "avg_px": 100.5}
    traded = {"last_qty": 3, "last_px": 100.5}
    assert first == {**identity, "seq": 2, "exec_id": "E00000002", "order_seq": 2, **standing, **traded}
    assert (second["cum_qty"], second["avg_px"], second["last_qty"]) == (4, 100.625, 1)
    standing = {"status": "CANCELED", "cum_qty": 4, "leaves_qty": 0, "avg_px": 100.625}
    assert canceled == {**identity, "seq": 4, "exec_id": "E00000004", "order_seq": 4, **standing}


def test_a_refusal_is_reported_and_an_order_canceled_in_advance_is_not(tmp_path: Path) -> None:
    with venue_on(tmp_path / "journal") as venue:
        venue.cancel(A, NOON)
        venue.place(A, TERMS, NOON, ())
        venue.place(ClientOrderId("b"), TERMS, NOON, ("ACC",))
        (refused,) = reports_of(venue)
    assert (refused["client_order_id"], refused["order_seq"], refused["status"]) == ("b", 1, "REJECTED")
    assert (refused["reason"], refused["leaves_qty"]) == ("instrument is not traded here", 0)


def test_the_average_is_rounded_once_however_many_fills(tmp_path: Path) -> None:
    with venue_on(tmp_path / "journal") as venue:
        venue.place(A, TERMS.model_copy(update={"quantity": 3_000}), NOON, ())
        fill(venue, "a", *[(1, price) for _ in range(1_000) for price in ("100.01", "100.02", "100.02")])
        assert reports_of(venue)[-1]["avg_px"] == 100.016667


def test_a_final_order_is_neither_filled_nor_expired(tmp_path: Path) -> None:
    with venue_on(tmp_path / "journal") as venue:
        venue.place(A, TERMS, NOON, ())
        venue.cancel(A, NOON)
        fill(venue, "a", (3, "100"))
        venue.execute([Execution(A)], NOON)
        assert [report["status"] for report in reports_of(venue)] == ["NEW", "CANCELED"]


# The restart


def test_a_restart_keeps_session_reports_and_orders(tmp_path: Path) -> None:
    with venue_on(tmp_path / "journal") as venue:
        venue.place(A, TERMS, NOON, ())
        fill(venue, "a", (3, "100.01"), (4, "100.02"))
        venue.trim(2)
        before = venue.log.session, venue.log.first, reports_of(venue), venue.orders()
    with venue_on(tmp_path / "journal") as venue:
        assert (venue.log.session, venue.log.first, reports_of(venue), venue.orders()) == before
        fill(venue, "a", (3, "100"))
        assert [(report["seq"], report["order_seq"]) for report in reports_of(venue)] == [(2, 2), (3, 3), (4, 4)]


def test_another_journal_is_another_session(tmp_path: Path) -> None:
    with venue_on(tmp_path / "one") as one, venue_on(tmp_path / "other") as other:
        assert one.log.session != other.log.session


def test_a_torn_turn_takes_order_and_reports_away_together(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with venue_on(path) as venue:
        venue.place(A, TERMS, NOON, ())
        whole = path.stat().st_size
        fill(venue, "a", (3, "100"), (4, "100"))
    line = path.read_bytes()[whole:]
    assert line.count(b"\n") == 1
    for length in range(0, len(line), 50):
        path.write_bytes(path.read_bytes()[:whole] + line[:length])
        with venue_on(path) as venue:
            order = venue.find(A)
            assert order
            assert (order.order_seq, order.cum_qty, venue.log.last) == (1, 0, 1)
        assert path.stat().st_size == whole


def test_a_journal_of_an_exchange_without_reports_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with venue_on(path) as venue:
        venue.place(A, TERMS, NOON, ())
    line = json.loads(path.read_text().splitlines()[-1])
    known = ("client_order_id", "exchange_order_id", "status", "accepted_at", "reason", "terms")
    order = {name: line["order"][name] for name in known}
    path.write_text(json.dumps({"change": "order_changed", "order": order}) + "\n")

    with venue_on(path) as venue:
        fill(venue, "a", (10, "100"))
        session = venue.log.session
    with venue_on(path) as venue:
        assert venue.log.session == session
        assert [(report["order_seq"], report["status"]) for report in reports_of(venue)] == [(1, "FILLED")]


def test_a_long_journal_is_written_anew_and_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    with venue_on(path, keep=20) as venue:
        venue.note_place_request(A)
        venue.note_place_request(A)
        for number in range(100):
            venue.place(ClientOrderId(str(number)), TERMS, NOON, ())
            fill(venue, str(number), (1, "100"), (2, "101"))
        venue.cancel(A, NOON)
        before = venue.log.session, venue.log.first, venue.log.last, reports_of(venue), venue.orders()
    long = path.stat().st_size
    monkeypatch.setattr(exchange_record, "WORTH", 100)
    for _ in range(2):
        with venue_on(path, keep=20) as venue:
            after = venue.log.session, venue.log.first, venue.log.last, reports_of(venue), venue.orders()
            assert after == before
            assert venue.place_requests(A) == 2
        assert path.stat().st_size < 0.7 * long
    with venue_on(path, keep=20) as venue:
        fill(venue, "7", (1, "100"))
        assert reports_of(venue)[-1]["seq"] == 301
    assert [name.name for name in tmp_path.iterdir()] == ["journal"]
