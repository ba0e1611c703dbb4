"""The sweep of the books: finds crossed ones that the stream missed, and matches them.

A tenth of the open orders in each sweep, so all of them in ten minutes; what one sweep does not manage the next goes on
with. Matching a book that is not crossed costs two reads and changes nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.core.clock import Clock, format_timestamp, parse_timestamp
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.market.listing import Listings
from chalicelib.market.matching import Matcher, match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.operations.store import StateStore
from chalicelib.operations.sweep import CATCH_UP_TIME

SEGMENTS = 10
PAGE = 200
BUDGET = timedelta(seconds=8)
STATE = "book-sweep"
NEVER = datetime.min.replace(tzinfo=UTC)

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
    state = _read_state(sweeper)
    tally = _sweep_segment(sweeper, state, sweeper.clock() + BUDGET)
    put_metrics([("SweptTrades", MetricUnit.Count, tally["trades"])])
    return tally


def catch_up_books(sweeper: BookSweeper) -> datetime | None:
    """Match the books of all open orders, as far as the time suffices: for stream windows that are known to be lost.

    Returns:
        Since when every book was looked at at least once; None if not all were.
    """
    begun = sweeper.clock()
    stop_at = begun + CATCH_UP_TIME
    state = _read_state(sweeper)
    while sweeper.clock() < stop_at and (_covered(state) or NEVER) < begun:
        _sweep_segment(sweeper, state, stop_at)
    return _covered(state)


def _covered(state: dict[str, Any]) -> datetime | None:
    """Return since when every tenth was gone through without a fault, None if one never was."""
    begun = state["begun"]
    return min(map(parse_timestamp, begun.values())) if len(begun) == SEGMENTS else None


def _read_state(sweeper: BookSweeper) -> dict[str, Any]:
    """Return in which segment the sweep is, since when, behind which order, and when it last began with each one."""
    return {"segment": 0, "since": None, "after": None, "begun": {}, **sweeper.states.load(STATE)}


def _sweep_segment(sweeper: BookSweeper, state: dict[str, Any], stop_at: datetime) -> Tally:
    """Match the books of the segment at which the state is, and take the state further."""
    segment, after = state["segment"] % SEGMENTS, state["after"]
    since = state["since"] if after else format_timestamp(sweeper.clock())
    tally = Tally()
    seen: set[ArtworkId] = set()
    while True:
        orders, after = sweeper.listings.open_segment(segment, SEGMENTS, PAGE, tuple(after) if after else None)
        artworks = {order.artwork_id for order in orders} - seen
        seen |= artworks
        tally += _match_all(sweeper.matcher, artworks)
        if after is None or sweeper.clock() > stop_at:
            break
    log_event("books swept", segment=segment, **tally)
    since = None if tally["failed"] else since
    if after is None:
        state["begun"] |= {str(segment): since} if since else {}
        state["segment"] = (segment + 1) % SEGMENTS
    state["since"], state["after"] = since, list(after) if after else None
    sweeper.states.store(STATE, state)
    return tally


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
