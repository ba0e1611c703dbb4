"""The use cases of the art market. Each takes what it needs as arguments."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.core.clock import Clock, wait
from chalicelib.core.errors import BusyError, ConflictError, KeyReusedError, NotFoundError
from chalicelib.core.idempotency import id_for
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.market.models import OrderRequest, order_answer
from chalicelib.market.order import (
    ArtworkId,
    MarketOrder,
    MarketOrderId,
    Transaction,
    UserId,
    artwork_of,
    make_order_id,
)
from chalicelib.market.store import ConflictingWriteError, MarketStore, OrderClosedError, OrderExistsError

if TYPE_CHECKING:
    from chalicelib.market import answers

TRIES = 5
"""Times that a write is tried while a match is at the same order."""
BOOK_DEPTH = 50
"""Orders of each side that an artwork's page shows."""


@dataclass(frozen=True)
class Submission:
    """What came of a submit. ``replayed``: the key had been used, and this is the first request's order."""

    order: MarketOrder
    replayed: bool


@dataclass(frozen=True)
class Depth:
    """The book of an artwork, best first, and its last transactions, newest first."""

    asks: list[MarketOrder]
    bids: list[MarketOrder]
    last_transactions: list[Transaction]


def submit_order(
    store: MarketStore,
    request: OrderRequest,
    key: str | None,
    clock: Clock,
    pause: Callable[[float], None] = wait,
) -> Submission:
    """Put the order into its book; the stream matches it. One conditional write.

    A key's scope is the user and the artwork.

    Raises:
        KeyReusedError: if the key was used with another order.
        BusyError: if matches keep holding the order that the key was used for.
    """
    artwork_id = ArtworkId(request.artwork_id)
    unique = id_for(f"market:{request.user_id}:{artwork_id}", key)
    order = MarketOrder(
        order_id=make_order_id(artwork_id, unique),
        artwork_id=artwork_id,
        user_id=UserId(request.user_id),
        direction=request.direction,
        price=request.price,
        created_at=clock(),
    )
    try:
        _write(lambda: store.create(order), pause)
    except OrderExistsError as error:
        first = error.existing
        if (first.direction, first.price) != (order.direction, order.price):
            raise KeyReusedError("This Idempotency-Key was used before, with another order.") from None
        return Submission(first, replayed=True)
    return Submission(order, replayed=False)


def first_answer(order: MarketOrder) -> "answers.MarketOrder":
    """Return the 201 body: the order as it was submitted, whatever became of it since."""
    return order_answer(replace(order, status=OrderStatus.NEW))


def view_order(store: MarketStore, order_id: str) -> tuple[MarketOrder, Transaction | None]:
    """Return the order, and its transaction once it is filled.

    Raises:
        NotFoundError: if there is none with this id.
    """
    order = _find(store, order_id)
    if order.transaction_id is None:
        return order, None
    return order, store.get_transaction(order.artwork_id, order.transaction_id)


def cancel_order(store: MarketStore, order_id: str, pause: Callable[[float], None] = wait) -> None:
    """Take the order out of the market. Canceling it again changes nothing.

    Raises:
        NotFoundError: if there is none with this id.
        ConflictError: if it was filled: the trade won.
        BusyError: if matches keep holding it.
    """
    order = _find(store, order_id)
    try:
        if order.status is OrderStatus.NEW:
            _write(lambda: store.cancel(order), pause)
    except OrderClosedError as error:
        order = error.order
    if order.status is OrderStatus.FILLED:
        detail = "The order was filled and cannot be canceled any more."
        raise ConflictError(detail, code="order_filled", is_canceled=False)


def view_book(store: MarketStore, artwork_id: ArtworkId) -> Depth:
    """Return the artwork's book with its last transactions: empty for an artwork that nobody offered."""
    return Depth(
        store.read_side(artwork_id, "sell", BOOK_DEPTH).orders,
        store.read_side(artwork_id, "buy", BOOK_DEPTH).orders,
        store.last_transactions(artwork_id),
    )


def _write(write: Callable[[], None], pause: Callable[[float], None]) -> None:
    for attempt in range(TRIES):
        try:
            return write()
        except ConflictingWriteError:
            pause(0.02 * 2**attempt * (0.5 + random.random() / 2))  # noqa: S311 - it spreads, it hides nothing
    raise BusyError("The order is being matched. Nothing was changed; try again.")


def _find(store: MarketStore, order_id: str) -> MarketOrder:
    artwork_id = artwork_of(order_id)
    order = None if artwork_id is None else store.get(artwork_id, MarketOrderId(order_id))
    if order is None:
        raise NotFoundError(f"There is no order {order_id[:64]!r}.", code="unknown_order")
    return order
