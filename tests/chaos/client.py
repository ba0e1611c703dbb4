"""A sensible client: it has keys, patience with limits, and repeats what was not answered; everything is recorded."""

import json
import time
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any

import httpx

from tests.simulation.history import Request

TRIES = 8
PAUSES = (0.2, 0.5, 1.0, 2.0)
PATIENCE = (30.0, 30.0, 30.0, 3.0, 1.0)
"""Seconds that a client waits for an answer: some are in a hurry."""


@dataclass(frozen=True)
class Errand:
    """What a client wants to have done, once, however often it has to ask."""

    method: str
    path: str
    body: Any
    key: str | None


@dataclass
class Record:
    """What all clients did: every request, and the errands that nobody has told them the outcome of."""

    requests: list[Request] = field(default_factory=list)
    unsettled: list[Errand] = field(default_factory=list)


class Client:
    """One client, in its own thread, with its own dice."""

    def __init__(self, name: str, url: str, dice: Random, record: Record, over: Event) -> None:
        self.name = name
        self.dice = dice
        self.over = over
        self._record = record
        self._http = httpx.Client(base_url=url, trust_env=False)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str) -> Request:
        """Look at something."""
        return self.run(Errand("GET", path, None, None))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Request:
        """Ask for something to be done."""
        return self.run(Errand("POST", path, body, key))

    def run(self, errand: Errand, tries: int = TRIES) -> Request:
        """Send a request until it is answered with something else than a fault, a few times at most."""
        for attempt in range(tries):
            request = self._send(errand)
            if 0 < request.status < 500 and request.status != 429:
                return request
            self.over.wait(PAUSES[min(attempt, len(PAUSES) - 1)] * self.dice.uniform(0.5, 1.5))
        if errand.key is not None:
            self._record.unsettled.append(errand)
        return request

    def _send(self, errand: Errand) -> Request:
        request = Request(self.name, errand.method, errand.path, errand.body, errand.key, now())
        self._record.requests.append(request)
        headers = {} if errand.key is None else {"Idempotency-Key": errand.key}
        patience = self.dice.choice(PATIENCE)
        try:
            answer = self._http.request(errand.method, errand.path, json=errand.body, headers=headers, timeout=patience)
        except httpx.HTTPError:
            return request
        request.replayed = "idempotency-replayed" in answer.headers
        request.content = _content(answer.text)
        request.status = answer.status_code
        request.answered = now()
        return request


def now() -> int:
    """Return the moment in microseconds, by the clock that the platform writes its timestamps with."""
    return time.time_ns() // 1_000


def _content(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
