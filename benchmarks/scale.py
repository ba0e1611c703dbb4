"""Measure what an operation costs by how much there is already, on an embedded emulator of its own.

    .rialto/venv/bin/python benchmarks/scale.py [--sizes 10,1000,10000]

For each thing that grows: the calls of AWS that an operation makes, what they answer, the median milliseconds, and the
ratio of these to the smallest size. Functions run in this process, tables and queues on the emulator. What grows with
its own answer (a signal with its users) is in benchmarks/signals.py, an artwork's closed orders in
benchmarks/history.py, the pure book in benchmarks/book.py, reports in benchmarks/bridge.py.
"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "localstack"), str(ROOT / "client" / "src")]

from tests.environment import FUNCTION, NOBODY

os.environ.update(NOBODY | FUNCTION | {"POWERTOOLS_LOG_LEVEL": "CRITICAL"})

from emulator import start_emulator, stop_emulator
from instance import Instance

import app as functions
from benchmarks.replay import recording
from chalicelib.market.matching import match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.market.wiring import market
from tests.functional.gateway import Gateway
from tests.moto_stack import create_stack

REPEATS = 15
BOOK, USER = 5, 77
STRATEGY = {"strategy": "STRATEGY_B", "instrument": "MINDA"}
Act = Callable[[], Any]


@dataclass(frozen=True)
class Growth:
    """Something that there is more and more of, and what should not mind."""

    what: str
    grow: Callable[[range], None]
    acts: dict[str, Act]


class Platform:
    """The functions, as the gateway and the stream call them."""

    def __init__(self) -> None:
        self._gateway = Gateway()
        self._fresh = count(10_000_000)

    def growths(self) -> Iterator[Growth]:
        """Yield them. Each leaves what it made to the next."""
        order = {"type": "limit", "side": "buy", "instrument": "DE0007664039", "limit_price": 10.25, "quantity": 3}
        first = self._content("POST", "/orders", order)["id"]
        newest = self._content("GET", "/orders?limit=1")["orders"][0]["id"]
        yield Growth(
            "orders of the broker, all waiting",
            lambda numbers: self._each("POST", "/orders", [order] * len(numbers)),
            {
                "POST /orders": self._call("POST", "/orders", order),
                "GET /orders?limit=20": self._call("GET", "/orders?limit=20"),
                "GET /orders/{id}": self._call("GET", f"/orders/{first}"),
                "GET /orders/events?ids=": self._call("GET", f"/orders/events?ids={newest}&wait=0"),
            },
        )
        sell = {"user_id": 1, "artwork_id": 1, "price": 10, "direction": "sell"}
        yield Growth(
            "works for sale",
            lambda numbers: self._each(
                "POST", "/market/orders", [{**sell, "artwork_id": 1_000 + n, "price": 10 + n} for n in numbers]
            ),
            {
                "GET /market/artworks?sort=newest": self._call("GET", "/market/artworks?limit=20"),
                "GET /market/artworks?sort=price_asc": self._call("GET", "/market/artworks?sort=price_asc&limit=20"),
                "POST /market/orders, sell": lambda: self._content(
                    "POST", "/market/orders", {**sell, "artwork_id": next(self._fresh)}
                ),
            },
        )
        yield Growth(
            "open orders of one work",
            lambda numbers: self._each(
                "POST", "/market/orders", [{**sell, "artwork_id": BOOK, "price": 100 + n} for n in numbers]
            ),
            {
                "GET /market/artworks/{id}": self._call("GET", f"/market/artworks/{BOOK}"),
                "sell, buy and match": self._trade,
            },
        )
        buy = {**sell, "user_id": USER, "direction": "buy"}
        yield Growth(
            "open orders of one user",
            lambda numbers: self._each(
                "POST", "/market/orders", [{**buy, "artwork_id": 5_000_000 + n} for n in numbers]
            ),
            {"GET /market/orders?user_id=": self._call("GET", f"/market/orders?user_id={USER}&limit=20")},
        )
        yield Growth(
            "open positions",
            self._open_positions,
            {
                "GET /positions?limit=20": self._call("GET", "/positions?limit=20"),
                "POST /signals, BUY for nobody": self._call(
                    "POST", "/signals", {**STRATEGY, "instrument": "INFY", "position": "BUY"}
                ),
            },
        )

    def _trade(self) -> None:
        for user, direction in ((1, "sell"), (2, "buy")):
            body = {"user_id": user, "artwork_id": BOOK, "price": 5, "direction": direction}
            self._content("POST", "/market/orders", body)
        if match_artwork(market().matcher, ArtworkId(BOOK)) != 1:
            raise RuntimeError("not one trade")

    def _open_positions(self, numbers: range) -> None:
        profiles = {f"Holland Proctor {n:06d}": {STRATEGY["strategy"]: [STRATEGY["instrument"]]} for n in numbers}
        self._content("PUT", "/strategies/profiles", profiles)
        self._content("POST", "/signals", {**STRATEGY, "position": "BUY"})

    def _each(self, method: str, path: str, bodies: list[Any]) -> None:
        for body in bodies:
            self._content(method, path, body)

    def _content(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._call(method, path, body)()
        if answer["statusCode"] >= 300:
            raise RuntimeError(f"{method} {path}: {answer['statusCode']} {answer['body']}")
        return json.loads(answer["body"])

    def _call(self, method: str, path: str, body: Any = None) -> Act:
        event = self._gateway.event(method, path, body)
        return lambda: functions.app(event, None)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,1000,10000", help="how many of each, rising")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    with tempfile.TemporaryDirectory() as home:
        instance = Instance.on_free_ports(Path(home))
        start_emulator(instance)
        try:
            os.environ["AWS_ENDPOINT_URL"] = instance.endpoint
            os.environ.update(create_stack({"Exchange": "given", "GivenFailureRate": "0", "GivenLatency": "0"}))
            platform, out = Platform(), sys.stdout
            # The functions write their metrics to standard output.
            with redirect_stdout(io.StringIO()):
                for growth in platform.growths():
                    for line in _measure(growth, sizes):
                        print(line, file=out, flush=True)
        finally:
            stop_emulator(instance)


def _measure(growth: Growth, sizes: list[int]) -> Iterator[str]:
    yield f"\n{growth.what:38}{'':>8}{'calls':>7}{'KB':>8}{'ms':>9}{'ratio':>7}"
    made, first = 0, dict[str, float]()
    for size in sizes:
        growth.grow(range(made, size))
        made = size
        for name, act in growth.acts.items():
            with recording() as recorded:
                act()
            answers = [body for several in recorded.answers.values() for _, body in several]
            milliseconds = statistics.median(_time(act) for _ in range(REPEATS))
            ratio = milliseconds / first.setdefault(name, milliseconds)
            kilobytes = sum(map(len, answers)) / 1024
            yield f"{name:38}{size:8,}{len(answers):7}{kilobytes:8.1f}{milliseconds:9.2f}{ratio:7.2f}"


def _time(act: Act) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1e3


if __name__ == "__main__":
    main()
