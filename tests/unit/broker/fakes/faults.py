"""Faults of a call: the hooks run before and after it takes effect and may raise."""

from collections.abc import Callable


class LostAnswerError(Exception):
    """What a client raises when it gives up waiting: nobody knows whether the call took effect."""


def nothing(point: str) -> None:
    """Let the call go on."""
    del point


Hook = Callable[[str], None]
"""Gets the name of the point where the caller stands, e.g. "before save"."""
