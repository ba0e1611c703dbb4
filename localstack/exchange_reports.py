"""Execution reports as others read them: JSON, encoded once, sent to every reader and kept in the journal as it is."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from exchange_venue import Order, Report
from pydantic_core import to_json


def encode_report(report: Report) -> bytes:
    """Return the report with its number in the session."""
    content = {"seq": report.order.report_seq, **_standing(report.order)}
    if report.fill:
        content |= {"last_qty": report.fill.quantity, "last_px": float(report.fill.price)}
    return to_json(content)


def encode_snapshot(order: Order) -> bytes:
    """Return how the order stands as a report of a snapshot: the newest one again, covering all before it."""
    return to_json(_standing(order) | {"snapshot": True})


def _standing(order: Order) -> dict[str, Any]:
    standing = {
        "exec_id": f"E{order.report_seq:08d}",
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "order_seq": order.order_seq,
        "status": _status(order),
        "cum_qty": order.cum_qty,
        "leaves_qty": order.leaves_qty,
        "avg_px": to_number(order.avg_px),
        "at": _moment(order.reported_at),
    }
    return standing if order.reason is None else standing | {"reason": order.reason}


def to_number(price: Decimal | None) -> float | None:
    """Return a price as a JSON number."""
    return None if price is None else float(price)


def _status(order: Order) -> str:
    if order.status == "working":
        return "PARTIALLY_FILLED" if order.cum_qty else "NEW"
    return order.status.upper()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
