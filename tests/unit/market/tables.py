"""A look into the art market's tables, past the store, and the refusals of DynamoDB that moto never gives."""

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.market.order import MarketOrder
from chalicelib.market.store import MarketStore
from tests.moto_stack import dynamodb

Item = dict[str, Any]
TABLES = ("MARKET_ORDERS_TABLE", "TRADES_TABLE", "ARTWORKS_TABLE")


def store_of(environment: dict[str, str]) -> MarketStore:
    """Return the store on the stack's tables."""
    return MarketStore(*(environment[name] for name in TABLES))


class Tables:
    """Every item of the three tables as it lies there."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.orders, self.trades, self.artworks = (environment[name] for name in TABLES)

    def everything(self) -> list[list[Item]]:
        """Return all items: two equal answers mean that nothing changed."""
        return [self.items(table) for table in (self.orders, self.trades, self.artworks)]

    def items(self, table: str) -> list[Item]:
        """Return the items of a table."""
        return sorted(dynamodb().scan(TableName=table)["Items"], key=repr)

    def order(self, order: MarketOrder) -> Item:
        """Return the item of an order."""
        key: Item = {"book": {"S": str(order.artwork_id)}, "order_id": {"S": order.order_id}}
        answer: Item = dict(dynamodb().get_item(TableName=self.orders, Key=key))
        item: Item = answer["Item"]
        return item


def refused(operation: str, code: str, *reasons: str) -> ClientError:
    """Return what botocore raises for such an answer; ``reasons`` are those of a canceled transaction."""
    answer: Any = {"Error": {"Code": code, "Message": code}}
    if reasons:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, operation)


def transaction_canceled(*reasons: str) -> ClientError:
    """Return the answer to a transaction that was canceled: a reason for each of its items, or "None"."""
    return refused("TransactWriteItems", "TransactionCanceledException", *reasons)
