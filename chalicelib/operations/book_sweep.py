"""The sweep of the books: finds crossed ones that the stream missed, and matches them.

A tenth of the open orders in each sweep, so all of them in ten minutes; what one sweep does not manage the next goes on
with. Matching a book that is not crossed costs two reads and changes nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.core.clock import Clock
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.market.listing import Listings, OpenPosition
from chalicelib.market.matching import Matcher, match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.operations.store import StateStore

SEGMENTS = 10
PAGE = 200
BUDGET = timedelta(seconds=15)
STATE = "book-sweep"

Tally = Counter[str]
"""Books by what was done with them: looked_at, trades, failed."""


@dataclass(frozen=True)
class BookSweeper:
    """What a sweep of the books needs."""

    listings: Listings
    matcher: Matcher
    states: StateStore
    clock: Clock


def sweep_books(sweeper: BookSweeper) -> Tally:
    """Match the books of the next tenth of the open orders, from where the last sweep stopped."""
    state = sweeper.states.load(STATE)
    segment = int(state.get("segment", 0)) % SEGMENTS
    after = state.get("after")
    tally, stopped_at = _sweep_segment(sweeper, segment, tuple(after) if after else None)
    going_on = {"segment": segment, "after": list(stopped_at)} if stopped_at else {"segment": segment + 1}
    sweeper.states.store(STATE, going_on)
    log_event("books swept", segment=segment, **tally)
    put_metrics([("SweptTrades", MetricUnit.Count, tally["trades"])])
    return tally


def sweep_all_books(sweeper: BookSweeper) -> Tally:
    """Match the books of all open orders: for a stream window that is known to be lost."""
    tally = Tally()
    for segment in range(SEGMENTS):
        swept, stopped_at = _sweep_segment(sweeper, segment, None)
        tally += swept
        if stopped_at is not None:
            tally["failed"] += 1
    return tally


def _sweep_segment(sweeper: BookSweeper, segment: int, after: OpenPosition | None) -> tuple[Tally, OpenPosition | None]:
    """Return what was done, and where to go on if the time was up before the end."""
    stop_at = sweeper.clock() + BUDGET
    tally = Tally()
    seen: set[ArtworkId] = set()
    while True:
        orders, after = sweeper.listings.open_segment(segment, SEGMENTS, PAGE, after)
        artworks = {order.artwork_id for order in orders} - seen
        seen |= artworks
        tally += _match_all(sweeper.matcher, artworks)
        if after is None or sweeper.clock() > stop_at:
            return tally, after


def _match_all(matcher: Matcher, artworks: Iterable[ArtworkId]) -> Tally:
    tally = Tally()
    for artwork_id in artworks:
        tally["looked_at"] += 1
        try:
            tally["trades"] += match_artwork(matcher, artwork_id)
        except Exception:
            log_failure("book not swept", artwork_id=artwork_id)
            tally["failed"] += 1
    return tally
