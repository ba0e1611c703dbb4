"""Execution reports: each order stands where the exchange has it, whatever became of the reports on their way."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tests.simulation.checks.base import Journal, Row, Versions, expect
from tests.simulation.history import Queued, Reported

TABLE, BRIDGE = "BrokerOrders", ("bridge", None)
APPLIERS = ("apply_reports", "retry_reports")
QUEUE, IMPOSSIBLE = "Reports.fifo", "ReportRetriesDeadLetters"
LEASE = Decimal(5)
MILLI = Decimal("0.002")
"""Times of leases are written in whole milliseconds."""
Standing = tuple[str, int, int, Decimal | None]
"""Status, number of the report, filled quantity and average price."""


def check_reports(journal: Journal, *, is_quiet: bool) -> None:
    """Check all rules of the way from the exchange's socket to the orders."""
    history = journal.history
    told: dict[str, dict[int, tuple[int, Standing]]] = {}
    for report in history.reports:
        if report.content is not None:
            order_id, standing = _read(report.content)
            told.setdefault(order_id, {})[standing[1]] = report.step, standing
    for (order_id, _), versions in journal.table(TABLE).items():
        _check_standings(order_id, versions, told.get(order_id, {}))
        _check_progress(order_id, versions)
        if is_quiet and order_id in told:
            _check_last(order_id, versions, told[order_id])
    _check_views(journal)
    _check_letters(journal, is_quiet=is_quiet)
    _check_leader(journal)
    _check_checkpoints(journal)


def _check_standings(order_id: str, versions: Versions, told: dict[int, tuple[int, Standing]]) -> None:
    """What an order tells of the exchange is what a report of it told before."""
    for step, row in zip(versions.steps, versions.rows, strict=True):
        if row is None or "vs" not in row:
            continue
        number, shown = int(row["vs"]), _stored(row)
        reported, standing = told.get(number, (step, None))
        expect(standing is not None and reported < step, "what is known was reported", (order_id, row))
        assert standing is not None
        expect(shown[1:] == standing[1:], "an order stands as it was reported", (order_id, row, standing))
        wanted = (standing[0], "PENDING_CANCEL") if standing[0] in ("NEW", "PARTIALLY_FILLED") else (standing[0],)
        expect(shown[0] in wanted, "an order stands as it was reported", (order_id, row, standing))


def _check_progress(order_id: str, versions: Versions) -> None:
    """What was filled stays filled; nothing that was applied is applied again; a gap closes by a report only."""
    for before, after, write in zip(versions.rows[1:], versions.rows[2:], versions.writes[2:], strict=False):
        if before is None or after is None or write is None:
            continue
        told = f"{order_id}: {before} then {after} by {write.process}"
        expect(_number(after, "cum_qty") >= _number(before, "cum_qty"), "what was filled stays filled", told)
        expect(_number(after, "vs") >= _number(before, "vs"), "the newest report counts", told)
        if write.process.startswith(APPLIERS):
            news = (before.get("vs"), before.get("vg")) != (after.get("vs"), after.get("vg"))
            expect(news, "nothing is written without news", told)


def _check_last(order_id: str, versions: Versions, told: dict[int, tuple[int, Standing]]) -> None:
    """Once everything is at rest both sides tell the same."""
    row = versions.last or {}
    newest = told[max(told)][1]
    expect(_stored(row) == newest, "an order ends as the exchange has it", (order_id, row, newest))


def _check_views(journal: Journal) -> None:
    """What a client saw of an order's fills was so at a moment between request and answer."""
    for request, answered in journal.answered("GET", "/orders/"):
        path = request.path.split("/")
        if request.status != 200 or len(path) != 3:
            continue
        seen = journal.versions(TABLE, (path[2], None)).between(request.sent, answered)
        content = request.content
        price = content.get("avg_px")
        shown = content["status"], content["cum_qty"], content["leaves_qty"], None if price is None else str(price)
        ways = [_shown(row) for row in seen if row is not None]
        expect(shown in ways, "fills are shown as they are", (request, ways))


def _check_letters(journal: Journal, *, is_quiet: bool) -> None:
    """What can never be true stays to be seen, with its reason; and nothing else is taken for that."""
    poison = {report.exec_id for report in journal.history.reports if report.content is None}
    queued, refused = set[str](), dict[str, Any]()
    for message in journal.history.queued:
        if message.queue not in (QUEUE, IMPOSSIBLE):
            continue
        exec_ids = {one["exec_id"] for one in _reports(message) if "exec_id" in one}
        if message.queue == QUEUE:
            queued |= exec_ids & poison
        elif (reason := json.loads(message.body).get("reason")) is not None:
            expect(exec_ids <= poison, "only what is impossible is refused", (message, reason))
            refused |= dict.fromkeys(exec_ids, reason)
    if is_quiet and journal.history.letters is not None:
        left = "\n".join([*journal.history.letters, *journal.history.lost])
        told = {exec_id for exec_id in queued if exec_id in refused or exec_id in left}
        expect(told == queued, "what is impossible is told", queued - told)
        expect(all(exec_id in left for exec_id in queued), "what is impossible stays to be seen", (queued, left))


def _check_leader(journal: Journal) -> None:
    """One bridge leads at a time: whoever was deposed writes nothing any more, and nobody is while the lease lasts."""
    versions = journal.versions("Operations", BRIDGE)
    leader: str | None = None
    for before, after, write in zip(versions.rows, versions.rows[1:], versions.writes[1:], strict=False):
        if after is None or write is None:
            continue
        told = f"{before} then {after} by {write.process}"
        if before is None or before["epoch"] != after["epoch"]:
            expect(_number(after, "epoch") == _number(before or {}, "epoch") + 1, "each leader has a number", told)
            leader = after["holder"]
            taken_at = Decimal(after["expires_at"]) - LEASE
            end = Decimal(before["expires_at"]) if before else Decimal(0)
            is_own = before is not None and before["holder"] == after["holder"]
            expect(is_own or taken_at >= end - MILLI, "a live lease is not taken", told)
        elif write.process != "late":
            expect(write.process == leader, "only the leader writes", told)
        if before is not None and before.get("session") == after.get("session") and "seq" in before:
            expect(_number(after, "seq") >= _number(before, "seq"), "the cursor goes forward", told)


def _check_checkpoints(journal: Journal) -> None:
    """Everything up to a checkpoint is in the queue: no other bridge will read it again."""
    versions = journal.versions("Operations", BRIDGE)
    arrivals = iter(message for message in journal.history.queued if message.queue == QUEUE)
    coming = next(arrivals, None)
    queued: dict[str, int] = {}
    by_session: dict[str, list[Reported]] = {}
    for report in journal.history.reports:
        if report.content is not None:
            by_session.setdefault(report.session, []).append(report)
    checked = dict.fromkeys(by_session, 0)
    for step, row in zip(versions.steps, versions.rows, strict=True):
        while coming is not None and coming.step < step:
            for one in _reports(coming):
                if isinstance(one.get("order_seq"), int) and not one["exec_id"].startswith("P"):
                    order_id = one["client_order_id"]
                    queued[order_id] = max(queued.get(order_id, 0), one["order_seq"])
            coming = next(arrivals, None)
        reports = by_session.get((row or {}).get("session") or "", [])
        for report in reports[checked.get((row or {}).get("session") or "", 0) :]:
            assert row is not None
            if report.seq > int(row["seq"]):
                break
            assert report.content is not None
            checked[report.session] += 1
            known = queued.get(report.content["client_order_id"], 0)
            expect(known >= report.content["order_seq"], "what is behind the cursor is queued", (row, report))


def _read(content: dict[str, Any]) -> tuple[str, Standing]:
    price = content["avg_px"]
    told = None if price is None else Decimal(str(price))
    return content["client_order_id"], (content["status"], content["order_seq"], content["cum_qty"], told)


def _stored(row: Row) -> Standing:
    price = row.get("avg_px")
    return row["status"], _number(row, "vs"), _number(row, "cum_qty"), None if price is None else Decimal(price)


def _shown(row: Row) -> tuple[str, int, int, str | None]:
    status, _, cum_qty, price = _stored(row)
    works = status in ("PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PENDING_CANCEL")
    told = None if price is None else float(price)
    leaves = int(row["quantity"]) - cum_qty if works else 0
    return status, cum_qty, leaves, None if told is None else str(int(told) if told == int(told) else told)


def _number(row: Row, name: str) -> int:
    return int(row.get(name, 0))


def _reports(message: Queued) -> Iterator[dict[str, Any]]:
    return (one for one in json.loads(message.body).get("reports", []) if isinstance(one, dict))
