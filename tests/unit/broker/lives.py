"""The lives of orders at an exchange, by Hypothesis: every report of one, as the exchange makes them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from chalicelib.broker.execution import ExecutionReport
from chalicelib.broker.order import Order
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.fakes.clock import START

ENDS = [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED]


def report_of(order: Order, order_seq: int, status: OrderStatus, cum_qty: int = 0, **fields: Any) -> ExecutionReport:
    """Return a report of the order; the average price is that of its limit."""
    report = ExecutionReport(
        order_id=order.order_id,
        order_seq=order_seq,
        status=status,
        cum_qty=cum_qty,
        avg_px=Decimal("10.25") if cum_qty else None,
        at=START + timedelta(seconds=order_seq),
        exec_id=f"E{order_seq}",
    )
    return replace(report, **fields)


@st.composite
def lives(draw: st.DrawFn, order: Order, longest: int = 16) -> list[ExecutionReport]:
    """Draw the life of an order: acknowledged, filled in parts, ended in one of the ways or not yet; or rejected."""
    if draw(st.integers(0, 9)) == 0:
        return [report_of(order, 1, OrderStatus.REJECTED, reason="not traded")]
    end = draw(st.none() | st.sampled_from(ENDS))
    parts = draw(st.lists(st.integers(1, order.quantity - 1), unique=True, max_size=longest - 2).map(sorted))
    life = [report_of(order, 1, OrderStatus.NEW)]
    for cum_qty in parts:
        price = draw(st.decimals("0.000001", 10**6, places=6))
        life.append(report_of(order, len(life) + 1, OrderStatus.PARTIALLY_FILLED, cum_qty, avg_px=price))
    if end is not None:
        filled = order.quantity if end is OrderStatus.FILLED else life[-1].cum_qty
        life.append(report_of(order, len(life) + 1, end, filled))
    return life


def as_snapshot(report: ExecutionReport) -> ExecutionReport:
    """Return the report as a snapshot tells it."""
    return replace(report, snapshot=True, exec_id=None)


@st.composite
def deliveries(draw: st.DrawFn, life: list[ExecutionReport]) -> list[list[ExecutionReport]]:
    """Draw a way in which all of a life arrives: any order, any batches, some of it twice, snapshots mixed in."""
    twice = draw(st.lists(st.sampled_from(life), max_size=8))
    snapshots = draw(st.lists(st.sampled_from(life).map(as_snapshot), max_size=3))
    arriving = draw(st.permutations([*life, *twice, *snapshots]))
    cuts = sorted(draw(st.sets(st.integers(1, len(arriving)), max_size=6)))
    return [arriving[start:end] for start, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True) if start < end]
