"""Where the market is, how long to wait for it, how often to ask, and whether requests are signed."""

import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
NO_SIGNATURE = "none"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


@dataclass(frozen=True)
class Timeout:
    """Seconds to wait: for a connection, for the next bytes, and for a call with all its attempts and pauses.

    A list is one call for each page.
    """

    connect: float = 3.0
    read: float = 10.0
    overall: float = 30.0

    def __post_init__(self) -> None:
        if min(self.connect, self.read, self.overall) <= 0:
            raise ValueError("A timeout is more than 0 seconds.")


@dataclass(frozen=True)
class Retries:
    """How often to ask, and how long to pause in between: at random up to a limit that doubles (full jitter).

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    attempts: int = 5
    first_pause: float = 0.2
    longest_pause: float = 5.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first_pause, self.longest_pause) < 0:
            raise ValueError("There is at least one attempt, and no pause is below 0 seconds.")

    def pause_after(self, attempt: int, retry_after: float, draw: Callable[[], float] = random.random) -> float:
        """Return the seconds to pause after the attempt, counted from 1: never less than the server asks for."""
        limit = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 60))
        return retry_after + draw() * limit


DEFAULT_TIMEOUT = Timeout()
DEFAULT_RETRIES = Retries()


def read_base_url(base_url: str | None) -> httpx.URL:
    """Return the URL, that of the environment variable RIALTO_URL, or the local one.

    Raises:
        ValueError: if it is no http or https URL.
    """
    text = base_url or os.environ.get("RIALTO_URL", "").strip() or DEFAULT_URL
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"{text!r} is no URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{text!r} is no http or https URL.")
    return url


def read_sign(sign: str | None) -> str:
    """Return the region to sign for, "none", or that of the environment variable RIALTO_SIGN; "": the URL decides.

    Raises:
        ValueError: if it is neither a region nor "none".
    """
    text = (sign or "").strip() or os.environ.get("RIALTO_SIGN", "").strip()
    if text in ("", NO_SIGNATURE) or _REGION.fullmatch(text):
        return text
    raise ValueError(f"{text!r} is no region such as eu-central-1, and not {NO_SIGNATURE!r}.")


def uses_environment(url: httpx.URL) -> bool:
    """Tell whether the environment's proxies apply: a proxy cannot see our loopback."""
    return url.host not in _LOOPBACK
