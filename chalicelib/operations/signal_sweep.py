"""The sweep of the signals: completes those whose worker died, and deletes profiles that nobody needs any more.

Every signal before ``since`` is complete, so that a sweep reads the signals of the last minutes only. The index lags
behind the table by moments: ``since`` stays that far in the past.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.core.clock import format_timestamp, parse_timestamp
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.operations.store import StateStore
from chalicelib.strategies.item import SHARDS
from chalicelib.strategies.listing import Listings
from chalicelib.strategies.service import Desk, finish_signal

LAG = timedelta(minutes=10)
RETENTION = timedelta(days=7)
"""For so long after their replacement profiles are kept, and a repeated signal gets its whole first answer again."""
STATE = "signal-sweep"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

Tally = Counter[str]
"""Signals by what was done with them: open, completed, failed; and generations of the profiles: deleted."""


@dataclass(frozen=True)
class SignalSweeper:
    """What a sweep of the signals needs. ``desk`` has a lease longer than the sweep's function lives."""

    desk: Desk
    listings: Listings
    states: StateStore


def sweep_signals(sweeper: SignalSweeper, stop_at: datetime) -> Tally:
    """Complete open signals whose worker is dead, until a moment; then delete what is left of old profiles."""
    now = sweeper.desk.fan_out.clock()
    saved = sweeper.states.load(STATE).get("since")
    since = BEGINNING if saved is None else parse_timestamp(saved)
    open_since, tally = _complete(sweeper, since, now, stop_at)
    clean_until = min(now - LAG, open_since or now)
    if clean_until > since:
        sweeper.states.store(STATE, {"since": format_timestamp(clean_until)})
    tally["deleted"] = _delete_old_profiles(sweeper, now, clean_until)
    log_event("signals swept", **tally)
    put_metrics([("OpenSignals", MetricUnit.Count, tally["open"])])
    return tally


def _complete(
    sweeper: SignalSweeper, since: datetime, now: datetime, stop_at: datetime
) -> tuple[datetime | None, Tally]:
    """Return since when a signal is still open, None if none is, and what was done."""
    tally = Tally()
    still_open: list[datetime] = []
    rows = [row for shard in range(SHARDS) for row in sweeper.listings.signals_since(shard, since, now)]
    for row in rows:
        if row.is_complete:
            continue
        done = _complete_one(sweeper, row.signal_id, stop_at)
        tally[done] += 1
        if done != "completed":
            still_open.append(row.created_at)
    return min(still_open, default=None), tally


def _complete_one(sweeper: SignalSweeper, signal_id: str, stop_at: datetime) -> str:
    if sweeper.desk.fan_out.clock() >= stop_at:
        return "open"
    try:
        signal = sweeper.desk.fan_out.store.get(signal_id)
        if signal is None or signal.is_complete:
            # The index lags behind: it was completed a moment ago.
            return "completed"
        return "open" if finish_signal(sweeper.desk, signal, stop_at) is None else "completed"
    except Exception:
        log_failure("signal not completed", signal_id=signal_id)
        return "failed"


def _delete_old_profiles(sweeper: SignalSweeper, now: datetime, clean_until: datetime) -> int:
    """Delete the generations that are long out of force, once no open signal can name them."""
    profiles = sweeper.desk.profiles
    current = profiles.current()
    deleted = 0
    for generation in profiles.known():
        in_force = current is not None and generation.generation_id == current.generation_id
        # One that is still being written is not in force yet: never mark it, or its days would be counted from then.
        if in_force or generation.created_at + LAG > now:
            continue
        if generation.retired_at is None:
            profiles.mark_retired(generation, now)
        elif generation.retired_at + RETENTION < min(now, clean_until):
            profiles.delete(generation)
            deleted += 1
    return deleted
