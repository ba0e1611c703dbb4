"""The sweep of the books: crossed ones that the stream never told of are matched within ten sweeps."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.core.clock import utc_now
from chalicelib.market.matching import Matcher, match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.operations import book_sweep
from chalicelib.operations.book_sweep import SEGMENTS
from chalicelib.operations.sweep import CATCH_UP_TIME
from chalicelib.operations.wiring import operations
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


@pytest.fixture
def redrive(art: ArtMarket, aws: dict[str, str]) -> Callable[[], int]:
    """Return what redrives the letter of a lost window, and tells how many are done with."""
    # The sweep had begun with the first tenth before.
    invoke("sweep", schedule_event())
    Queues(aws).put(aws["MATCH_DLQ_URL"], '{"requestContext": {"condition": "RetryAttemptsExhausted"}}')

    def redrive() -> int:
        answer = art.gateway.post("/operations/dead-letters/redrive", {"queue": "match"})
        assert answer.status == 200
        redriven: int = answer.content["redriven"]
        return redriven

    return redrive


def test_redrive_of_a_lost_window_matches_every_book_at_once(
    art: ArtMarket, crossed: list[str], redrive: Callable[[], int]
) -> None:
    assert redrive() == 1
    assert statuses(art, crossed) == {"filled"}


def test_redrive_for_which_the_time_does_not_suffice_is_gone_on_with_by_the_next(
    art: ArtMarket, crossed: list[str], redrive: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_sweep, "PAGE", 1)
    slow_down(monkeypatch, steps=3)
    calls = 0
    while not redrive():
        calls += 1
        assert calls < 100
    assert calls > SEGMENTS / 2
    assert statuses(art, crossed) == {"filled"}


def test_a_letter_stays_while_a_book_cannot_be_matched(
    art: ArtMarket, crossed: list[str], redrive: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def match(matcher: Matcher, artwork_id: ArtworkId) -> int:
        if artwork_id == ARTWORKS[0]:
            tried.append(artwork_id)
            raise ConnectionError
        return match_artwork(matcher, artwork_id)

    with monkeypatch.context() as patch:
        patch.setattr(book_sweep, "match_artwork", match)
        slow_down(patch, steps=250)
        assert redrive() == 0
    # The time sufficed to go around, and again.
    assert len(tried) > 2
    assert redrive() == 1
    assert statuses(art, crossed) == {"filled"}


def slow_down(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Let the time that a redrive of lost windows has be over after so many looks at the clock."""
    times = (utc_now() + number * CATCH_UP_TIME / steps for number in count())
    parts = operations()
    slow = replace(parts.books, clock=lambda: next(times))
    patch.setitem(parts.catch_up, "match", lambda: book_sweep.catch_up_books(slow))
