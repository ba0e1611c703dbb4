"""The bridge's settings, read from the environment once, at the start."""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

SHORTEST_LEASE = 0.5
"""Seconds; a shorter lease would end between two renewals on a busy machine."""


class SettingsError(Exception):
    """Raised when a setting is missing or has no sense. Names the variable."""


@dataclass(frozen=True)
class Settings:
    """Where the feed, the queue and the table are, who this is, and how long it leads without renewing."""

    feed_url: str
    queue_url: str
    table: str
    holder: str
    lease: float
    """Seconds."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of the environment.

    Raises:
        SettingsError: if a variable is missing or makes no sense.
    """
    return Settings(
        feed_url=_text(environ, "FEED_URL"),
        queue_url=_text(environ, "REPORTS_QUEUE_URL"),
        table=_text(environ, "OPERATIONS_TABLE"),
        holder=environ.get("BRIDGE_HOLDER") or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        lease=_seconds(environ, "BRIDGE_LEASE", "5"),
    )


def _text(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise SettingsError(f"The environment variable {name} is not set")
    return environ[name]


def _seconds(environ: Mapping[str, str], name: str, default: str) -> float:
    text = environ.get(name) or default
    try:
        seconds = float(text)
    except ValueError:
        raise SettingsError(f"The environment variable {name} is no number: {text!r}") from None
    if not SHORTEST_LEASE <= seconds <= 3600:
        raise SettingsError(f"The environment variable {name} is not from {SHORTEST_LEASE} to 3600: {text!r}")
    return seconds
