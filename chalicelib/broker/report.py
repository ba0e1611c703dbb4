"""What an exchange reports about an order, read strictly. Standard library only.

A report is cumulative: it tells where the order stands after so many of its reports, not what changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.broker.order import OrderId
from chalicelib.core.clock import parse_timestamp
from chalicelib.core.ids import is_id
from chalicelib.core.lifecycle import FINAL, OrderStatus

MAX_QUANTITY = 10**9
MAX_SEQUENCE = 2**53 - 1
MAX_ORDER_SEQUENCE = 2 * MAX_QUANTITY
"""Reports of one order at most: each but a few fills at least one piece."""
MAX_PRICE = Decimal(10) ** 12
MICRO = Decimal("0.000001")
MAX_TEXT = 200
"""Characters of an id or a timestamp."""
MAX_REASON_TEXT = 10_000

REPORTED = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}) | FINAL
"""PENDING_NEW and PENDING_CANCEL are ours alone."""

FIELDS = (
    *("seq", "exec_id", "client_order_id", "exchange_order_id", "order_seq", "status", "cum_qty", "leaves_qty"),
    *("avg_px", "last_qty", "last_px", "at", "reason", "snapshot"),
)


class InvalidReportError(Exception):
    """Raised when a report is not one. Tells which field breaks which rule."""


@dataclass(frozen=True)
class ExecutionReport:
    """Where an order stands after the first ``order_seq`` of its reports.

    ``snapshot``: it covers all before it; an ordinary report may come before or without them.
    ``at`` is None for what the exchange answered to a question: as of now.
    ``leaves_qty`` is None where it was not told.
    """

    order_id: OrderId
    order_seq: int
    status: OrderStatus
    cum_qty: int
    avg_px: Decimal | None
    leaves_qty: int | None = None
    at: datetime | None = None
    exec_id: str | None = None
    reason: str | None = None
    snapshot: bool = False
    content: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The fields that were read, as they came, to be handed on. None of them holds others."""


def parse_report(content: Any) -> ExecutionReport:
    """Return the report of a JSON object. What it does not know is dropped.

    Raises:
        InvalidReportError: naming the first field that breaks a rule.
    """
    if not isinstance(content, Mapping):
        raise InvalidReportError("not a JSON object")
    snapshot = _flag(content, "snapshot")
    status = _status(content)
    report = ExecutionReport(
        order_id=_order_id(content),
        order_seq=_count(content, "order_seq", 1, MAX_ORDER_SEQUENCE),
        status=status,
        cum_qty=_count(content, "cum_qty", 0, MAX_QUANTITY),
        avg_px=_optional_price(content, "avg_px"),
        leaves_qty=_count(content, "leaves_qty", 0, MAX_QUANTITY),
        at=_moment(content, "at"),
        exec_id=_optional_text(content, "exec_id") if snapshot else _text(content, "exec_id"),
        reason=_optional_text(content, "reason", MAX_REASON_TEXT),
        snapshot=snapshot,
        content={name: content[name] for name in FIELDS if name in content},
    )
    _check_the_rest(content, snapshot=snapshot)
    _check_sense(report)
    return report


def parse_standing(order_id: OrderId, status: OrderStatus, content: Mapping[str, Any]) -> ExecutionReport | None:
    """Return what an exchange's answer about one order tells beside its status, as a snapshot; None if it does not.

    An exchange without reports tells nothing of the kind; one that has not reported yet tells the number 0.
    """
    try:
        cum_qty = _count(content, "cum_qty", 0, MAX_QUANTITY)
        standing = ExecutionReport(
            order_id=order_id,
            order_seq=_count(content, "order_seq", 1, MAX_ORDER_SEQUENCE),
            status=OrderStatus.PARTIALLY_FILLED if status is OrderStatus.NEW and cum_qty else status,
            cum_qty=cum_qty,
            avg_px=_optional_price(content, "avg_px"),
            snapshot=True,
        )
        _check_sense(standing)
    except InvalidReportError:
        return None
    return standing


def _check_the_rest(content: Mapping[str, Any], *, snapshot: bool) -> None:
    """Check the fields that are not kept: their sense would be in doubt, too, if they had none."""
    _optional_text(content, "exchange_order_id")
    if not snapshot or content.get("seq") is not None:
        _count(content, "seq", 1, MAX_SEQUENCE)
    last_px = _optional_price(content, "last_px")
    if (content.get("last_qty") is None) != (last_px is None):
        raise InvalidReportError("last_qty and last_px: one without the other")
    if last_px is not None:
        _count(content, "last_qty", 1, MAX_QUANTITY)
        if content["last_qty"] > content["cum_qty"]:
            raise InvalidReportError("last_qty: more than cum_qty")


def _check_sense(report: ExecutionReport) -> None:
    """Check the fields against each other."""
    if (report.avg_px is None) != (report.cum_qty == 0):
        raise InvalidReportError("avg_px: a price if something was filled, else null")
    filled = report.status in (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
    if filled and not report.cum_qty:
        raise InvalidReportError(f"cum_qty: 0 though {report.status}")
    if report.status in (OrderStatus.NEW, OrderStatus.REJECTED) and report.cum_qty:
        raise InvalidReportError(f"cum_qty: not 0 though {report.status}")


def _order_id(content: Mapping[str, Any]) -> OrderId:
    text = _text(content, "client_order_id")
    if not is_id(text):
        raise InvalidReportError("client_order_id: not an id of ours")
    return OrderId(text)


def _status(content: Mapping[str, Any]) -> OrderStatus:
    value = content.get("status")
    if not isinstance(value, str) or value not in REPORTED:
        raise InvalidReportError("status: not one of " + ", ".join(sorted(REPORTED)))
    return OrderStatus(value)


def _count(content: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = content.get(name)
    # A bool is an int in Python.
    if type(value) is not int or not least <= value <= most:
        raise InvalidReportError(f"{name}: not a whole number from {least} to {most}")
    return value


def _optional_price(content: Mapping[str, Any], name: str) -> Decimal | None:
    value = content.get(name)
    if value is None:
        return None
    # The text of a double is the shortest that names it, so that a price comes out as it was written.
    price = Decimal(str(value)) if type(value) in (int, float) else Decimal("NaN")
    if not (price.is_finite() and 0 < price <= MAX_PRICE):
        raise InvalidReportError(f"{name}: not a number above 0, at most {MAX_PRICE:f}")
    if price != price.quantize(MICRO):
        raise InvalidReportError(f"{name}: more than 6 decimals")
    return price


def _moment(content: Mapping[str, Any], name: str) -> datetime:
    try:
        return parse_timestamp(_text(content, name))
    except ValueError:
        raise InvalidReportError(f"{name}: not a timestamp of RFC 3339") from None


def _text(content: Mapping[str, Any], name: str, most: int = MAX_TEXT) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise InvalidReportError(f"{name}: not a text of 1 to {most} characters")
    return value


def _optional_text(content: Mapping[str, Any], name: str, most: int = MAX_TEXT) -> str | None:
    return None if content.get(name) is None else _text(content, name, most)


def _flag(content: Mapping[str, Any], name: str) -> bool:
    value = content.get(name, False)
    if not isinstance(value, bool):
        raise InvalidReportError(f"{name}: neither true nor false")
    return value
