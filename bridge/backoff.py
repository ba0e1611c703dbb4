"""Pauses between attempts. Pure apart from its randomness, which can be given."""

from collections.abc import Callable
from random import SystemRandom

_RANDOM = SystemRandom()


class Backoff:
    """Pauses that double up to a longest one, each somewhere in its upper half, so that many do not come at once."""

    def __init__(self, first: float, longest: float, draw: Callable[[], float] = _RANDOM.random) -> None:
        self._first, self._longest, self._draw = first, longest, draw
        self._next = first

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next = self._first

    def pause(self) -> float:
        """Return the seconds to wait now."""
        pause = self._next * (1 + self._draw()) / 2
        self._next = min(self._next * 2, self._longest)
        return pause
