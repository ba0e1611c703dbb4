"""Time as Rialto writes it: aware UTC datetimes inside, RFC 3339 with microseconds and ``Z`` outside."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def wait(seconds: float) -> None:
    """Let so many seconds pass. What pauses takes this as its default, so that simulated time can stand in for it."""
    time.sleep(seconds)


def format_timestamp(moment: datetime) -> str:
    """Return the moment as RFC 3339 of fixed width, so that strings sort like moments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Return the moment that :func:`format_timestamp` wrote.

    Raises:
        ValueError: if the text is no RFC 3339 timestamp, which has an offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"A timestamp without an offset: {text!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"A timestamp out of range: {text!r}") from None
