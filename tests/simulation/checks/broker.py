"""The broker: every order gets to the exchange, once where the exchange honours its id, and what we know is true."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from chalicelib.core.clock import parse_timestamp
from chalicelib.core.lifecycle import FINAL, TRANSITIONS, OrderStatus
from tests.simulation.checks.base import Journal, Row, Versions, expect
from tests.simulation.checks.requests import check_creates
from tests.simulation.history import Request, VenueEvent, Write

TABLE = "BrokerOrders"
UNCHANGED = (
    "created_at",
    "type",
    "side",
    "instrument",
    "limit_price",
    "quantity",
    "user",
    "strategy",
    "signal",
    "after",
)
FOLLOWABLE = {"NEW", "PARTIALLY_FILLED", *(status.value for status in FINAL)}
LEASE = timedelta(seconds=30)
"""As infra/resources.yaml has it."""
GONE = ("canceled", "called_off")
VenueEvents = dict[str, list[VenueEvent]]


def check_broker(journal: Journal, *, honours_ids: bool, is_quiet: bool) -> None:
    """Check all rules of the broker."""
    check_creates(journal, "/orders", TABLE, _read, (_asked, _stored))
    events: VenueEvents = {}
    for event in journal.history.venue:
        events.setdefault(event.order_id, []).append(event)
    for (order_id, _), versions in journal.table(TABLE).items():
        _check_life(order_id, versions)
        _check_leases(order_id, versions)
        _check_placement(order_id, versions, events.get(order_id, []), honours_ids=honours_ids)
        if is_quiet:
            _check_end(order_id, versions, events.get(order_id, []))
        _check_turn(journal, order_id, versions, events.get(order_id, []))
    _check_views(journal)
    _check_cancels(journal, is_quiet=is_quiet)


def _check_life(order_id: str, versions: Versions) -> None:
    """Every version follows from the one before it."""
    for before, after in pairwise(versions.rows):
        expect(after is not None, "an order is never deleted", order_id)
        if before is None or after is None:
            continue
        told = f"{order_id}: {before} then {after}"
        expect(int(after["version"]) == int(before["version"]) + 1, "no write is overwritten", told)
        old, new = OrderStatus(before["status"]), OrderStatus(after["status"])
        expect(old == new or new in TRANSITIONS[old], "every transition is in the table", told)
        for name in UNCHANGED:
            expect(before.get(name) == after.get(name), "what was ordered stays", told)
        if old in FINAL:
            expect(old == new, "a final order stays", told)


def _check_leases(order_id: str, versions: Versions) -> None:
    """A lease is given back by its holder only, or ended by a report, and taken over by nobody before its end."""
    holder: Write | None = None
    for before, after, write in zip(versions.rows[1:], versions.rows[2:], versions.writes[2:], strict=False):
        if before is None or after is None or write is None or "late" in (write.process, holder and holder.process):
            return
        old, new = before.get("lease_token"), after.get("lease_token")
        told = f"{order_id}: {before} then {after} by {write.process}"
        is_reported = int(after.get("vs", 0)) > int(before.get("vs", 0)) and not write.process.startswith(
            "place_orders"
        )
        if old is not None and new is None and not is_reported:
            expect(holder is not None and holder.process == write.process, "a lease is its holder's", told)
        if new is not None and new != old:
            holder = write
            due = parse_timestamp(after["next_attempt_at"]) - LEASE
            expect(old is None or due >= parse_timestamp(before["next_attempt_at"]), "a live lease is not taken", told)


def _check_placement(order_id: str, versions: Versions, events: list[VenueEvent], *, honours_ids: bool) -> None:
    """What we know of the exchange had happened there before we knew it."""
    accepted = [event for event in events if event.event == "accepted"]
    expect(len(accepted) <= 1 or not honours_ids, "exactly one placement", order_id)
    for step, row in zip(versions.steps, versions.rows, strict=True):
        status = None if row is None else row["status"]
        known = {event.event for event in events if event.step < step}
        told = f"{order_id} is {status}, the exchange: {events}"
        if status == "NEW":
            expect("accepted" in known, "working means accepted", told)
        if status == "FILLED":
            expect("filled" in known, "filled means filled", told)
        if status == "EXPIRED":
            expect("expired" in known, "expired means expired", told)
        if status == "PARTIALLY_FILLED":
            expect("traded" in known, "partly filled means traded", told)
        if status == "REJECTED":
            expect("refused" in known, "rejected means refused", told)
        if status == "CANCELED" and "accepted" in known:
            expect(known & set(GONE), "canceled means canceled there", told)


def _check_end(order_id: str, versions: Versions, events: list[VenueEvent]) -> None:
    """Once everything is at rest, both sides agree."""
    row = versions.last or {}
    happened = [event.event for event in events]
    told = f"{order_id} ends as {row.get('status')}, the exchange: {happened}"
    expect(not str(row.get("status")).startswith("PENDING"), "no order waits for ever", told)
    expect("lease_token" not in row and "dead_lettered_at" not in row, "nobody has it any more", told)
    if row["status"] == "CANCELED":
        expect(not happened or happened[-1] in GONE, "a canceled order does not work", told)
    if row["status"] in ("NEW", "PARTIALLY_FILLED"):
        expect(happened and happened[-1] in ("accepted", "traded"), "a working order works", told)


def _check_turn(journal: Journal, order_id: str, versions: Versions, events: list[VenueEvent]) -> None:
    """An order that closes a position is not placed before the one that opened it is known to be."""
    after = (versions.rows[1] or {}).get("after")
    if after is None or not events:
        return
    seen = journal.versions(TABLE, (after, None)).between(0, events[0].step)
    ways = {row["status"] for row in seen if row is not None}
    expect(ways & FOLLOWABLE, "no order overtakes the one it closes", f"{order_id} before {after}")


def _check_views(journal: Journal) -> None:
    """What a client saw was so at a moment between request and answer."""
    for request, answered in journal.answered("GET", "/orders/"):
        order_id = request.path.split("/")[2]
        seen = journal.versions(TABLE, (order_id, None)).between(request.sent, answered)
        if request.status == 404:
            expect(None in seen, "an order that is there is found", request)
        if request.status == 200:
            expect(request.content["status"] in {row["status"] for row in seen if row}, "reads are true", request)


def _check_cancels(journal: Journal, *, is_quiet: bool) -> None:
    for request, answered in journal.answered("POST", "/orders/"):
        order_id = request.path.split("/")[2]
        versions = journal.versions(TABLE, (order_id, None))
        ways = {row["status"] for row in versions.between(request.sent, answered) if row}
        if request.status == 200:
            expect(request.content["status"] in ways & {"CANCELED", "PENDING_CANCEL"}, "a cancel is kept", request)
            if is_quiet and versions.last is not None:
                expect(versions.last["status"] not in ("NEW", "PARTIALLY_FILLED"), "no cancel is forgotten", request)
        if request.status == 409 and request.content["code"] == "order_final":
            expect(request.content["order_status"] in ways, "the loser of a race is told the truth", request)


def _read(request: Request) -> tuple[Any, Any]:
    return (request.content["id"], None), request.content["created_at"]


def _asked(body: Any) -> tuple[Any, ...]:
    price = body.get("limit_price")
    told = None if price is None else Decimal(str(price))
    return body["type"], body["side"], body["instrument"], told, body["quantity"]


def _stored(row: Row) -> tuple[Any, ...]:
    price = row.get("limit_price")
    told = None if price is None else Decimal(price)
    return row["type"], row["side"], row["instrument"], told, int(row["quantity"])
