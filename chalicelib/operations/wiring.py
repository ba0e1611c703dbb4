"""The one place where the parts of operations are put together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, read_settings
from chalicelib.core.sqs import sqs_client
from chalicelib.market.wiring import market
from chalicelib.operations.book_sweep import BookSweeper, catch_up_books
from chalicelib.operations.checks import broker_checks, market_checks
from chalicelib.operations.dead_letters import LetterBox, SqsLetterBox
from chalicelib.operations.invariants import Checker
from chalicelib.operations.reconcile import Reconciler
from chalicelib.operations.service import (
    HAND_OVER,
    MATCH,
    MATCH_RETRIES,
    PLACEMENTS,
    REPORT_RETRIES,
    REPORTS,
    CatchUp,
)
from chalicelib.operations.signal_sweep import SignalSweeper
from chalicelib.operations.store import DynamoStateStore, StateStore
from chalicelib.operations.strategy_checks import strategy_checks
from chalicelib.operations.sweep import Sweeper, catch_up
from chalicelib.strategies.wiring import strategies

SWEEP_LEASE = timedelta(seconds=60)
"""How long a sweep has a signal: longer than its function's time-out."""


@dataclass(frozen=True)
class Operations:
    """The parts of operations. ``boxes`` are the queues by the name that people use."""

    boxes: Mapping[str, LetterBox]
    states: StateStore
    sweeper: Sweeper
    reconciler: Reconciler
    books: BookSweeper
    signals: SignalSweeper
    checker: Checker
    catch_up: Mapping[str, CatchUp]


def operations() -> Operations:
    """Return the operations of this process's environment."""
    return _build(read_settings())


@cache
def _build(settings: Settings) -> Operations:
    boxes = _boxes(settings)
    states = DynamoStateStore(settings.operations_table)
    parts, art, traders = broker(), market(), strategies()
    sweeper = Sweeper(parts.store, parts.queue, boxes[PLACEMENTS], states, parts.worker.policy, utc_now)
    reconciler = Reconciler(parts.store, parts.worker.exchange, states, settings.reconcile_after, utc_now)
    books = BookSweeper(art.listings, art.matcher, states, utc_now)
    signals = SignalSweeper(replace(traders.desk, lease=SWEEP_LEASE), traders.listings, states)
    checks = {
        **market_checks(art.store, art.listings),
        **broker_checks(parts.store, parts.worker.policy),
        **strategy_checks(traders.store, traders.listings, parts.store, states),
    }
    checker = Checker(checks, states, utc_now)
    catch_ups: dict[str, CatchUp] = {HAND_OVER: lambda: catch_up(sweeper), MATCH: lambda: catch_up_books(books)}
    return Operations(boxes, states, sweeper, reconciler, books, signals, checker, catch_ups)


def _boxes(settings: Settings) -> Mapping[str, LetterBox]:
    client = sqs_client()
    retries = settings.report_retries_queue_url
    return {
        PLACEMENTS: SqsLetterBox(client, settings.placements_queue_url, settings.placements_dlq_url),
        HAND_OVER: SqsLetterBox(client, None, settings.hand_over_dlq_url),
        MATCH_RETRIES: SqsLetterBox(client, settings.match_retries_queue_url, settings.match_retries_dlq_url),
        MATCH: SqsLetterBox(client, None, settings.match_dlq_url),
        # In a queue of its own a message that broke its function holds up no partition any more.
        REPORTS: SqsLetterBox(client, settings.reports_queue_url, settings.reports_dlq_url, back_to=retries),
        REPORT_RETRIES: SqsLetterBox(client, retries, settings.report_retries_dlq_url),
    }
