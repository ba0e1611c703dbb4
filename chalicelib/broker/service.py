"""The use cases of the broker. Each takes what it needs as arguments."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.broker.models import OrderRequest
from chalicelib.broker.order import Order, OrderId, Side
from chalicelib.broker.placement import (
    CancelUnsupportedError,
    FinalOrderError,
    SignalOrderError,
    accept,
    request_cancel,
)
from chalicelib.broker.store import OrderExistsError, OrderStore, Position, StaleOrderError
from chalicelib.broker.watch import MOST_WATCHED, Change, find_changes
from chalicelib.broker.watch_cursor import decode_marks
from chalicelib.core.clock import Clock
from chalicelib.core.errors import BusyError, ConflictError, KeyReusedError, NotFoundError
from chalicelib.core.idempotency import id_for
from chalicelib.core.ids import is_id
from chalicelib.core.lifecycle import FINAL, OrderStatus

TRIES = 5
"""Times that a change is decided anew when others change the same order meanwhile."""
MAX_LOOKED_AT = 500
"""Orders that one page of a filtered list looks at, at most."""
MOST_NAMED = 5
"""Unknown orders that a sentence names; the problem's ``ids`` has them all."""


@dataclass(frozen=True)
class Submission:
    """What came of a submit. ``replayed``: the key had been used, and this is the first request's order."""

    order: Order
    replayed: bool


@dataclass(frozen=True)
class Watched:
    """What a watcher has to learn. ``scope`` is what its cursors belong to; ``settled``: all it watches is final."""

    changes: list[Change]
    scope: str
    settled: bool


@dataclass(frozen=True)
class SignalTerms:
    """What a signal orders for one user. ``after`` is the order that opened the position, if this one closes it."""

    user: str
    strategy: str
    signal_id: str
    side: Side
    instrument: str
    quantity: int
    after: OrderId | None = None


def submit_order(store: OrderStore, request: OrderRequest, key: str | None, clock: Clock) -> Submission:
    """Store the order; from then on its placement is guaranteed. One conditional write, no other call.

    Raises:
        KeyReusedError: if the key was used with another body.
    """
    order = accept(
        Order(
            order_id=OrderId(id_for("broker", key)),
            created_at=clock(),
            type=request.type,
            side=request.side,
            instrument=request.instrument,
            limit_price=request.limit_price,
            quantity=request.quantity,
        )
    )
    try:
        store.create(order)
    except OrderExistsError as error:
        if _terms(error.existing) != _terms(order):
            raise KeyReusedError("This Idempotency-Key was used before, with another order.") from None
        return Submission(error.existing, replayed=True)
    return Submission(order, replayed=False)


def signal_order(order_id: OrderId, created_at: datetime, terms: SignalTerms) -> Order:
    """Return the market order of a signal as it is accepted, for a transaction of the caller to store."""
    return accept(
        Order(
            order_id=order_id,
            created_at=created_at,
            type="market",
            side=terms.side,
            instrument=terms.instrument,
            limit_price=None,
            quantity=terms.quantity,
            user=terms.user,
            strategy=terms.strategy,
            signal_id=terms.signal_id,
            after=terms.after,
        )
    )


def view_order(store: OrderStore, order_id: str) -> Order:
    """Return the order.

    Raises:
        NotFoundError: if there is none with this id.
    """
    order = store.get(OrderId(order_id)) if is_id(order_id) else None
    if order is None:
        raise NotFoundError(f"There is no order {order_id[:64]!r}.", code="unknown_order")
    return order


def list_orders(
    store: OrderStore, limit: int, after: Position | None, status: OrderStatus | None
) -> tuple[list[Order], Position | None]:
    """Return up to ``limit`` orders, newest first, and the position to go on from, None at the end.

    With a status a page may be short, or even empty, while there is still a position to go on from.
    """
    found: list[Order] = []
    looked_at = 0
    while True:
        positions = store.list_newest(limit, after)
        orders = store.get_many([position.order_id for position in positions])
        for position in positions:
            after = position
            order = orders.get(position.order_id)
            if order is not None and status in (None, order.status):
                found.append(order)
            if len(found) == limit:
                return found, after
        looked_at += len(positions)
        if len(positions) < limit:
            return found, None
        if looked_at >= MAX_LOOKED_AT:
            return found, after


def watch_orders(
    store: OrderStore, order_ids: Collection[str] | None, cursor: str | None, most: int = MOST_WATCHED
) -> Watched:
    """Return what changed since the cursor of the orders, or of the ``most`` newest ones if none are named.

    The reads are eventually consistent: what is older than the cursor is left out, and comes with a later call.

    Raises:
        InvalidCursorError: if the cursor is broken or belongs to other orders.
        NotFoundError: if any of the orders does not exist; ``ids`` names those.
    """
    # The same orders are the same watch, however they are put.
    scope = "newest" if order_ids is None else ",".join(sorted(set(order_ids)))
    marks = {} if cursor is None else decode_marks(scope, cursor)
    if order_ids is None:
        newest = (position.order_id for position in store.list_newest(most, None))
        orders = _read_orders(store, {*newest, *marks})
    else:
        orders = _read_orders(store, {OrderId(order_id) for order_id in order_ids if is_id(order_id)})
        _require_all(order_ids, orders)
    settled = all(order.status in FINAL for order in orders.values())
    return Watched(list(find_changes(list(orders.values()), marks, most)), scope, settled)


def cancel_order(store: OrderStore, order_id: str, clock: Clock, *, can_cancel: bool) -> Order:
    """Cancel the order, or have the exchange asked to.

    Raises:
        NotFoundError: if there is no such order.
        ConflictError: if it is final, belongs to a signal, or was sent to an exchange that cannot cancel.
        BusyError: if others keep changing it.
    """
    try:
        return _change(store, order_id, lambda order: request_cancel(order, clock(), can_cancel=can_cancel))
    except FinalOrderError as error:
        status = str(error)
        detail = f"The order is {status} and cannot be canceled any more."
        raise ConflictError(detail, code="order_final", order_status=status) from None
    except SignalOrderError:
        detail = "The order belongs to a signal: its position is closed by a SELL signal, not by canceling."
        raise ConflictError(detail, code="signal_order") from None
    except CancelUnsupportedError:
        detail = "The order may be at the exchange, and this exchange cannot cancel."
        raise ConflictError(detail, code="cancel_unsupported") from None


def _change(store: OrderStore, order_id: str, decide: Callable[[Order], Order]) -> Order:
    for _ in range(TRIES):
        order = view_order(store, order_id)
        changed = decide(order)
        if changed is order:
            return order
        try:
            return store.save(changed)
        except StaleOrderError:
            continue
    raise BusyError("The order is being changed by others. Nothing was changed; try again.")


def _read_orders(store: OrderStore, order_ids: Collection[OrderId]) -> dict[OrderId, Order]:
    """Return those of the orders that exist. What an eventually consistent read does not know is asked for again."""
    orders = store.get_many(list(order_ids))
    missing = [order_id for order_id in order_ids if order_id not in orders]
    return {**orders, **store.get_many(missing, consistent=True)} if missing else orders


def _require_all(order_ids: Iterable[str], orders: Collection[str]) -> None:
    unknown = [order_id[:64] for order_id in dict.fromkeys(order_ids) if order_id not in orders]
    if unknown:
        named = ", ".join(map(repr, unknown[:MOST_NAMED]))
        more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
        raise NotFoundError(f"There are no orders {named}{more}.", code="unknown_orders", ids=unknown)


def _terms(order: Order) -> tuple[object, ...]:
    """Return what a client asked for: equal terms under one key are the same request."""
    return order.type, order.side, order.instrument, order.limit_price, order.quantity
