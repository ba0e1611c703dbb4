"""The DynamoDB items of the art market and their sparse indexes."""

from decimal import Decimal
from typing import Any, ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model

from chalicelib.core.clock import format_timestamp
from chalicelib.core.dynamodb import DecimalAttribute, TimestampAttribute
from chalicelib.core.ids import shard_of
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import MAX_PRICE
from chalicelib.market.order import ArtworkId, Direction, MarketOrder, MarketOrderId, Transaction, TransactionId, UserId

SHARDS = 8
"""Keys over which the two indexes of works for sale spread: 8,000 new or gone sell orders a second."""
_PRICE_DIGITS = 15
SIDES: dict[Direction, str] = {"sell": "A", "buy": "B"}
"""The first letter of a rank: asks before bids."""


class OpenBookIndex(LocalSecondaryIndex[Any]):
    """Sparse: the open orders of an artwork, asks and bids each best first. Can be read consistently."""

    class Meta:
        """Names the index."""

        index_name = "open_book"
        projection = IncludeProjection(["user_id", "price", "created_at", "side"])

    book = UnicodeAttribute(hash_key=True)
    rank = UnicodeAttribute(range_key=True)


class OpenByUserIndex(GlobalSecondaryIndex[Any]):
    """Sparse: the open orders of a user by time; all of it is everybody's open orders."""

    class Meta:
        """Names the index."""

        index_name = "open_by_user"
        projection = IncludeProjection(["user_id", "price", "side"])

    open_user = NumberAttribute(hash_key=True)
    created_at = TimestampAttribute(range_key=True)


class SaleNewestIndex(GlobalSecondaryIndex[Any]):
    """Sparse: open sell orders by time."""

    class Meta:
        """Names the index."""

        index_name = "sale_newest"
        projection = IncludeProjection(["user_id", "price", "side"])

    sale = UnicodeAttribute(hash_key=True)
    created_at = TimestampAttribute(range_key=True)


class SalePriceIndex(GlobalSecondaryIndex[Any]):
    """Sparse: open sell orders by price, then time."""

    class Meta:
        """Names the index."""

        index_name = "sale_price"
        projection = IncludeProjection(["user_id", "price", "created_at", "side"])

    sale = UnicodeAttribute(hash_key=True)
    rank = UnicodeAttribute(range_key=True)


class MarketOrderItem(Model):
    """The item of an order. ``rank``, ``open_user`` and ``sale`` are there while it is open."""

    book = UnicodeAttribute(hash_key=True)
    order_id = UnicodeAttribute(range_key=True)
    user_id = NumberAttribute()
    side = UnicodeAttribute()
    price = DecimalAttribute()
    created_at = TimestampAttribute()
    status = UnicodeAttribute()
    rank = UnicodeAttribute(null=True)
    open_user = NumberAttribute(null=True)
    sale = UnicodeAttribute(null=True)
    trade_id = UnicodeAttribute(null=True)

    open_book: ClassVar = OpenBookIndex()
    open_by_user: ClassVar = OpenByUserIndex()
    sale_newest: ClassVar = SaleNewestIndex()
    sale_price: ClassVar = SalePriceIndex()


class BuyerIndex(GlobalSecondaryIndex[Any]):
    """The purchases of a user by time."""

    class Meta:
        """Names the index."""

        index_name = "buyer"
        projection = AllProjection()

    buyer = NumberAttribute(hash_key=True)
    executed_at = TimestampAttribute(range_key=True)


class SellerIndex(GlobalSecondaryIndex[Any]):
    """The sales of a user by time."""

    class Meta:
        """Names the index."""

        index_name = "seller"
        projection = AllProjection()

    seller = NumberAttribute(hash_key=True)
    executed_at = TimestampAttribute(range_key=True)


class TradeItem(Model):
    """The item of a transaction. A match that is replayed writes the same key."""

    book = UnicodeAttribute(hash_key=True)
    trade_id = UnicodeAttribute(range_key=True)
    price = DecimalAttribute()
    buy_order_id = UnicodeAttribute()
    sell_order_id = UnicodeAttribute()
    buyer = NumberAttribute()
    seller = NumberAttribute()
    executed_at = TimestampAttribute()

    by_buyer: ClassVar = BuyerIndex()
    by_seller: ClassVar = SellerIndex()


class ArtworkItem(Model):
    """The item of an artwork's details."""

    artwork_id = UnicodeAttribute(hash_key=True)
    title = UnicodeAttribute()
    artist = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    image_url = UnicodeAttribute(null=True)


def rank_of(order: MarketOrder) -> str:
    """Return where the order stands in its book: best price first, then earliest."""
    cents = int(order.price * 100)
    if order.direction == "buy":
        cents = int(MAX_PRICE * 100) - cents
    return f"{SIDES[order.direction]}{cents:0{_PRICE_DIGITS}d}#{format_timestamp(order.created_at)}#{order.order_id}"


def pack_order(order: MarketOrder) -> dict[str, Any]:
    """Return the attributes of a new order's item."""
    attributes: dict[str, Any] = {
        "book": str(order.artwork_id),
        "order_id": order.order_id,
        "user_id": order.user_id,
        "side": order.direction,
        "price": order.price,
        "created_at": order.created_at,
        "status": order.status.value,
        "rank": rank_of(order),
        "open_user": order.user_id,
    }
    if order.direction == "sell":
        attributes["sale"] = str(shard_of(order.order_id, SHARDS))
    return attributes


def unpack_order(item: MarketOrderItem) -> MarketOrder:
    """Return the order of an item, or of an index's row, which has open orders only and no status."""
    return MarketOrder(
        order_id=MarketOrderId(item.order_id),
        artwork_id=ArtworkId(int(item.book)),
        user_id=UserId(int(item.user_id)),
        direction="sell" if item.side == "sell" else "buy",
        price=item.price.quantize(Decimal("0.01")),
        created_at=item.created_at,
        status=OrderStatus(item.status) if item.status else OrderStatus.NEW,
        transaction_id=TransactionId(item.trade_id) if item.trade_id else None,
    )


def unpack_transaction(item: TradeItem) -> Transaction:
    """Return the transaction of an item."""
    return Transaction(
        transaction_id=TransactionId(item.trade_id),
        artwork_id=ArtworkId(int(item.book)),
        price=item.price.quantize(Decimal("0.01")),
        buy_order_id=MarketOrderId(item.buy_order_id),
        sell_order_id=MarketOrderId(item.sell_order_id),
        buyer=UserId(int(item.buyer)),
        seller=UserId(int(item.seller)),
        executed_at=item.executed_at,
    )
