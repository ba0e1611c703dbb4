"""A run of generated requests in this process: what is wrong with each answer, and how long each route took."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.conformance import NotAsDescribedError, check_answer
from tests.fuzz.operations import Known, draw_request
from tests.fuzz.platform import Answer, Platform
from tests.fuzz.request import Request

PUMPED = 25
"""Requests between two turns of streams and queues."""
READS = ("GET",)


@dataclass(frozen=True)
class Finding:
    """A request that was answered wrongly, and how."""

    rule: str
    what: str
    request: Request
    number: int = 0


@dataclass
class Figures:
    """What so many requests come to."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    writes: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def count(self, request: Request, answer: Answer) -> None:
        """Count one answered request."""
        self.requests += 1
        self.statuses[answer.status] += 1
        self.refused += answer.status >= 400
        self.writes += answer.writes
        self.times.setdefault(f"{request.method} {request.route}", []).append(answer.seconds)

    def add(self, other: "Figures") -> None:
        """Count what another run counted."""
        self.requests += other.requests
        self.statuses += other.statuses
        self.refused += other.refused
        self.writes += other.writes
        self.findings += other.findings
        for name, times in other.times.items():
            self.times.setdefault(name, []).extend(times)


def run(platform: Platform, seed: int, count: int) -> Figures:
    """Send so many requests; return the figures."""
    figures, known, dice = Figures(), Known(), Random(f"fuzz {seed}")
    for number in range(1, count + 1):
        request = draw_request(dice, known)
        answer = platform.send(request)
        figures.count(request, answer)
        for rule, what in faults_of(request, answer):
            figures.findings.append(Finding(rule, what, request, number))
        learn_from(known, request, answer.status, answer.text)
        if number % PUMPED == 0:
            platform.pump()
    return figures


def learn_from(known: Known, request: Request, status: int, text: str) -> None:
    """Remember what an answer told."""
    known.learn(request.route, status, _content(text))


def faults_of(request: Request, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the rules that an answer breaks, and how."""
    if answer.status >= 500 or answer.failure:
        yield "no request makes a fault of ours", f"{answer.status}: {answer.failure or answer.text}"
    if answer.status >= 400 and answer.writes:
        yield "what is refused has no effect", f"{answer.status} with {answer.writes} writes"
    if request.method in READS and answer.writes:
        yield "reading changes nothing", f"{answer.status} with {answer.writes} writes"
    if request.route == "/create_order" and not _has_response(answer.text):
        yield "the producer finds its RESPONSE", answer.text[:300]
    if "Traceback" in answer.text:
        yield "nothing of the inside is told", answer.text[:300]
    try:
        check_answer(request.method, request.path, answer.status, answer.headers, answer.text)
    except (NotAsDescribedError, ValueError, KeyError) as error:
        yield "every answer is as described", f"{type(error).__name__}: {error}"[:600]


def _has_response(text: str) -> bool:
    content = _content(text)
    return isinstance(content, dict) and "RESPONSE" in content


def _content(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
