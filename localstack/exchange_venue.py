"""The exchange's book of orders: what it accepts, refuses, fills and cancels. Values only: no I/O and no clock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NewType, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

ClientOrderId = NewType("ClientOrderId", str)
OrderStatus = Literal["working", "canceled", "rejected", "filled", "expired"]

NOT_TRADED = "instrument is not traded here"
MILLIONTH = Decimal("0.000001")


class ConflictingOrderError(Exception):
    """Raised when a client order id comes again with other terms."""


def _read_price(value: object) -> Decimal:
    # Numeric strings and booleans are no prices, though pydantic would take the former.
    if type(value) in (int, float, Decimal):
        return Decimal(str(value))
    raise ValueError("a price is a number")


# Up to 15 digits a decimal survives the way through a JSON number and back.
Price = Annotated[
    Decimal,
    BeforeValidator(_read_price),
    Field(gt=0, max_digits=15),
    PlainSerializer(float, when_used="json"),
]


class OrderTerms(BaseModel):
    """What a client asks for. Equal terms under one id are the same order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    type: Literal["market", "limit"]
    side: Literal["buy", "sell"]
    instrument: str = Field(min_length=1)
    quantity: int = Field(gt=0)
    limit_price: Price | None = None

    @model_validator(mode="after")
    def _price_fits_type(self) -> Self:
        if self.type == "limit" and self.limit_price is None:
            raise ValueError("a limit order needs a limit_price")
        if self.type == "market" and self.limit_price is not None:
            raise ValueError("a market order has no limit_price")
        return self


class Order(BaseModel):
    """An order as the exchange sees it; its terms are unknown while it is only canceled in advance.

    ``order_seq`` counts its execution reports, ``report_seq`` is the newest one's number in the session, ``traded`` the
    sum of quantity times price over its fills: exact, as an average is not.
    """

    model_config = ConfigDict(frozen=True)

    client_order_id: ClientOrderId
    exchange_order_id: str | None = None
    status: OrderStatus
    accepted_at: AwareDatetime | None = None
    reason: str | None = None
    terms: OrderTerms | None = None
    order_seq: int = 0
    report_seq: int = 0
    reported_at: AwareDatetime | None = None
    cum_qty: int = 0
    traded: Decimal = Decimal(0)

    @property
    def leaves_qty(self) -> int:
        """What may still be filled: nothing once the order is final (FIX 4.4, LeavesQty)."""
        return self.terms.quantity - self.cum_qty if self.terms and self.status == "working" else 0

    @property
    def avg_px(self) -> Decimal | None:
        """The average price of the fills, None before the first."""
        return (self.traded / self.cum_qty).quantize(MILLIONTH) if self.cum_qty else None


@dataclass(frozen=True)
class Fill:
    """A part of an order that was traded."""

    quantity: int
    price: Decimal


@dataclass(frozen=True)
class Report:
    """An execution report: how the order stands with it, and the fill that it tells of."""

    order: Order
    fill: Fill | None = None


@dataclass(frozen=True)
class Change:
    """What became of an order, and the reports that tell of it; no reports where nothing changed at the exchange."""

    order: Order
    reports: tuple[Report, ...] = ()


class Venue:
    """All orders of the exchange by client order id, in the order in which the ids became known."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, Order] = {}
        self._accepted = 0
        self._last_seq = 0

    def restore(self, order: Order) -> None:
        """Take over an order in the state in which it was recorded."""
        known = self._orders.get(order.client_order_id)
        if order.exchange_order_id is not None and (known is None or known.exchange_order_id is None):
            self._accepted += 1
        self._orders[order.client_order_id] = order

    def go_on_behind(self, report_seq: int) -> None:
        """Give the next report the number that follows."""
        self._last_seq = report_seq

    def find(self, client_order_id: ClientOrderId) -> Order | None:
        """Return the order with this id, None if the exchange has not heard of it."""
        return self._orders.get(client_order_id)

    def orders(self) -> tuple[Order, ...]:
        """Return every known order, accepted ones in order of acceptance."""
        return tuple(self._orders.values())

    def place(
        self, client_order_id: ClientOrderId, terms: OrderTerms, now: datetime, not_traded: Collection[str]
    ) -> Change:
        """Accept or refuse a new order; return a known one as it stands.

        Raises:
            ConflictingOrderError: if the id is known with other terms.
        """
        known = self._orders.get(client_order_id)
        if known is None:
            return self._report(self._decide(client_order_id, terms, now, not_traded), now)
        if known.terms is None:  # It was canceled before it arrived: it stays so.
            return Change(self._keep(known.model_copy(update={"terms": terms})))
        if known.terms != terms:
            raise ConflictingOrderError("this client order id belongs to an order with other content")
        return Change(known)

    def cancel(self, client_order_id: ClientOrderId, now: datetime) -> Change:
        """Cancel the order unless it is final already; an unknown id is canceled in advance."""
        if client_order_id not in self._orders:
            return Change(self._keep(Order(client_order_id=client_order_id, status="canceled")))
        return self._end(client_order_id, "canceled", now)

    def expire(self, client_order_id: ClientOrderId, now: datetime) -> Change:
        """End the order's time unless it is final already."""
        return self._end(client_order_id, "expired", now)

    def fill(self, client_order_id: ClientOrderId, fills: Sequence[Fill], now: datetime) -> Change:
        """Trade parts of the order one by one, never more than it asks for, and nothing of one that is final."""
        order, reports = self._orders[client_order_id], list[Report]()
        for fill in fills:
            if not 0 < fill.quantity <= order.leaves_qty:
                break
            report = self._report(_filled(order, fill), now, fill).reports[0]
            order = report.order
            reports.append(report)
        return Change(order, tuple(reports))

    def _decide(
        self, client_order_id: ClientOrderId, terms: OrderTerms, now: datetime, not_traded: Collection[str]
    ) -> Order:
        if terms.instrument in not_traded:
            return Order(client_order_id=client_order_id, status="rejected", reason=NOT_TRADED, terms=terms)
        self._accepted += 1
        return Order(
            client_order_id=client_order_id,
            exchange_order_id=f"X{self._accepted:08d}",
            status="working",
            accepted_at=now,
            terms=terms,
        )

    def _end(self, client_order_id: ClientOrderId, status: OrderStatus, now: datetime) -> Change:
        known = self._orders[client_order_id]
        if known.status != "working":
            return Change(known)
        return self._report(known.model_copy(update={"status": status}), now)

    def _report(self, order: Order, now: datetime, fill: Fill | None = None) -> Change:
        self._last_seq += 1
        numbers = {"order_seq": order.order_seq + 1, "report_seq": self._last_seq, "reported_at": now}
        reported = self._keep(order.model_copy(update=numbers))
        return Change(reported, (Report(reported, fill),))

    def _keep(self, order: Order) -> Order:
        self._orders[order.client_order_id] = order
        return order


def _filled(order: Order, fill: Fill) -> Order:
    cum_qty = order.cum_qty + fill.quantity
    status = "working" if fill.quantity < order.leaves_qty else "filled"
    traded = order.traded + fill.quantity * fill.price
    return order.model_copy(update={"cum_qty": cum_qty, "traded": traded, "status": status})
