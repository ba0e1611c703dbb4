"""The stores of the strategies on the stack's tables, and what lies in these."""

from typing import Any

from chalicelib.broker.store import DynamoOrderStore
from chalicelib.strategies.listing import Listings
from chalicelib.strategies.profiles import DynamoProfileStore
from chalicelib.strategies.store import DynamoStrategyStore
from tests.moto_stack import dynamodb
from tests.unit.broker.item_size import item_size

Item = dict[str, dict[str, Any]]
TABLES = ("SIGNALS_TABLE", "POSITIONS_TABLE", "ORDER_LOG_TABLE")


def store_of(environment: dict[str, str]) -> DynamoStrategyStore:
    """Return the store on the stack's tables."""
    signals, positions, order_log = (environment[name] for name in TABLES)
    return DynamoStrategyStore(signals, positions, order_log, DynamoOrderStore(environment["BROKER_ORDERS_TABLE"]))


def listings_of(environment: dict[str, str]) -> Listings:
    """Return the lists of the stack's tables."""
    return Listings(*(environment[name] for name in TABLES))


def profiles_of(environment: dict[str, str]) -> DynamoProfileStore:
    """Return the profiles of the stack."""
    return DynamoProfileStore(environment["SUBSCRIPTIONS_TABLE"])


def items_of(table: str) -> list[Item]:
    """Return every item of a table as it lies there."""
    found: list[Any] = []
    for page in dynamodb().get_paginator("scan").paginate(TableName=table):
        found += page["Items"]
    return found


def size_of(item: Item) -> int:
    """Return the bytes of an item by DynamoDB's rules, binary attributes included."""
    binary = {name: value["B"] for name, value in item.items() if "B" in value}
    others = {name: value for name, value in item.items() if name not in binary}
    return item_size(others) + sum(len(name.encode()) + len(content) for name, content in binary.items())
