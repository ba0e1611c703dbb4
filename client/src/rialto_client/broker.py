"""What goes into the functions of the broker and what comes out. The rules for orders are the broker's to check."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Strict, computed_field

from rialto_client.models import Direction
from rialto_client.values import ExactPrice, PageRequest, PageResponse, Value

BrokerOrderId: TypeAlias = str
OrderType: TypeAlias = Literal["market", "limit"]


class OrderStatus(StrEnum):
    """Where an order stands (FIX 4.4, OrdStatus)."""

    PENDING_NEW = "PENDING_NEW"
    """Durable, not yet known to work at the exchange."""
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    """To be canceled; the exchange decides."""
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_pending(self) -> bool:
        """Whether an answer of the exchange is still owed."""
        return self in (OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL)

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


class BrokerOrderRequest(Value):
    """The order to place: at the market, or at ``limit_price`` or better. An instrument has 12 characters (an ISIN)."""

    side: Direction
    instrument: str
    quantity: Annotated[int, Strict()]
    # Goes out as text: a number would lose the digits that make it wrong.
    limit_price: Decimal | None = None

    @computed_field  # type: ignore[prop-decorator] # mypy supports no decorator upon a property.
    @property
    def type(self) -> OrderType:
        """What the limit makes of it."""
        return "market" if self.limit_price is None else "limit"


class BrokerOrder(Value):
    """An order of the broker. ``user``, ``strategy`` and ``signal_id`` are those of an order that a signal gave."""

    id: BrokerOrderId
    created_at: datetime
    type: OrderType
    side: Direction
    instrument: str
    limit_price: ExactPrice | None
    quantity: int
    status: OrderStatus
    cum_qty: int = 0
    leaves_qty: int | None = None
    avg_px: ExactPrice | None = None
    placed_at: datetime | None = None
    reject_reason: str | None = None
    user: str | None = None
    strategy: str | None = None
    signal_id: str | None = None


class BrokerOrderViewRequest(PageRequest):
    """A page of the broker's orders, of all or those with a status: then it may be short and still not the last."""

    status: OrderStatus | None = None


class BrokerOrderViewResponse(PageResponse):
    """A page of the broker's orders, newest first."""

    orders: list[BrokerOrder]


class TimelineEntry(Value):
    """A transition of an order, or an attempt to place it; ``latency_ms`` is the exchange's."""

    at: datetime
    cause: str
    status: OrderStatus
    attempt: int | None = None
    latency_ms: int | None = None


class Timeline(Value):
    """What became of an order: the last entries, oldest first, of the ``count`` that there ever were."""

    id: BrokerOrderId
    status: OrderStatus
    attempts: int
    count: int
    entries: list[TimelineEntry]
    next_attempt_at: datetime | None = None
    dead_lettered_at: datetime | None = None


class OrderChange(Value):
    """What a watcher learns of an order: how it stands now, and the steps since it was told of last.

    ``missed``: steps before ``entries`` that were not kept. ``cursor``: where another watch of the same orders goes on.
    """

    cursor: str
    order: BrokerOrder
    entries: list[TimelineEntry]
    missed: int


class WatchGap(Value):
    """What a watcher missed and cannot get any more: steps of an order, or orders if ``id`` is None.

    ``missed`` is how many, None where nobody can tell; ``detail`` says it in words.
    """

    id: BrokerOrderId | None
    missed: int | None
    detail: str


OrderEvent: TypeAlias = OrderChange | WatchGap
