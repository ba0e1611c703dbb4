"""The whole application on moto: routes, services, tables and queues are real code, only AWS is not."""

import os
from typing import Any

import pytest

from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.wiring import broker
from tests.aws_fixtures import aws, aws_parameters, client_faults
from tests.environment import FUNCTION
from tests.functional.gateway import Gateway
from tests.log import log
from tests.moto_stack import dynamodb

__all__ = ["aws", "aws_parameters", "client_faults", "log"]

os.environ.update(FUNCTION)

LIMIT_ORDER = {"type": "limit", "side": "buy", "instrument": "DE0007664039", "limit_price": 10.25, "quantity": 3}
MARKET_ORDER = {"type": "market", "side": "sell", "instrument": "DE0007664039", "quantity": 3}


@pytest.fixture
def gateway(aws: dict[str, str]) -> Gateway:
    return Gateway()


class Orders:
    """A look into the orders' table, past the API."""

    def __init__(self, table: str) -> None:
        self._table = table

    def count(self) -> int:
        return len(dynamodb().scan(TableName=self._table)["Items"])

    def get(self, order_id: str) -> Order:
        order = broker().store.get(OrderId(order_id))
        assert order is not None
        return order

    def put(self, *orders: Order) -> None:
        for order in orders:
            broker().store.create(order)

    def drop_table(self) -> None:
        dynamodb().delete_table(TableName=self._table)


@pytest.fixture
def orders(aws: dict[str, str]) -> Orders:
    return Orders(aws["BROKER_ORDERS_TABLE"])


def problem_of(content: dict[str, Any]) -> set[tuple[tuple[str, ...], str]]:
    """Return where and which rules a request broke."""
    return {(tuple(str(part) for part in error["loc"]), error["type"]) for error in content["errors"]}
