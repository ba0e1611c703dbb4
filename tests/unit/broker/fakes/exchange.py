"""An exchange that honours client order ids, reports, and misbehaves as it is told, call by call."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from chalicelib.broker.exchange import VenueAnswer
from chalicelib.broker.execution import ExecutionReport
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.fakes.clock import START
from tests.unit.broker.fakes.faults import Hook, nothing

REFUSAL = "instrument is not traded here"
PRICE = Decimal("10.25")


class Mode(StrEnum):
    """What happens to a call."""

    NORMAL = "normal"
    REFUSE = "refuse"
    """A new order is rejected."""
    DOWN = "down"
    """It says that it takes nothing."""
    LOST_BEFORE = "lost_before"
    """No answer, and the call never takes effect."""
    LOST_AFTER = "lost_after"
    """No answer, but the call took effect."""
    LATE = "late"
    """No answer; the call takes effect when ``let_late_arrive`` is called."""


class Venue:
    """What the exchange knows: the state of every client order id, and how often each order became live."""

    def __init__(self) -> None:
        self.states: dict[OrderId, Answer] = {}
        self.acceptances: dict[OrderId, int] = {}
        self.place_calls: list[OrderId] = []
        self.mode = Mode.NORMAL
        self.script: deque[Mode] = deque()
        self.late: list[Callable[[], VenueAnswer]] = []
        self.reports: dict[OrderId, list[ExecutionReport]] = {}
        self.refuses_cancels = False

    def next_mode(self) -> Mode:
        """Return what happens to the next call: as scripted, then by the mode."""
        return self.script.popleft() if self.script else self.mode

    def let_late_arrive(self, at: int = 0) -> None:
        """Let a call take effect whose caller has long given up."""
        if self.late:
            self.late.pop(at % len(self.late))()

    def place(self, order_id: OrderId, *, refuse: bool = False) -> VenueAnswer:
        """Accept an order with a new id; a known one stays as it is."""
        if order_id not in self.states:
            self.states[order_id] = Answer.REJECTED if refuse else Answer.WORKING
            self.acceptances[order_id] = self.acceptances.get(order_id, 0) + (not refuse)
            self._report(order_id, OrderStatus.REJECTED if refuse else OrderStatus.NEW, 0)
        return self.describe(order_id)

    def cancel(self, order_id: OrderId) -> VenueAnswer:
        """Cancel a working order; an unknown id stays canceled when it arrives later."""
        if order_id not in self.states:
            self.states[order_id] = Answer.CANCELED
        elif self.states[order_id] is Answer.WORKING and not self.refuses_cancels:
            self.end(order_id, Answer.CANCELED)
        return self.describe(order_id)

    def fill(self, order_id: OrderId, cum_qty: int, quantity: int) -> None:
        """Let so much of a working order be filled in all."""
        if cum_qty == quantity:
            self.states[order_id] = Answer.FILLED
        self._report(order_id, OrderStatus.FILLED if cum_qty == quantity else OrderStatus.PARTIALLY_FILLED, cum_qty)

    def end(self, order_id: OrderId, state: Answer) -> None:
        """End a working order: canceled or expired."""
        self.states[order_id] = state
        self._report(order_id, OrderStatus(state.value.upper()), self.reports[order_id][-1].cum_qty)

    def describe(self, order_id: OrderId) -> VenueAnswer:
        """Return what it would answer for a known id."""
        state = self.states[order_id]
        reports = self.reports.get(order_id)
        standing = replace(reports[-1], snapshot=True, at=None) if reports else None
        return VenueAnswer(state, REFUSAL if state is Answer.REJECTED else None, standing)

    def _report(self, order_id: OrderId, status: OrderStatus, cum_qty: int) -> None:
        reports = self.reports.setdefault(order_id, [])
        at = START + timedelta(seconds=len(reports))
        reason = REFUSAL if status is OrderStatus.REJECTED else None
        price = PRICE if cum_qty else None
        reports.append(ExecutionReport(order_id, len(reports) + 1, status, cum_qty, price, at=at, reason=reason))


class FakeExchange:
    """The Exchange of one caller, whose calls pass the hook."""

    can_cancel = True
    can_find = True

    def __init__(self, venue: Venue, hook: Hook = nothing) -> None:
        self.venue = venue
        self._hook = hook

    def place(self, order: Order) -> VenueAnswer:
        self.venue.place_calls.append(order.order_id)
        mode = self.venue.next_mode()
        return self._call("place", mode, lambda: self.venue.place(order.order_id, refuse=mode is Mode.REFUSE))

    def cancel(self, order: Order) -> VenueAnswer:
        return self._call("cancel", self.venue.next_mode(), lambda: self.venue.cancel(order.order_id))

    def find(self, order: Order) -> VenueAnswer | None:
        mode = self.venue.next_mode()
        if mode in (Mode.NORMAL, Mode.REFUSE):
            self._hook("before find")
            return self.venue.describe(order.order_id) if order.order_id in self.venue.states else None
        return self._call("find", Mode.DOWN if mode is Mode.DOWN else Mode.LOST_BEFORE, _nothing_found)

    def _call(self, name: str, mode: Mode, act: Callable[[], VenueAnswer]) -> VenueAnswer:
        self._hook(f"before {name}")
        if mode is Mode.DOWN:
            return VenueAnswer(Answer.UNAVAILABLE, "the exchange is down and took nothing")
        if mode is Mode.LATE:
            self.venue.late.append(act)
            return VenueAnswer(Answer.UNKNOWN, "ReadTimeoutError")
        if mode is Mode.LOST_BEFORE:
            return VenueAnswer(Answer.UNKNOWN, "ProtocolError")
        answer = act()
        self._hook(f"after {name}")
        return VenueAnswer(Answer.UNKNOWN, "ReadTimeoutError") if mode is Mode.LOST_AFTER else answer


def _nothing_found() -> VenueAnswer:
    return VenueAnswer(Answer.UNKNOWN)
