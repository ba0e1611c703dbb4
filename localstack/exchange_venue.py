"""The exchange's book of orders: what it accepts, refuses and cancels. Values only: no I/O and no clock."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NewType, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

ClientOrderId = NewType("ClientOrderId", str)
OrderStatus = Literal["working", "canceled", "rejected", "filled"]

NOT_TRADED = "instrument is not traded here"


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
    """An order as the exchange sees it; its terms are unknown while it is only canceled in advance."""

    model_config = ConfigDict(frozen=True)

    client_order_id: ClientOrderId
    exchange_order_id: str | None = None
    status: OrderStatus
    accepted_at: AwareDatetime | None = None
    reason: str | None = None
    terms: OrderTerms | None = None


class Venue:
    """All orders of the exchange by client order id, in the order in which the ids became known."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, Order] = {}
        self._accepted = 0

    def restore(self, order: Order) -> None:
        """Take over an order in the state in which it was recorded."""
        known = self._orders.get(order.client_order_id)
        if known is None and order.exchange_order_id is not None:
            self._accepted += 1
        self._orders[order.client_order_id] = order

    def find(self, client_order_id: ClientOrderId) -> Order | None:
        """Return the order with this id, None if the exchange has not heard of it."""
        return self._orders.get(client_order_id)

    def orders(self) -> tuple[Order, ...]:
        """Return every known order, accepted ones in order of acceptance."""
        return tuple(self._orders.values())

    def place(
        self, client_order_id: ClientOrderId, terms: OrderTerms, now: datetime, not_traded: Collection[str]
    ) -> Order:
        """Accept or refuse a new order; return a known one as it stands.

        Raises:
            ConflictingOrderError: if the id is known with other terms.
        """
        known = self._orders.get(client_order_id)
        if known is None:
            return self._keep(self._decide(client_order_id, terms, now, not_traded))
        if known.terms is None:  # It was canceled before it arrived: it stays so.
            return self._keep(known.model_copy(update={"terms": terms}))
        if known.terms != terms:
            raise ConflictingOrderError("this client order id belongs to an order with other content")
        return known

    def cancel(self, client_order_id: ClientOrderId) -> Order:
        """Cancel the order unless it is final already; an unknown id is canceled in advance."""
        known = self._orders.get(client_order_id)
        if known is None:
            return self._keep(Order(client_order_id=client_order_id, status="canceled"))
        if known.status == "working":
            return self._keep(known.model_copy(update={"status": "canceled"}))
        return known

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

    def _keep(self, order: Order) -> Order:
        self._orders[order.client_order_id] = order
        return order
