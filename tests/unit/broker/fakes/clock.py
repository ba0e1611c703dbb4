"""A clock that stands until it is set."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 30, 0, 123_456, UTC)


class FakeClock:
    """Tells the same moment until it is advanced."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += timedelta(seconds=seconds)
