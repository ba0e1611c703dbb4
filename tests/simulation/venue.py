"""The exchange's book of orders, its trading, and the session log of its execution reports."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from tests.simulation.faults import Faults
from tests.simulation.history import History, Reported, VenueEvent
from tests.simulation.scheduler import Scheduler

ReportContent = dict[str, Any]
MICRO = Decimal("0.000001")
PRICES = [Decimal("9.75"), Decimal(10), Decimal("10.01")]
STATUS = {
    "canceled": "CANCELED",
    "rejected": "REJECTED",
    "filled": "FILLED",
    "expired": "EXPIRED",
}


@dataclass(frozen=True)
class Answer:
    """What HttpExchange reads of an HTTP response."""

    status: int
    data: bytes


@dataclass
class VenueOrder:
    """An order as the exchange has it. ``traded``: the sum of quantity times price over its fills."""

    state: str
    quantity: int
    number: int
    order_seq: int = 0
    cum_qty: int = 0
    traded: Decimal = Decimal(0)
    last: ReportContent = field(default_factory=dict)
    """Its newest report."""

    @property
    def status(self) -> str:
        """What reports call its state."""
        return STATUS.get(self.state, "PARTIALLY_FILLED" if self.cum_qty else "NEW")

    @property
    def leaves_qty(self) -> int:
        """What may still be filled."""
        return self.quantity - self.cum_qty if self.state == "working" else 0

    @property
    def avg_px(self) -> Decimal | None:
        """The average price of the fills."""
        return (self.traded / self.cum_qty).quantize(MICRO) if self.cum_qty else None


class SessionLog:
    """The reports of a session, from 1; those before ``first`` are forgotten."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = 1
        self._reports: list[ReportContent] = []

    @property
    def session(self) -> str:
        """Its name."""
        return f"S{self.number}"

    @property
    def last(self) -> int:
        """The number of the newest report."""
        return len(self._reports)

    def append(self, report: ReportContent) -> None:
        """Put a report behind the others."""
        self._reports.append(report)

    def read(self, first: int, last: int) -> list[ReportContent]:
        """Return the reports from one number to another."""
        return self._reports[max(first, self.first) - 1 : last]

    def trim(self, keep: int) -> None:
        """Forget all but the last."""
        self.first = max(self.first, self.last - keep + 1)


class Venue:
    """The exchange's orders. Where it ``trades`` it fills some of them in parts, lets some expire, and reports."""

    def __init__(self, history: History, scheduler: Scheduler, faults: Faults, seed: int) -> None:
        self.orders: dict[str, VenueOrder] = {}
        self.trades = False
        self.log = SessionLog(1)
        self.watch: Callable[[], None] = lambda: None
        """Told of new reports."""
        self.now: Callable[[], datetime]
        self._terms: dict[str, Any] = {}
        self._history = history
        self._scheduler = scheduler
        self._faults = faults
        self._seed = seed
        self._dice = Random(f"{seed}/venue")
        self._reports = 0

    # --- What the broker asks for -------------------------------------------------------------------------------------

    def place(self, order_id: str, terms: Any, by: str, *, refuse: bool = False, fill: bool = False) -> Answer:
        """Accept or refuse a new order; a known id stays what it is."""
        if self._terms.setdefault(order_id, terms) != terms:
            return Answer(409, b'{"code": "conflicting_order"}')
        if order_id not in self.orders:
            order = self._add(order_id, "rejected" if refuse else "working", terms["quantity"])
            self._change(order_id, order.state, "refused" if refuse else "accepted", by)
            if not refuse and self.trades:
                self._plan(order_id, order)
            if fill and not refuse:
                self._fill(order_id, order.quantity, by)
        return self.describe(order_id)

    def cancel(self, order_id: str, by: str) -> Answer:
        """Cancel what works; an unknown id stays canceled when it arrives."""
        if order_id not in self.orders:
            self._add(order_id, "canceled", 0)
            self._history.venue.append(VenueEvent(self._history.step(), order_id, "called_off", by))
        elif self.orders[order_id].state == "working":
            self._change(order_id, "canceled", "canceled", by)
        return self.describe(order_id)

    def describe(self, order_id: str) -> Answer:
        """Return what it answers about an id."""
        order = self.orders.get(order_id)
        if order is None:
            return Answer(404, b'{"code": "unknown_order"}')
        content: dict[str, Any] = {"status": order.state}
        if self.trades:
            content |= {"order_seq": order.order_seq, "cum_qty": order.cum_qty, "leaves_qty": order.leaves_qty}
            content["avg_px"] = _number(order.avg_px)
        if order.state == "rejected":
            return Answer(422, json.dumps({**content, "reason": "not traded here"}).encode())
        return Answer(200, json.dumps(content).encode())

    def take(self, order_id: str, by: str) -> None:
        """Note an order that the given exchange took, which knows no ids: each time counts."""
        self._add(order_id, "working", 0)
        self._history.venue.append(VenueEvent(self._history.step(), order_id, "accepted", by))

    # --- Its sessions -------------------------------------------------------------------------------------------------

    def lose_session(self) -> None:
        """Begin another session: what was reported in the old one is told in snapshots only."""
        self.log = SessionLog(self.log.number + 1)

    def snapshot(self) -> list[ReportContent]:
        """Return the newest report of each order."""
        told = [order.last for order in self.orders.values() if order.order_seq]
        skipped = ("seq", "last_qty", "last_px")
        return [{**{n: v for n, v in one.items() if n not in skipped}, "snapshot": True} for one in told]

    # --- Trading ------------------------------------------------------------------------------------------------------

    def _add(self, order_id: str, state: str, quantity: int) -> VenueOrder:
        order = self.orders[order_id] = VenueOrder(state, quantity, len(self.orders) + 1)
        return order

    def _plan(self, order_id: str, order: VenueOrder) -> None:
        """Decide what the market will do with an order: nothing, fill it in parts, let the rest of it expire."""
        dice = Random(f"{self._seed}/market/{order_id}")
        way, slices = dice.random(), dice.randint(1, min(4, order.quantity))
        at, interval = dice.choice([0.0, 0.1, 1.0, 5.0]), dice.choice([0.02, 0.3, 2.0, 15.0])
        if way < 0.3:
            return
        sizes = [order.quantity * (at + 1) // slices - order.quantity * at // slices for at in range(slices)]
        for size in sizes if way < 0.7 else sizes[: dice.randrange(slices)]:
            self._scheduler.after(at, partial(self._fill, order_id, size, "the market"))
            at += interval * dice.uniform(0.5, 1.5)
        if way > 0.85:
            self._scheduler.after(at, partial(self._expire, order_id))

    def _fill(self, order_id: str, quantity: int, by: str) -> None:
        order = self.orders[order_id]
        quantity = min(quantity, order.leaves_qty)
        if not quantity:
            return
        price = Random(f"{self._seed}/price/{order_id}/{order.cum_qty}").choice(PRICES)
        is_last = quantity == order.leaves_qty
        order.cum_qty += quantity
        order.traded += quantity * price
        fill = {"last_qty": quantity, "last_px": _number(price)}
        self._change(order_id, "filled" if is_last else "working", "filled" if is_last else "traded", by, fill)

    def _expire(self, order_id: str) -> None:
        if self.orders[order_id].state == "working":
            self._change(order_id, "expired", "expired", "the market")

    # --- Reports ------------------------------------------------------------------------------------------------------

    def _change(self, order_id: str, state: str, event: str, by: str, fill: ReportContent | None = None) -> None:
        order = self.orders[order_id]
        order.state = state
        self._history.venue.append(VenueEvent(self._history.step(), order_id, event, by))
        if self.trades:
            order.order_seq += 1
            self._report(order_id, order, fill or {})
            if self._faults.draw(["exchange.poison_report"], self._dice, f"report {self._reports}"):
                self._append(self._poison(order.last, order), is_poison=True)
            self.watch()

    def _report(self, order_id: str, order: VenueOrder, fill: ReportContent) -> None:
        content = {
            "client_order_id": order_id,
            "exchange_order_id": f"X{order.number:08d}",
            "order_seq": order.order_seq,
            "status": order.status,
            "cum_qty": order.cum_qty,
            "leaves_qty": order.leaves_qty,
            "avg_px": _number(order.avg_px),
            "at": self.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
            **fill,
        }
        order.last = self._append(content | ({"reason": "not traded here"} if order.state == "rejected" else {}))

    def _poison(self, report: ReportContent, order: VenueOrder) -> ReportContent:
        """Return a report that can be true of no order, or is none, wherever the order stands."""
        more, nobody = order.quantity + 7, str(UUID(int=self._dice.getrandbits(128), version=4))
        return self._dice.choice(
            [
                {**report, "client_order_id": nobody},
                {**report, "client_order_id": nobody[::-1]},
                {**report, "status": "BROKEN"},
                {**report, "order_seq": 10**12},
                {**report, "status": "PARTIALLY_FILLED", "cum_qty": more, "leaves_qty": 0, "avg_px": 10.0},
                {**report, "status": "FILLED", "cum_qty": more, "leaves_qty": 0, "avg_px": 10.0},
                {**report, "cum_qty": "all"},
            ]
        )

    def _append(self, content: ReportContent, *, is_poison: bool = False) -> ReportContent:
        self._reports += 1
        seq, exec_id = self.log.last + 1, f"{'P' if is_poison else 'E'}{self._reports:08d}"
        report = {**content, "seq": seq, "exec_id": exec_id}
        self.log.append(report)
        self._history.reports.append(
            Reported(self._history.step(), self.log.session, seq, exec_id, None if is_poison else report)
        )
        return report


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
