"""The contract of the states, on the fake and on DynamoDB."""

import pytest
from pynamodb.exceptions import PutError

from chalicelib.operations.store import DynamoStateStore, StateStore
from tests.client_faults import ClientFaults
from tests.unit.broker.fakes.states import MemoryStateStore
from tests.unit.operations.state_contract import StateStoreContract


class TestMemoryStateStore(StateStoreContract):
    @pytest.fixture
    def states(self) -> StateStore:
        return MemoryStateStore()


class TestDynamoStateStore(StateStoreContract):
    @pytest.fixture
    def states(self, aws: dict[str, str]) -> StateStore:
        return DynamoStateStore(aws["OPERATIONS_TABLE"])


def test_state_whose_answer_is_lost_is_stored(aws: dict[str, str], client_faults: ClientFaults) -> None:
    states = DynamoStateStore(aws["OPERATIONS_TABLE"])
    client_faults.loses_answer("dynamodb.PutItem")
    states.store("sweep", {"1": ["a", "b"]})
    assert states.load("sweep") == {"1": ["a", "b"]}


def test_state_whose_answer_is_lost_was_replaced(aws: dict[str, str], client_faults: ClientFaults) -> None:
    states = DynamoStateStore(aws["OPERATIONS_TABLE"])
    client_faults.loses_answer("dynamodb.PutItem")
    assert states.swap("sweep", {}, {"1": ["a", "b"]})


def test_state_is_not_replaced_for_another_reason_than_its_content(
    aws: dict[str, str], client_faults: ClientFaults
) -> None:
    states = DynamoStateStore(aws["OPERATIONS_TABLE"])
    client_faults.never_arrives("dynamodb.PutItem", times=3)
    with pytest.raises(PutError):
        states.swap("sweep", {}, {"1": ["a", "b"]})
    assert states.load("sweep") == {}
