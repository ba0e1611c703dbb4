"""The art market in DynamoDB: the only place of it that knows pynamodb.

Every change is conditional: an order is created once, leaves NEW once, and a trade takes two orders that are both NEW.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from chalicelib.core.dynamodb import bind_table, is_condition_failure
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.pagination import MORE, first_behind
from chalicelib.market.item import (
    SIDES,
    ArtworkItem,
    MarketOrderItem,
    OpenBookIndex,
    TradeItem,
    pack_order,
    unpack_order,
    unpack_transaction,
)
from chalicelib.market.order import (
    Artwork,
    ArtworkId,
    Direction,
    MarketOrder,
    MarketOrderId,
    Transaction,
    TransactionId,
    UserId,
)

LAST_TRANSACTIONS = 20
# Why an item canceled its transaction; an error of the same kind has another name.
_CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"


ScanPosition = dict[str, Any] | None
"""Where a scan goes on: DynamoDB's own key, None at the beginning and at the end."""


class OrderExistsError(Exception):
    """Raised when another request created an order with this id. ``existing`` is that order."""

    def __init__(self, existing: MarketOrder) -> None:
        super().__init__(existing.order_id)
        self.existing = existing


class OrderClosedError(Exception):
    """Raised when an order that is to be canceled is open no more. ``order`` tells what became of it."""

    def __init__(self, order: MarketOrder) -> None:
        super().__init__(order.order_id)
        self.order = order


class StaleBookError(Exception):
    """Raised when a trade's orders are not both open any more: the book has to be read again."""


class ConflictingWriteError(Exception):
    """Raised when another transaction was at one of the items at this moment. Try again after a pause."""


@dataclass(frozen=True)
class BookPage:
    """One side of a book, best first, and where to go on, None at its end."""

    orders: list[MarketOrder]
    next_key: dict[str, Any] | None


class MarketStore:
    """The tables ``market_orders``, ``trades`` and ``artworks``."""

    def __init__(self, orders: str, trades: str, artworks: str) -> None:
        self._orders = bind_table(MarketOrderItem, orders)
        self._trades = bind_table(TradeItem, trades)
        self._artworks = bind_table(ArtworkItem, artworks)

    def create(self, order: MarketOrder) -> None:
        """Put the order unless there is one with its id.

        Raises:
            OrderExistsError: if another request created it.
            ConflictingWriteError: if another request created it and a transaction is at it right now.
        """
        try:
            self._orders(**pack_order(order)).save(condition=MarketOrderItem.order_id.does_not_exist())
        except PutError as error:
            _raise_conflict(error, order.order_id)
            if not is_condition_failure(error):
                raise
            existing = self.get(order.artwork_id, order.order_id)
            if existing is None:
                raise
            # The same order of the same moment is this very request, whose first answer was lost.
            if replace(existing, status=order.status, transaction_id=order.transaction_id) != order:
                raise OrderExistsError(existing) from None

    def cancel(self, order: MarketOrder) -> None:
        """Take the order out of the market, if it is still open.

        Raises:
            OrderClosedError: if it was filled or canceled meanwhile.
            ConflictingWriteError: if a transaction is at it right now.
        """
        try:
            self._orders(str(order.artwork_id), order.order_id).update(
                actions=_closing_actions(OrderStatus.CANCELED),
                condition=MarketOrderItem.status == OrderStatus.NEW.value,
            )
        except UpdateError as error:
            _raise_conflict(error, order.order_id)
            if not is_condition_failure(error):
                raise
            current = self.get(order.artwork_id, order.order_id)
            if current is None:
                raise
            raise OrderClosedError(current) from None

    def commit(self, trade: Transaction) -> None:
        """Make the trade: both orders leave NEW and the transaction is there, or nothing of it.

        Raises:
            StaleBookError: if one of the orders is open no more, or the trade was made before.
            ConflictingWriteError: if another transaction is at one of them right now.
        """
        is_open = MarketOrderItem.status == OrderStatus.NEW.value
        closing = [*_closing_actions(OrderStatus.FILLED), MarketOrderItem.trade_id.set(trade.transaction_id)]
        book = str(trade.artwork_id)
        try:
            with TransactWrite(connection=self._orders._get_connection().connection) as write:
                write.update(self._orders(book, trade.buy_order_id), actions=list(closing), condition=is_open)
                write.update(self._orders(book, trade.sell_order_id), actions=list(closing), condition=is_open)
                write.save(_trade_item(self._trades, trade), condition=TradeItem.trade_id.does_not_exist())
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if _CONDITION_FAILED in codes:
                raise StaleBookError(trade.transaction_id) from None
            if _CONFLICT in codes:
                raise ConflictingWriteError(trade.transaction_id) from None
            raise

    def get(self, artwork_id: ArtworkId, order_id: MarketOrderId) -> MarketOrder | None:
        """Return the order, read consistently."""
        try:
            return unpack_order(self._orders.get(str(artwork_id), order_id, consistent_read=True))
        except self._orders.DoesNotExist:
            return None

    def get_transaction(self, artwork_id: ArtworkId, transaction_id: TransactionId) -> Transaction:
        """Return the transaction of a filled order: it was written together with the order's status."""
        return unpack_transaction(self._trades.get(str(artwork_id), transaction_id, consistent_read=True))

    def read_side(
        self, artwork_id: ArtworkId, side: Direction, limit: int, after: dict[str, Any] | None = None
    ) -> BookPage:
        """Return the best open orders of one side, read consistently."""
        rows = self._orders.open_book.query(
            str(artwork_id),
            range_key_condition=OpenBookIndex.rank.startswith(SIDES[side]),
            consistent_read=True,
            limit=limit,
            page_size=limit,
            last_evaluated_key=after,
        )
        orders = [unpack_order(row) for row in rows]
        return BookPage(orders, rows.last_evaluated_key)

    def last_transactions(self, artwork_id: ArtworkId) -> list[Transaction]:
        """Return the last transactions of an artwork, newest first."""
        rows = self._trades.query(str(artwork_id), scan_index_forward=False, limit=LAST_TRANSACTIONS)
        return [unpack_transaction(row) for row in rows]

    def transactions_of(self, user_id: UserId, limit: int, before: tuple[datetime, str] | None) -> list[Transaction]:
        """Return the transactions of a user as buyer and as seller, newest first, behind a position."""
        condition = None if before is None else TradeItem.executed_at <= before[0]
        found = [
            unpack_transaction(row)
            for index in (self._trades.by_buyer, self._trades.by_seller)
            for row in first_behind(
                index.query(user_id, condition, scan_index_forward=False, page_size=limit + MORE),
                lambda row: (row.executed_at, row.trade_id),
                before,
                limit,
                descending=True,
            )
        ]
        return sorted(found, key=lambda trade: (trade.executed_at, trade.transaction_id), reverse=True)[:limit]

    def scan_orders(self, limit: int, after: ScanPosition) -> tuple[list[MarketOrder], ScanPosition]:
        """Return a page of all orders that ever were, and where to go on."""
        rows = self._orders.scan(limit=limit, page_size=limit, last_evaluated_key=after)
        return [unpack_order(row) for row in rows], rows.last_evaluated_key

    def scan_transactions(self, limit: int, after: ScanPosition) -> tuple[list[Transaction], ScanPosition]:
        """Return a page of all transactions, and where to go on."""
        rows = self._trades.scan(limit=limit, page_size=limit, last_evaluated_key=after)
        return [unpack_transaction(row) for row in rows], rows.last_evaluated_key

    def get_many(self, keys: Sequence[tuple[ArtworkId, MarketOrderId]]) -> dict[str, MarketOrder]:
        """Return those of the orders that exist, read consistently, by id."""
        items = self._orders.batch_get([(str(book), order_id) for book, order_id in set(keys)], consistent_read=True)
        return {item.order_id: unpack_order(item) for item in items}

    def get_transactions(self, keys: Sequence[tuple[ArtworkId, TransactionId]]) -> dict[str, Transaction]:
        """Return those of the transactions that exist, read consistently, by id."""
        items = self._trades.batch_get([(str(book), trade_id) for book, trade_id in set(keys)], consistent_read=True)
        return {item.trade_id: unpack_transaction(item) for item in items}

    def put_artwork(self, artwork: Artwork) -> None:
        """Replace the details of an artwork."""
        self._artworks(
            artwork_id=str(artwork.artwork_id),
            title=artwork.title,
            artist=artwork.artist,
            description=artwork.description,
            image_url=artwork.image_url,
        ).save()

    def get_artworks(self, artwork_ids: Sequence[ArtworkId]) -> dict[ArtworkId, Artwork]:
        """Return the details of those artworks that have any."""
        items = self._artworks.batch_get(sorted({str(artwork_id) for artwork_id in artwork_ids}))
        artworks = (_unpack_artwork(item) for item in items)
        return {artwork.artwork_id: artwork for artwork in artworks}


def _raise_conflict(error: PynamoDBException, order_id: MarketOrderId) -> None:
    answer = getattr(error.cause, "response", None) or {}
    if answer.get("Error", {}).get("Code") == f"{_CONFLICT}Exception":
        raise ConflictingWriteError(order_id) from None


def _closing_actions(status: OrderStatus) -> list[Any]:
    """Return what takes an order out of every index of open orders."""
    return [
        MarketOrderItem.status.set(status.value),
        MarketOrderItem.rank.remove(),
        MarketOrderItem.open_user.remove(),
        MarketOrderItem.sale.remove(),
    ]


def _trade_item(table: type[TradeItem], trade: Transaction) -> TradeItem:
    return table(
        book=str(trade.artwork_id),
        trade_id=trade.transaction_id,
        price=trade.price,
        buy_order_id=trade.buy_order_id,
        sell_order_id=trade.sell_order_id,
        buyer=trade.buyer,
        seller=trade.seller,
        executed_at=trade.executed_at,
    )


def _unpack_artwork(item: ArtworkItem) -> Artwork:
    return Artwork(ArtworkId(int(item.artwork_id)), item.title, item.artist, item.description, item.image_url)
