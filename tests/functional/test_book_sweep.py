"""The sweep of the books: crossed ones that the stream never told of are matched within ten sweeps."""

import pytest

from chalicelib.operations.book_sweep import SEGMENTS
from tests.functional.events import schedule_event
from tests.functional.lambdas import invoke
from tests.functional.market import BUY, SELL, ArtMarket
from tests.functional.queues import Queues

ARTWORKS = range(40, 52)


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


@pytest.fixture
def crossed(art: ArtMarket) -> list[str]:
    """Return offers that meet; nothing hands the stream's records over here."""
    bodies = [{**body, "artwork_id": artwork} for artwork in ARTWORKS for body in (SELL, BUY)]
    return [art.offer(body) for body in bodies]


def statuses(art: ArtMarket, order_ids: list[str]) -> set[str]:
    return {art.order(order_id)["status"] for order_id in order_ids}


def test_every_crossed_book_is_matched_by_one_of_the_sweeps(art: ArtMarket, crossed: list[str]) -> None:
    assert statuses(art, crossed) == {"open"}
    for _ in range(SEGMENTS):
        invoke("sweep", schedule_event())
    assert statuses(art, crossed) == {"filled"}


def test_redrive_of_a_lost_window_matches_every_book_at_once(
    art: ArtMarket, crossed: list[str], aws: dict[str, str]
) -> None:
    queues = Queues(aws)
    queues.put(aws["MATCH_DLQ_URL"], '{"requestContext": {"condition": "RetryAttemptsExhausted"}}')
    answer = art.gateway.post("/operations/dead-letters/redrive", {"queue": "match"})
    assert (answer.status, answer.content["redriven"]) == (200, 1)
    assert statuses(art, crossed) == {"filled"}
