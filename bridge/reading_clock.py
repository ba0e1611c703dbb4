"""The clock of the gaps."""

import time
from collections.abc import Callable


class ReadingClock:
    """A clock that stands still while nothing is read: what seems missing then may well lie in the socket."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._stopped_at: float | None = None
        self._stood = 0.0

    def now(self) -> float:
        """Return the seconds of reading so far, from any beginning."""
        return (self._monotonic() if self._stopped_at is None else self._stopped_at) - self._stood

    def stop(self) -> None:
        """Stand still."""
        self._stopped_at = self._monotonic()

    def go_on(self) -> None:
        """Go on from where it stood, if it did."""
        if self._stopped_at is not None:
            self._stood += self._monotonic() - self._stopped_at
            self._stopped_at = None
