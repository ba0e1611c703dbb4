"""Reports as JSON objects."""

from typing import Any

from chalicelib.broker.execution import ExecutionReport
from chalicelib.broker.order import Order, OrderId
from chalicelib.core.clock import format_timestamp
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import to_json_number

ORDER_ID = OrderId("7b7a8f8e-0000-4000-8000-000000000000")


def report_json(**changes: Any) -> dict[str, Any]:
    """Return a report of a partial fill, as the exchange sends it."""
    return {
        "seq": 1207,
        "exec_id": "E00001207",
        "client_order_id": ORDER_ID,
        "exchange_order_id": "X00000042",
        "order_seq": 3,
        "status": "PARTIALLY_FILLED",
        "cum_qty": 30,
        "leaves_qty": 70,
        "avg_px": 101.25,
        "last_qty": 10,
        "last_px": 101.5,
        "at": "2026-11-21T12:00:00.123456Z",
    } | changes


SNAPSHOT = {n: v for n, v in report_json(snapshot=True).items() if n not in ("seq", "exec_id", "last_qty", "last_px")}


def as_json(order: Order, report: ExecutionReport) -> dict[str, Any]:
    """Return a report as the exchange sends it."""
    assert report.at is not None
    live = report.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
    optional = {"reason": report.reason, "snapshot": report.snapshot or None}
    return {
        "seq": report.order_seq,
        "exec_id": report.exec_id,
        "client_order_id": report.order_id,
        "exchange_order_id": "X00000042",
        "order_seq": report.order_seq,
        "status": report.status.value,
        "cum_qty": report.cum_qty,
        "leaves_qty": max(order.quantity - report.cum_qty, 0) if live else 0,
        "avg_px": None if report.avg_px is None else to_json_number(report.avg_px),
        "at": format_timestamp(report.at),
    } | {name: value for name, value in optional.items() if value is not None}
