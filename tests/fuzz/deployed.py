"""The part that goes over real HTTP to a deployed stack of its own, and what its tables hold before and after."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

from tests.e2e.stack import Stack
from tests.fuzz.operations import Known, draw_request
from tests.fuzz.request import Request
from tests.fuzz.session import Finding, learn_from
from tests.fuzz.wire import SHORT, Malformed, Reply, encode, exchange, malformed

CLIENTS = 4
BATCH = 200
MALFORMED = 0.2
"""Of the requests over HTTP, those that are none."""
REFUSED = frozenset({400, 413, 415, 422})
"""Refused for what they are, and not for what there is."""
OWN = "OperationsTable"
"""The output that names the table which changes by itself: the schedule's work at rest."""


@dataclass
class WireFigures:
    """What the requests over HTTP come to."""

    requests: int = 0
    malformed: int = 0
    refused_again: int = 0
    items: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: dict[str, tuple[float, str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def count(self, name: str, reply: Reply, again: str) -> None:
        """Count an answered request."""
        self.statuses[reply.status] += 1
        if reply.seconds > self.slowest.get(name, (0.0, ""))[0]:
            self.slowest[name] = reply.seconds, again


@dataclass
class Caller:
    """Sends requests to a stack from several clients at once, and counts what comes of them."""

    stack: Stack
    clients: ThreadPoolExecutor
    figures: WireFigures = field(default_factory=WireFigures)
    known: Known = field(default_factory=Known)
    refused: list[Request] = field(default_factory=list)

    def send(self, batch: list[Request]) -> None:
        """Send requests, and learn from the answers."""
        for request, reply in zip(batch, self.clients.map(self._exchange, map(encode, batch)), strict=True):
            self.figures.requests += 1
            self.figures.count(f"{request.method} {request.route}", reply, request.curl(self.stack.deployment.url))
            self.figures.findings += _faults(request, reply)
            learn_from(self.known, request, reply.status, reply.text.partition("\r\n\r\n")[2])
            if reply.status in REFUSED:
                self.refused.append(request)

    def send_refused(self, bad: list[Malformed]) -> None:
        """Send once more what was refused, and what is no HTTP at all: the tables must not change."""
        self.stack.wait_until_quiet()
        before = contents(self.stack)
        again = self.refused[-BATCH:]
        self.figures.refused_again = len(list(self.clients.map(self._exchange, map(encode, again))))
        for one, reply in zip(bad, self.clients.map(self._exchange_malformed, bad), strict=True):
            self.figures.malformed += 1
            self.figures.count(one.name, reply, repr(one.parts[0][:200]))
            if reply.status >= 500 or (200 <= reply.status < 300 and one.parts[0].startswith(b"POST")):
                self._find("what is no HTTP is refused", f"{one.name}: {reply.text[:200]}", one)
        after = contents(self.stack)
        self.figures.items = sum(map(len, after.values()))
        for table in (name for name in before if after[name] != before[name]):
            new = [row for row in after[table] if row not in before[table]]
            self._find("what is refused has no effect", f"{table}: {new}", bad[0])
        if self.stack.http.get("/health").status_code != 200:
            self._find("it lives on", "no health afterwards", bad[-1])

    def _exchange(self, sent: bytes) -> Reply:
        return exchange("127.0.0.1", self.stack.deployment.instance.port, (sent,))

    def _exchange_malformed(self, one: Malformed) -> Reply:
        return exchange("127.0.0.1", self.stack.deployment.instance.port, one.parts, SHORT)

    def _find(self, rule: str, what: str, one: Malformed) -> None:
        shown = Request("-", one.name, "/", (), b"".join(one.parts)[:500])
        self.figures.findings.append(Finding(rule, what, shown))


def run(stack: Stack, seed: int, count: int) -> WireFigures:
    """Send so many requests; return the figures."""
    dice, others = Random(f"wire {seed}"), malformed(Random(f"malformed {seed}"))
    bad = list(islice(others, round(count * MALFORMED)))
    with ThreadPoolExecutor(CLIENTS) as clients:
        caller = Caller(stack, clients)
        while caller.figures.requests < count - len(bad):
            size = min(BATCH, count - len(bad) - caller.figures.requests)
            caller.send([draw_request(dice, caller.known) for _ in range(size)])
        caller.send_refused(bad)
    return caller.figures


def contents(stack: Stack) -> dict[str, list[Any]]:
    """Return everything in the tables."""
    names = stack.dynamodb.list_tables()["TableNames"]
    return {name: sorted(stack.items(name), key=repr) for name in names if name != stack.deployment.outputs[OWN]}


def _faults(request: Request, reply: Reply) -> Iterator[Finding]:
    if reply.status >= 500 or reply.status == 0:
        yield Finding("no request makes a fault of ours", f"{reply.status}: {reply.text[:300]}", request)
