"""The retry queue: what goes in, and what becomes of its messages."""

import json
from typing import Any

import pytest

from chalicelib.core.batches import Again, Done, Message
from chalicelib.core.sqs import NotTakenError, sqs_client
from chalicelib.market.matching import ROUNDS, Matcher
from chalicelib.market.order import ArtworkId
from chalicelib.market.queue import CONTENDED_DELAY, InvalidMessageError, RetryQueue, retry_match
from chalicelib.market.store import MarketStore
from tests.client_faults import ClientFaults
from tests.moto_stack import sqs
from tests.unit.market.orders import ARTWORK, START, new_order
from tests.unit.market.tables import store_of, transaction_canceled

TRANSACT = "dynamodb.TransactWriteItems"


@pytest.fixture
def store(aws: dict[str, str]) -> MarketStore:
    return store_of(aws)


@pytest.fixture
def matcher(store: MarketStore) -> Matcher:
    return Matcher(store, lambda: START, lambda _: None)


@pytest.fixture
def url(aws: dict[str, str]) -> str:
    return aws["MATCH_RETRIES_QUEUE_URL"]


@pytest.fixture
def retries(url: str) -> RetryQueue:
    return RetryQueue(sqs_client(), url)


@pytest.fixture
def refused(url: str) -> RetryQueue:
    """A queue that does not take all it is told."""
    client: Any = RefusingClient()
    return RetryQueue(client, url)


def message(body: str) -> Message:
    return Message("m0", "handle", body, 1)


def receive(url: str) -> list[dict[str, Any]]:
    """Return the visible messages, which are hidden from now on."""
    found: list[dict[str, Any]] = []
    while messages := sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [dict(one) for one in messages]
    return found


class RefusingClient:
    """An SQS client whose batches SQS takes but for their last entry."""

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert QueueUrl
        return {"Failed": [{"Id": Entries[-1]["Id"], "Code": "InternalError", "SenderFault": False}]}

    change_message_visibility_batch = send_message_batch


class TestQueue:
    @pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
    def test_every_artwork_is_queued(self, retries: RetryQueue, url: str, count: int) -> None:
        retries.send([ArtworkId(number) for number in range(count)])
        assert sorted(json.loads(one["Body"])["artwork_id"] for one in receive(url)) == list(range(count))

    def test_largest_artwork_id_stays_exact(self, retries: RetryQueue, url: str) -> None:
        retries.send([ArtworkId(2**53 - 1)])
        assert [json.loads(one["Body"]) for one in receive(url)] == [{"artwork_id": 2**53 - 1}]

    def test_batch_of_which_one_entry_is_not_taken_raises(self, refused: RetryQueue) -> None:
        with pytest.raises(NotTakenError, match="not taken: InternalError"):
            refused.send([ArtworkId(1), ArtworkId(2)])

    def test_message_is_made_visible_again(self, retries: RetryQueue, url: str) -> None:
        retries.send([ARTWORK])
        (first,) = receive(url)
        retries.change_visibility({first["ReceiptHandle"]: 0})
        assert [one["MessageId"] for one in receive(url)] == [first["MessageId"]]

    def test_visibility_that_is_not_changed_raises(self, refused: RetryQueue) -> None:
        with pytest.raises(NotTakenError, match="Visibility of 1 messages not changed: InternalError"):
            refused.change_visibility({"handle": 1})


class TestRetry:
    def test_message_as_it_was_queued_matches_its_artwork(
        self, store: MarketStore, matcher: Matcher, retries: RetryQueue, url: str
    ) -> None:
        store.create(new_order("sell", 1))
        store.create(new_order("buy", 1, 1))
        retries.send([ARTWORK])
        (received,) = receive(url)
        assert retry_match(matcher, message(received["Body"])) == Done("1 trades")
        assert len(store.last_transactions(ARTWORK)) == 1

    def test_artwork_that_was_matched_meanwhile_is_done(self, matcher: Matcher) -> None:
        assert retry_match(matcher, message('{"artwork_id": 7}')) == Done("0 trades")

    def test_contended_artwork_comes_again(
        self, store: MarketStore, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        store.create(new_order("sell", 1))
        store.create(new_order("buy", 1, 1))
        conflict = transaction_canceled("None", "TransactionConflict", "None")
        client_faults.never_arrives(TRANSACT, times=ROUNDS, error=lambda: conflict)
        assert retry_match(matcher, message('{"artwork_id": 7}')) == Again("contended", CONTENDED_DELAY)

    def test_failure_is_raised_so_that_the_message_comes_again(
        self, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives("dynamodb.Query", times=3)
        with pytest.raises(Exception, match="Failed to query"):
            retry_match(matcher, message('{"artwork_id": 7}'))

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "no json",
            "null",
            "7",
            "[]",
            '"artwork_id"',
            "{}",
            '{"artwork": 7}',
            '{"artwork_id": null}',
            '{"artwork_id": "7"}',
            '{"artwork_id": "x"}',
            '{"artwork_id": [7]}',
            '{"artwork_id": true}',
            '{"artwork_id": 7.5}',
            '{"artwork_id": 1e400}',
            '{"artwork_id": NaN}',
            '{"artwork_id": ' + "9" * 5_000 + "}",
            '{"order_id": "5f0c1a52-9d0e-4c0e-8a11-3f6f1f0d7c01"}',
            "[" * 30_000,
        ],
        ids=lambda body: body[:30] or "empty",
    )
    def test_message_that_names_no_artwork_is_invalid(
        self, matcher: Matcher, client_faults: ClientFaults, body: str
    ) -> None:
        with pytest.raises(InvalidMessageError) as raised:
            retry_match(matcher, message(body))
        assert len(str(raised.value)) <= 200
        assert client_faults.calls == []
