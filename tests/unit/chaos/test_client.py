"""A client repeats what was not answered, records each request, and keeps what nobody told it the outcome of."""

from collections.abc import Iterator
from random import Random
from threading import Event

import httpx
import pytest

from tests.chaos.client import Client, Errand, Record

ERRAND = Errand("POST", "/orders", {"quantity": 1}, "a key")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response | httpx.HTTPError]:
    """What the platform answers, one after the other."""
    queue: list[httpx.Response | httpx.HTTPError] = []

    def answer(_: httpx.Client, *args: object, **more: object) -> httpx.Response:
        found = queue.pop(0)
        if isinstance(found, httpx.HTTPError):
            raise found
        return found

    monkeypatch.setattr(httpx.Client, "request", answer)
    return queue


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def client(record: Record) -> Iterator[Client]:
    over = Event()
    over.set()  # It does not pause.
    client = Client("broker 1", "http://127.0.0.1:9", Random(1), record, over)
    yield client
    client.close()


def test_it_asks_again_with_the_same_key_until_it_is_told(
    client: Client, record: Record, answers: list[httpx.Response | httpx.HTTPError]
) -> None:
    answers += [httpx.ReadTimeout("late"), httpx.Response(500, json={}), httpx.Response(429, json={})]
    answers += [httpx.Response(201, json={"id": "1"}, headers={"Idempotency-Replayed": "true"})]

    last = client.run(ERRAND)

    assert [(one.status, one.key) for one in record.requests] == [(code, "a key") for code in (0, 500, 429, 201)]
    assert (last.content, last.replayed) == ({"id": "1"}, True)
    assert [one.answered is None for one in record.requests] == [True, False, False, False]
    assert all(one.sent <= (one.answered or one.sent) for one in record.requests)
    assert record.unsettled == []


def test_what_was_refused_is_settled(
    client: Client, record: Record, answers: list[httpx.Response | httpx.HTTPError]
) -> None:
    answers += [httpx.Response(422, text="no JSON")]

    assert client.run(ERRAND).content == "no JSON"
    assert record.unsettled == []


def test_what_nobody_tells_is_kept_for_later(
    client: Client, record: Record, answers: list[httpx.Response | httpx.HTTPError]
) -> None:
    answers += [httpx.ConnectError("gone")] * 3

    client.run(ERRAND, tries=3)

    assert record.unsettled == [ERRAND]
