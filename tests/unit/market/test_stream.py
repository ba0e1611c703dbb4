"""The matching function's batch: which records count, and what becomes of an artwork that fails."""

import json

import pytest
from botocore.exceptions import BotoCoreError

from chalicelib.core.sqs import sqs_client
from chalicelib.market.matching import ROUNDS, Matcher
from chalicelib.market.order import Direction, MarketOrder
from chalicelib.market.queue import RetryQueue
from chalicelib.market.store import MarketStore
from chalicelib.market.stream import match_records
from tests.client_faults import ClientFaults
from tests.moto_stack import dynamodb, sqs
from tests.unit.market.orders import START, new_order
from tests.unit.market.records import record_of
from tests.unit.market.tables import Tables, store_of, transaction_canceled

QUERY, TRANSACT, SEND = "dynamodb.Query", "dynamodb.TransactWriteItems", "sqs.SendMessageBatch"


@pytest.fixture
def store(aws: dict[str, str]) -> MarketStore:
    return store_of(aws)


@pytest.fixture
def tables(aws: dict[str, str]) -> Tables:
    return Tables(aws)


@pytest.fixture
def matcher(store: MarketStore) -> Matcher:
    return Matcher(store, lambda: START, lambda _: None)


@pytest.fixture
def url(aws: dict[str, str]) -> str:
    return aws["MATCH_RETRIES_QUEUE_URL"]


@pytest.fixture
def retries(url: str) -> RetryQueue:
    return RetryQueue(sqs_client(), url)


def crossing(store: MarketStore, *artworks: int) -> list[MarketOrder]:
    """Store a sell and a buy order that match, for each of the artworks; return the buys."""
    buys = []
    for artwork in artworks:
        directions: tuple[Direction, Direction] = ("sell", "buy")
        orders = [new_order(direction, 1, seconds, None, artwork) for seconds, direction in enumerate(directions)]
        for order in orders:
            store.create(order)
        buys.append(orders[1])
    return buys


def traded(tables: Tables) -> list[int]:
    """Return the artworks of all trades."""
    return sorted(int(item["book"]["S"]) for item in tables.items(tables.trades))


def queued(url: str) -> list[int]:
    """Return the artworks in the retry queue."""
    found: list[int] = []
    while messages := sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["artwork_id"] for message in messages]
    return found


def test_every_artwork_of_a_batch_is_matched(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, url: str
) -> None:
    buys = crossing(store, 1, 2, 3)
    match_records([record_of(tables.order(order)) for order in buys], matcher, retries)
    assert traded(tables) == [1, 2, 3]
    assert queued(url) == []


def test_artwork_that_is_named_by_many_records_is_matched_once(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, client_faults: ClientFaults
) -> None:
    orders = [new_order("buy", 1, seconds, artwork_id=7) for seconds in range(5)]
    for order in orders:
        store.create(order)
    records = [record_of(tables.order(order)) for order in orders]
    client_faults.calls.clear()
    match_records(records + records, matcher, retries)
    assert client_faults.calls == [QUERY, QUERY]


def test_batch_that_comes_again_changes_nothing(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue
) -> None:
    records = [record_of(tables.order(order)) for order in crossing(store, 1, 2)]
    match_records(records, matcher, retries)
    before = tables.everything()
    match_records(records, matcher, retries)
    assert tables.everything() == before


@pytest.mark.parametrize("event_name", ["MODIFY", "REMOVE"])
def test_other_change_than_an_insert_is_ignored(
    store: MarketStore,
    tables: Tables,
    matcher: Matcher,
    retries: RetryQueue,
    client_faults: ClientFaults,
    event_name: str,
) -> None:
    (buy,) = crossing(store, 1)
    record = record_of(tables.order(buy), event_name)
    client_faults.calls.clear()
    match_records([record], matcher, retries)
    assert client_faults.calls == []


def test_insert_of_a_closed_order_is_ignored(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, client_faults: ClientFaults
) -> None:
    (buy,) = crossing(store, 1)
    store.cancel(buy)
    record = record_of(tables.order(buy))
    client_faults.calls.clear()
    match_records([record], matcher, retries)
    assert client_faults.calls == []


def test_batch_of_nothing_calls_nothing(matcher: Matcher, retries: RetryQueue, client_faults: ClientFaults) -> None:
    match_records([], matcher, retries)
    assert client_faults.calls == []


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_artwork_whose_trade_fails_is_queued_and_the_others_are_matched(
    tables: Tables, matcher: Matcher, retries: RetryQueue, url: str, client_faults: ClientFaults, failing: int
) -> None:
    store, artworks = matcher.store, [1, 2, 3]
    buys = crossing(store, *artworks)
    records = [record_of(tables.order(order)) for order in buys]
    match_records(records[:failing], matcher, retries)
    client_faults.never_arrives(TRANSACT, times=3)
    match_records(records[failing:], matcher, retries)
    failed = artworks.pop(failing)
    assert traded(tables) == artworks
    assert queued(url) == [failed]


def test_artwork_whose_book_cannot_be_read_is_queued_and_the_others_are_matched(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, url: str, client_faults: ClientFaults
) -> None:
    buys = crossing(store, 1, 2)
    client_faults.never_arrives(QUERY, times=3)
    match_records([record_of(tables.order(order)) for order in buys], matcher, retries)
    assert traded(tables) == [2]
    assert queued(url) == [1]


def test_artwork_with_an_item_that_cannot_be_read_is_queued_and_the_others_are_matched(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, url: str
) -> None:
    buys = crossing(store, 1, 2)
    records = [record_of(tables.order(order)) for order in buys]
    dynamodb().put_item(TableName=tables.orders, Item={**tables.order(buys[0]), "created_at": {"S": "yesterday"}})
    match_records(records, matcher, retries)
    assert traded(tables) == [2]
    assert queued(url) == [1]


def test_contended_artwork_is_queued_and_the_others_are_matched(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, url: str, client_faults: ClientFaults
) -> None:
    buys = crossing(store, 1, 2)
    conflict = transaction_canceled("TransactionConflict", "None", "None")
    client_faults.never_arrives(TRANSACT, times=ROUNDS, error=lambda: conflict)
    match_records([record_of(tables.order(order)) for order in buys], matcher, retries)
    assert traded(tables) == [2]
    assert queued(url) == [1]


def test_more_artworks_than_a_batch_of_the_queue_are_all_queued(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, url: str, client_faults: ClientFaults
) -> None:
    buys = crossing(store, *range(23))
    records = [record_of(tables.order(order)) for order in buys]
    client_faults.never_arrives(TRANSACT, times=3 * 23)
    match_records(records, matcher, retries)
    assert client_faults.calls.count(SEND) == 3
    assert sorted(queued(url)) == list(range(23))


def test_batch_whose_failed_artwork_is_not_queued_is_raised_after_the_others_were_matched(
    store: MarketStore, tables: Tables, matcher: Matcher, retries: RetryQueue, client_faults: ClientFaults
) -> None:
    buys = crossing(store, 1, 2)
    client_faults.never_arrives(TRANSACT, times=3)
    client_faults.never_arrives(SEND, times=3)
    records = [record_of(tables.order(order)) for order in buys]
    with pytest.raises(BotoCoreError):
        match_records(records, matcher, retries)
    assert traded(tables) == [2]
    match_records(records, matcher, retries)
    assert traded(tables) == [1, 2]
