"""The two functions that match, called as Lambda calls them."""

from typing import Any

import pytest

from tests.client_faults import ClientFaults
from tests.functional.events import queue_event
from tests.functional.lambdas import invoke
from tests.functional.market import BUY, SELL, ArtMarket
from tests.moto_stack import sqs
from tests.unit.market.records import record_of

TRANSACT, SEND = "dynamodb.TransactWriteItems", "sqs.SendMessageBatch"


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


def inserts(art: ArtMarket) -> dict[str, Any]:
    """Return the stream event of all orders in the table."""
    return {"Records": [record_of(item) for item in art.tables.items(art.tables.orders)]}


def receive(url: str, visibility: int = 120) -> list[dict[str, Any]]:
    """Return the messages of a queue as Lambda gets them."""
    answer = sqs().receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], VisibilityTimeout=visibility
    )
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSource": "aws:sqs",
        }
        for message in answer.get("Messages", [])
    ]


class TestMatchOrders:
    def test_new_orders_that_cross_trade(self, art: ArtMarket) -> None:
        sell, buy = art.offer(SELL), art.offer(BUY)
        invoke("match_orders", inserts(art))
        assert [art.order(order_id)["status"] for order_id in (sell, buy)] == ["filled", "filled"]
        assert art.order(sell)["transaction"]["price"] == 10.25

    def test_window_that_comes_again_changes_nothing(self, art: ArtMarket) -> None:
        art.offer(SELL)
        art.offer(BUY)
        window = inserts(art)
        invoke("match_orders", window)
        before = art.tables.everything()
        invoke("match_orders", window)
        assert art.tables.everything() == before

    def test_artwork_that_fails_waits_in_the_retry_queue_until_it_is_matched(
        self, art: ArtMarket, aws: dict[str, str], client_faults: ClientFaults
    ) -> None:
        sell = art.offer(SELL)
        art.offer(BUY)
        client_faults.never_arrives(TRANSACT, times=3)
        invoke("match_orders", inserts(art))
        assert art.order(sell)["status"] == "open"
        records = receive(aws["MATCH_RETRIES_QUEUE_URL"])
        assert len(records) == 1
        assert invoke("retry_matches", {"Records": records}) == {"batchItemFailures": []}
        assert art.order(sell)["status"] == "filled"

    def test_window_is_reported_as_failed_when_even_the_retry_queue_fails(
        self, art: ArtMarket, client_faults: ClientFaults
    ) -> None:
        art.offer(SELL)
        art.offer(BUY)
        client_faults.never_arrives(TRANSACT, times=3)
        client_faults.never_arrives(SEND, times=3)
        with pytest.raises(Exception, match="Connection was closed"):
            invoke("match_orders", inserts(art))


class TestRetryMatches:
    def test_poison_is_reported_and_the_others_are_done(self, art: ArtMarket) -> None:
        sell = art.offer(SELL)
        art.offer(BUY)
        event = queue_event("poison", '{"artwork_id": 7}', "{}", '{"artwork_id": 8}')
        answer = invoke("retry_matches", event)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m2"}]}
        assert art.order(sell)["status"] == "filled"

    def test_artwork_that_fails_again_is_reported(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        art.offer(SELL)
        art.offer(BUY)
        client_faults.never_arrives(TRANSACT, times=3)
        answer = invoke("retry_matches", queue_event('{"artwork_id": 7}'))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}

    def test_message_that_is_received_too_often_is_a_dead_letter(self, aws: dict[str, str]) -> None:
        url = aws["MATCH_RETRIES_QUEUE_URL"]
        sqs().send_message(QueueUrl=url, MessageBody="poison")
        for _ in range(10):
            (record,) = receive(url, visibility=0)
            assert len(invoke("retry_matches", {"Records": [record]})["batchItemFailures"]) == 1
        assert receive(url) == []
        assert [record["body"] for record in receive(aws["MATCH_RETRIES_DLQ_URL"])] == ["poison"]
