"""The part that goes over real HTTP to a deployed stack of its own, and what its tables hold before and after."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from deployment import start, stop, wipe
from instance import Instance

from tests.deployed import PARAMETERS
from tests.e2e.stack import Stack
from tests.fuzz.operations import Known, draw_request
from tests.fuzz.request import Request
from tests.fuzz.session import Finding, learn_from
from tests.fuzz.wire import Malformed, Reply, encode, exchange, malformed

CLIENTS = 4
BATCH = 200
MALFORMED = 0.2
"""Of the requests over HTTP, those that are none."""
REFUSED = frozenset({400, 413, 415, 422})
"""Refused for what they are, and not for what there is."""
TABLES = ("BrokerOrders", "MarketOrders", "Trades", "Artworks", "Signals", "Subscriptions", "Positions", "OrderLog")


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


@contextmanager
def deployed_stack() -> Iterator[Stack]:
    """Deploy a stack on free ports, and leave nothing of it."""
    with tempfile.TemporaryDirectory(prefix="rialto-fuzz-") as home:
        instance = Instance.on_free_ports(Path(home) / "instance")
        try:
            with Stack(start(instance, PARAMETERS)) as stack:
                yield stack
        finally:
            stop(instance)
            wipe(instance)


def run(stack: Stack, seed: int, count: int) -> Iterator[WireFigures]:
    """Send so many requests; yield the figures after each batch."""
    figures, known, dice = WireFigures(), Known(), Random(f"wire {seed}")
    others = malformed(Random(f"malformed {seed}"))
    instance = stack.deployment.instance
    refused: list[Request] = []

    def send(request: Request) -> Reply:
        return exchange("127.0.0.1", instance.port, (encode(request),))

    def send_malformed(one: Malformed) -> Reply:
        return exchange("127.0.0.1", instance.port, one.parts, hang_up=True)

    with ThreadPoolExecutor(CLIENTS) as clients:
        while figures.requests < count * (1 - MALFORMED):
            batch = [draw_request(dice, known) for _ in range(BATCH)]
            for request, reply in zip(batch, clients.map(send, batch), strict=True):
                figures.requests += 1
                figures.count(f"{request.method} {request.route}", reply, request.curl(stack.deployment.url))
                figures.findings += _faults(request, reply)
                learn_from(known, request, reply.status, reply.text.partition("\r\n\r\n")[2])
                if reply.status in REFUSED:
                    refused.append(request)
            yield figures
        stack.wait_until_quiet()
        before = contents(stack)
        again = refused[-BATCH:]
        figures.refused_again = len(list(clients.map(send, again)))
        bad = list(islice(others, round(count * MALFORMED)))
        for one, reply in zip(bad, clients.map(send_malformed, bad), strict=True):
            figures.malformed += 1
            figures.count(one.name, reply, repr(one.parts[0][:200]))
            if reply.status >= 500 or (200 <= reply.status < 300 and one.parts[0].startswith(b"POST")):
                figures.findings.append(Finding("no HTTP is refused", f"{one.name}: {reply.text[:200]}", _shown(one)))
        after = contents(stack)
        figures.items = sum(map(len, after.values()))
        for table in (name for name in TABLES if after[name] != before[name]):
            what = f"{table}: {[item for item in after[table] if item not in before[table]]}"
            figures.findings.append(Finding("what is refused has no effect", what, _shown(bad[0])))
        if stack.http.get("/health").status_code != 200:
            figures.findings.append(Finding("it lives on", "no health afterwards", _shown(bad[-1])))
    yield figures


def contents(stack: Stack) -> dict[str, list[Any]]:
    """Return everything in the tables."""
    client = stack.deployment.session.client("dynamodb")
    try:
        pages = {
            name: client.get_paginator("scan").paginate(TableName=stack.deployment.outputs[f"{name}Table"])
            for name in TABLES
        }
        return {
            name: sorted((row for page in found for row in page["Items"]), key=repr) for name, found in pages.items()
        }
    finally:
        client.close()


def _faults(request: Request, reply: Reply) -> Iterator[Finding]:
    if reply.status >= 500 or reply.status == 0:
        yield Finding("no request makes a fault of ours", f"{reply.status}: {reply.text[:300]}", request)


def _shown(one: Malformed) -> Request:
    return Request("-", one.name, "/", (), b"".join(one.parts)[:500])
