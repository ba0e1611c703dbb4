"""The hand-over function with recorded stream events."""

from typing import Any
from uuid import uuid4

import pytest

from chalicelib.broker.order import OrderId
from chalicelib.broker.queue import SqsPlacementQueue
from chalicelib.core.sqs import NotTakenError
from tests.client_faults import ClientFaults
from tests.functional.events import stream_event
from tests.functional.lambdas import invoke
from tests.functional.queues import Queues
from tests.moto_stack import sqs

SEND = "sqs.SendMessageBatch"


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


def new_ids(count: int) -> list[OrderId]:
    return [OrderId(str(uuid4())) for _ in range(count)]


@pytest.mark.parametrize("record", ["stream_insert", "stream_cancel_requested"])
def test_order_that_waits_for_the_exchange_is_queued(queues: Queues, record: str) -> None:
    (order,) = new_ids(1)
    invoke("hand_over_orders", stream_event((record, order)))
    assert queues.orders() == [order]


@pytest.mark.parametrize(
    "record",
    [
        "stream_claimed",
        "stream_placed",
        "stream_cancel_claimed",
        "stream_canceled",
        "stream_canceled_by_us",
        "stream_removed",
    ],
)
def test_other_change_queues_nothing(queues: Queues, client_faults: ClientFaults, record: str) -> None:
    invoke("hand_over_orders", stream_event((record, new_ids(1)[0])))
    assert queues.orders() == []
    assert SEND not in client_faults.calls


def test_order_that_comes_twice_in_a_window_is_queued_once(queues: Queues) -> None:
    (order,) = new_ids(1)
    invoke("hand_over_orders", stream_event(("stream_insert", order), ("stream_cancel_requested", order)))
    assert queues.orders() == [order]


def test_window_of_100_orders_is_queued_in_batches_of_10(queues: Queues, client_faults: ClientFaults) -> None:
    orders = new_ids(100)
    invoke("hand_over_orders", stream_event(*(("stream_insert", order) for order in orders)))
    assert sorted(queues.orders()) == sorted(orders)
    assert client_faults.calls.count(SEND) == 10


class RefusingClient:
    """An SQS client whose batches SQS takes but for their last entry."""

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        *taken, refused = Entries
        failed = {"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}
        return {"Successful": sqs().send_message_batch(QueueUrl=QueueUrl, Entries=taken), "Failed": [failed]}


def test_window_of_which_one_entry_was_not_taken_comes_again(queues: Queues) -> None:
    client: Any = RefusingClient()
    queue = SqsPlacementQueue(client, queues.placements)
    with pytest.raises(NotTakenError, match="1 of 3 messages not taken: InternalError"):
        queue.send(new_ids(3))


def test_window_that_could_not_be_sent_comes_again(queues: Queues, client_faults: ClientFaults) -> None:
    client_faults.never_arrives(SEND, times=3)
    with pytest.raises(Exception, match="Connection was closed"):
        invoke("hand_over_orders", stream_event(("stream_insert", new_ids(1)[0])))


def test_window_whose_answer_was_lost_is_queued_at_least_once(queues: Queues, client_faults: ClientFaults) -> None:
    (order,) = new_ids(1)
    client_faults.loses_answer(SEND)
    invoke("hand_over_orders", stream_event(("stream_insert", order)))
    assert set(queues.orders()) == {order}
