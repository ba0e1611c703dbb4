"""Execution reports and what they do to an order. Pure: no clock, no randomness, no I/O.

Reports are cumulative, so the one with the highest number tells all: the order keeps this high-water mark, and which
reports below it never came. Whatever comes at or below the mark changes neither status nor quantities.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.broker.gaps import Gaps, drop_up_to, fill_gap, open_gap
from chalicelib.broker.order import Cause, Order
from chalicelib.broker.report import ExecutionReport, InvalidReportError, parse_report, parse_standing
from chalicelib.broker.timeline import add_entry, add_to_run, cut_reason, move
from chalicelib.core.lifecycle import FINAL, TRANSITIONS, OrderStatus

__all__ = ["ExecutionReport", "Folded", "InvalidReportError", "fold", "parse_report", "parse_standing"]

LIVE = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
"""What an order that works at the exchange is reported as."""


@dataclass(frozen=True)
class Folded:
    """The order after some reports, and what became of each of them.

    Applied reports moved the high-water mark, late ones filled a gap below it, duplicates changed nothing.
    Impossible ones come with the reason, and changed nothing either.
    """

    order: Order
    applied: tuple[ExecutionReport, ...]
    duplicates: int
    late: int
    impossible: tuple[tuple[ExecutionReport, str], ...]


def fold(order: Order, reports: Iterable[ExecutionReport], now: datetime) -> Folded:
    """Return the order as these reports of it leave it, in whatever order they come."""
    applied: list[ExecutionReport] = []
    impossible: list[tuple[ExecutionReport, str]] = []
    duplicates = late = 0
    for report in sorted(reports, key=lambda report: (report.order_seq, report.snapshot)):
        if (reason := _contradiction(order, report)) is not None:
            impossible.append((report, reason))
        elif report.order_seq > order.venue_seq:
            order = _apply(order, report, now)
            applied.append(report)
        elif (gaps := _without(order.venue_gaps, report)) != order.venue_gaps:
            order = replace(order, venue_gaps=gaps)
            late += 1
        else:
            duplicates += 1
    return Folded(order, tuple(applied), duplicates, late, tuple(impossible))


def _contradiction(order: Order, report: ExecutionReport) -> str | None:
    """Return why the report cannot be true of the order, None if it can."""
    wrong_terms = _wrong_terms(order, report)
    if wrong_terms is not None:
        return wrong_terms
    if report.order_seq > order.venue_seq:
        return _setback(order, report)
    if report.cum_qty > order.cum_qty:
        return f"cum_qty {report.cum_qty} in report {report.order_seq}, {order.cum_qty} in report {order.venue_seq}"
    is_last = report.order_seq == order.venue_seq and report.status is order.status
    if report.status in FINAL and not is_last:
        return f"{report.status} in report {report.order_seq}, but {order.status} after report {order.venue_seq}"
    return None


def _wrong_terms(order: Order, report: ExecutionReport) -> str | None:
    """Return what of the report does not fit the order's quantity, wherever the order stands."""
    if report.cum_qty > order.quantity:
        return f"cum_qty {report.cum_qty} is more than the order's quantity {order.quantity}"
    if (report.status is OrderStatus.FILLED) != (report.cum_qty == order.quantity) and report.status not in _ENDED:
        return f"{report.status} with {report.cum_qty} of {order.quantity}"
    if report.leaves_qty not in (None, order.quantity - report.cum_qty) and report.status in LIVE:
        return f"leaves_qty {report.leaves_qty} with {report.cum_qty} of {order.quantity} filled"
    return None


_ENDED = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
"""Final whatever was filled before."""


def _setback(order: Order, report: ExecutionReport) -> str | None:
    """Return why an order cannot go on from where it stands to where a newer report has it."""
    if report.cum_qty < order.cum_qty:
        return f"cum_qty falls from {order.cum_qty} to {report.cum_qty}"
    if report.status is not order.status and report.status not in TRANSITIONS[order.status]:
        return f"an order cannot go from {order.status} to {report.status}"
    return None


def _without(gaps: Gaps, report: ExecutionReport) -> Gaps:
    return drop_up_to(gaps, report.order_seq) if report.snapshot else fill_gap(gaps, report.order_seq)


def _apply(order: Order, report: ExecutionReport, now: datetime) -> Order:
    """Return the order as a report above its high-water mark has it."""
    gaps = () if report.snapshot else open_gap(order.venue_gaps, order.venue_seq + 1, report.order_seq - 1)
    told = replace(
        order,
        venue_seq=report.order_seq,
        venue_gaps=gaps,
        venue_at=report.at or now,
        cum_qty=report.cum_qty,
        avg_px=report.avg_px,
        # Only what the exchange refused was never placed there.
        placed_at=order.placed_at or (None if report.status is OrderStatus.REJECTED else now),
    )
    if report.status is order.status:
        return _note_fill(order, told, now)
    if order.status is OrderStatus.PENDING_CANCEL and report.status in LIVE:
        return _go_on_canceling(order, told, now)
    return _settle(told, report, now)


def _note_fill(order: Order, told: Order, now: datetime) -> Order:
    """Return the order with the fill in its timeline, if its status does not tell of it."""
    if told.cum_qty == order.cum_qty or told.status in FINAL:
        return told
    return add_to_run(told, now, Cause.PARTIALLY_FILLED)


def _go_on_canceling(order: Order, told: Order, now: datetime) -> Order:
    """Return the order whose cancel is still to be decided: its lease stays with the worker that has it."""
    if order.placed_at is None:
        told = add_entry(told, now, Cause.ACKNOWLEDGED)
    return _note_fill(order, told, now)


def _settle(order: Order, report: ExecutionReport, now: datetime) -> Order:
    """Return the order in the report's status. No answer is owed any more: a worker finds its lease lost."""
    settled = replace(
        order,
        lease_token=None,
        in_doubt=False,
        failures=0,
        next_attempt_at=None,
        requeues=0,
        dead_lettered_at=None,
        dead_letter_cause=None,
    )
    if report.status is OrderStatus.REJECTED:
        settled = replace(settled, reject_reason=cut_reason(report.reason or "refused by the exchange"))
    return move(settled, report.status, now, _CAUSES[report.status])


_CAUSES = {
    OrderStatus.NEW: Cause.ACKNOWLEDGED,
    OrderStatus.PARTIALLY_FILLED: Cause.PARTIALLY_FILLED,
    OrderStatus.FILLED: Cause.FILLED,
    OrderStatus.CANCELED: Cause.CANCELED,
    OrderStatus.EXPIRED: Cause.EXPIRED,
    OrderStatus.REJECTED: Cause.REFUSED,
}
