"""The store keeps its contract on the tables of the deployed stack's cloud, as it does on moto and as the fake does."""

from collections.abc import Iterator

import pytest

from chalicelib.broker.store import DynamoOrderStore, OrderStore
from tests.e2e.stack import Stack
from tests.e2e.tables import table_like
from tests.unit.broker.store_contract import OrderStoreContract


class TestDeployedOrderStore(OrderStoreContract):
    @pytest.fixture
    def store(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderStore]:
        with table_like("BrokerOrders", stack, monkeypatch) as name:
            yield DynamoOrderStore(name)
