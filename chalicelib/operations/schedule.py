"""What runs every minute."""

from collections.abc import Callable
from datetime import timedelta

from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import log_event, log_failure
from chalicelib.operations.book_sweep import sweep_books
from chalicelib.operations.invariants import continue_run
from chalicelib.operations.reconcile import reconcile
from chalicelib.operations.signal_sweep import sweep_signals
from chalicelib.operations.sweep import sweep
from chalicelib.operations.wiring import Operations

TIME = timedelta(seconds=44)
"""For all but the invariants. The signals have what the others leave: one for 10,000 users takes up to 12 s."""


class ScheduleError(Exception):
    """Raised at the end of a run in which something failed, so that the function's errors count it."""


def run_all(parts: Operations) -> None:
    """Sweep orders, their standings, books and signals, and take the check of the invariants further.

    One of them does not stop the others.

    Raises:
        ScheduleError: if one of them failed. It is logged, and tried again in a minute.
    """
    stop_at = parts.sweeper.clock() + TIME
    jobs: dict[str, Callable[[], object]] = {
        "orders": lambda: sweep(parts.sweeper),
        "standings": lambda: reconcile(parts.reconciler),
        "books": lambda: sweep_books(parts.books),
        "signals": lambda: sweep_signals(parts.signals, stop_at),
        "invariants": lambda: continue_run(parts.checker),
    }
    failed = [name for name, job in jobs.items() if not _succeeds(name, job)]
    if failed:
        raise ScheduleError(", ".join(failed))


def _succeeds(name: str, job: Callable[[], object]) -> bool:
    meter = Meter()
    try:
        job()
    except Exception:
        log_failure("scheduled job failed", job=name, **meter.fields())
        return False
    log_event("scheduled job", job=name, **meter.fields())
    return True
