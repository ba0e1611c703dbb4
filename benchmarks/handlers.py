"""Measure what one invocation of a warm function costs in processor time, for each route and each event.

    .rialto/venv/bin/python benchmarks/handlers.py [--profile NAME] [--write]

Each is carried out once on moto, and then over and over with AWS's answers replayed: what is measured is Chalice, our
code, pynamodb and botocore, without network and without tables. The figure is the least of the batches, for one
invocation. The sweep is left out: it goes on where it stopped, so no two of its runs are alike.

Prints the profile of the slowest, or of the one that is named; --write keeps the figures for benchmarks/cost.py.
"""

import argparse
import cProfile
import io
import json
import os
import platform
import pstats
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.environment import FUNCTION, NOBODY

os.environ.update(NOBODY | FUNCTION)

from moto import mock_aws

import app as functions
from benchmarks.replay import Recording, recording, replaying
from chalicelib.core.sqs import sqs_client
from tests.functional.events import queue_event, read_event
from tests.functional.gateway import Gateway
from tests.functional.market import ArtMarket
from tests.moto_stack import create_stack
from tests.unit.broker.report_json import report_json
from tests.unit.market.records import record_of

ROUNDS = 25
SECONDS = 0.02
"""That a batch takes about."""
USERS = 30
"""For whom the signals are valid; one transaction each, since moto cannot do two at once."""
FIGURES = Path(__file__).with_name("handlers.json")
Event = dict[str, Any]
Invoke = Callable[[], Any]


@dataclass(frozen=True)
class Measured:
    """What one invocation takes."""

    name: str
    milliseconds: float
    """Of the processor."""
    calls: dict[str, int]
    """Of AWS, by operation."""


class Scene:
    """A platform with something in every list, and an invocation of everything."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._gateway = Gateway()
        self._market = ArtMarket(environment)

    def invocations(self) -> Iterator[tuple[str, Invoke]]:
        """Yield each with its name; each works on what those before it left."""
        yield from self._broker()
        yield from self._art_market()
        yield from self._strategies()
        for path in ("/health", "/operations/queues", "/operations/dead-letters?queue=placements"):
            yield self._get(path)
        yield self._get("/operations/invariants")
        for path in ("/", "/web/app.js", "/docs", "/openapi.json"):
            yield self._get(path)

    def _broker(self) -> Iterator[tuple[str, Invoke]]:
        body = {"type": "limit", "side": "buy", "instrument": "DE0007664039", "limit_price": 10.25, "quantity": 3}
        ids = [self._gateway.post("/orders", body).content["id"] for _ in range(30)]
        yield self._request("POST", "/orders", body)
        yield "POST /orders, refused", self._call("POST", "/orders", {**body, "side": "hold", "quantity": -1})
        yield "hand over 1 order", self._hand_over(ids[:1])
        yield "hand over 100 orders", self._hand_over(ids * 4)
        yield "place 1 order", self._place(ids[:1])
        yield "place 10 orders", self._place(ids[1:11])
        yield "apply 10 reports of 10 orders", self._apply(ids[1:11])
        yield "GET /orders/{id}", self._call("GET", f"/orders/{ids[0]}")
        yield "GET /orders/{id}/timeline", self._call("GET", f"/orders/{ids[0]}/timeline")
        yield "GET /orders, 20 of them", self._call("GET", "/orders?limit=20")
        yield "POST /orders/{id}/cancel", self._call("POST", f"/orders/{ids[20]}/cancel")

    def _hand_over(self, ids: list[str]) -> Invoke:
        (record,) = read_event("stream_insert")["Records"]
        records = []
        for number in range(min(len(ids), 100)):
            change = record["dynamodb"]
            # All different: the hand-over sends each order once.
            key = ids[number % len(ids)][:-3] + f"{number:03d}"
            records.append({**record, "dynamodb": {**change, "Keys": {"order_id": {"S": key}}}})
        return lambda: functions.hand_over_orders({"Records": records}, None)

    def _place(self, ids: list[str]) -> Invoke:
        bodies = [json.dumps({"order_id": order_id}) for order_id in ids]
        return lambda: functions.place_orders(queue_event(*bodies), None)

    def _apply(self, ids: list[str]) -> Invoke:
        reports = [
            report_json(client_order_id=order_id, order_seq=2, cum_qty=1, leaves_qty=2, last_qty=1) for order_id in ids
        ]
        return lambda: functions.apply_reports(queue_event(json.dumps({"reports": reports})), None)

    def _art_market(self) -> Iterator[tuple[str, Invoke]]:
        sell = {"user_id": 1, "artwork_id": 7, "price": 10.25, "direction": "sell"}
        buy = {**sell, "user_id": 2, "direction": "buy", "price": 9.5}
        for number in range(30):
            self._market.offer(sell, artwork_id=100 + number)
            self._market.offer(sell, price=11 + number)
            self._market.offer(buy, price=1 + number / 10)
        yield self._request("PUT", "/market/artworks/7", {"title": "Nocturne", "artist": "A. Painter"})
        yield "POST /market/orders, sell", self._call("POST", "/market/orders", {**sell, "price": 12})
        yield "POST /market/orders, buy", self._call("POST", "/market/orders", buy)
        canceled = self._market.offer(buy)
        yield "POST /market/orders/{id}/cancel", self._call("POST", f"/market/orders/{canceled}/cancel")
        crossing = self._market.offer({**buy, "price": 11})
        items = [item for item in self._market.tables.items(self._market.tables.orders) if crossing in str(item)]
        yield "match 1 trade", lambda: functions.match_orders({"Records": [record_of(item) for item in items]}, None)
        yield "GET /market/orders/{id}", self._call("GET", f"/market/orders/{crossing}")
        for path in ("/market/orders?user_id=1", "/market/transactions?user_id=2", "/market/artworks?limit=20"):
            yield self._get(path)
        yield self._get("/market/artworks/7")

    def _strategies(self) -> Iterator[tuple[str, Invoke]]:
        profiles = {f"Holland Proctor {number:03d}": {"STRATEGY_B": ["MINDA"]} for number in range(USERS)}
        yield f"PUT /strategies/profiles, {USERS} users", self._call("PUT", "/strategies/profiles", profiles)
        signal = {"strategy": "STRATEGY_B", "instrument": "MINDA"}
        for verb in ("BUY", "SELL"):
            yield f"POST /signals, {verb}, {USERS} users", self._call("POST", "/signals", {**signal, "position": verb})
        old = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "INFY", "POSITION": "BUY"}
        yield "POST /create_order, for nobody", self._call("POST", "/create_order", old)
        self._gateway.post("/signals", {**signal, "position": "BUY"})
        listed = self._gateway.get("/signals?limit=3").content["signals"]
        yield f"GET /signals/{{id}}, {USERS} users", self._call("GET", f"/signals/{listed[0]['signal_id']}")
        for path in ("/signals", "/strategies/profiles", "/positions?limit=20", "/order-log?limit=20"):
            yield self._get(path)

    def _get(self, path: str) -> tuple[str, Invoke]:
        return self._request("GET", path)

    def _request(self, method: str, path: str, body: Any = None) -> tuple[str, Invoke]:
        return f"{method} {path}", self._call(method, path, body)

    def _call(self, method: str, path: str, body: Any = None) -> Invoke:
        event = self._gateway.event(method, path, body)
        return lambda: functions.app(event, None)


def record_all() -> Iterator[tuple[str, Invoke, Recording]]:
    """Carry out each invocation once, on moto; yield its name, how to do it again, and what AWS answered."""
    parameters = {"Exchange": "given", "GivenFailureRate": "0", "GivenLatency": "0"}
    with mock_aws():
        environment = create_stack(parameters)
        os.environ.update(environment)
        sqs_client.cache_clear()
        for name, invoke in Scene(environment).invocations():
            with recording() as recorded:
                answer = invoke()
            if isinstance(answer, dict) and answer.get("statusCode", 200) >= 500:
                raise RuntimeError(f"{name}: {answer['body']}")
            yield name, invoke, recorded


def measure(recorded: Mapping[str, tuple[Invoke, Recording]]) -> list[Measured]:
    """Return the least processor time of each invocation. The rounds take turns: a busy minute spoils no one's all."""
    least = dict.fromkeys(recorded, float("inf"))
    for _ in range(ROUNDS):
        for name, (invoke, answers) in recorded.items():
            least[name] = min(least[name], _time_batch(invoke, answers))
    return [
        Measured(name, round(least[name] * 1e3, 3), {name.rpartition(".")[2]: n for name, n in answers.calls().items()})
        for name, (_, answers) in recorded.items()
    ]


def _time_batch(invoke: Invoke, answers: Recording) -> float:
    with replaying(answers):
        started = process_time()
        invoke()
        size = max(1, round(SECONDS / (process_time() - started)))
        started = process_time()
        for _ in range(size):
            invoke()
        return (process_time() - started) / size


def profile(invoke: Invoke, recorded: Recording) -> str:
    """Return where the time goes: the first 15 by their own time, and by what they call."""
    profiler, out = cProfile.Profile(), io.StringIO()
    # What threads do is done here, one after the other: a profiler sees its own thread only.
    with replaying(recorded), patch.object(ThreadPoolExecutor, "submit", _submit_here), profiler:
        for _ in range(30):
            invoke()
    stats = pstats.Stats(profiler, stream=out)
    times = {where: row[2] for where, row in stats.stats.items()}  # type: ignore[attr-defined] # it has, undeclared
    ours = sum(time for (file, *_), time in times.items() if "/chalicelib/" in file)
    out.write(f"{ours / sum(times.values()):.0%} of the time is in our own code, what it calls left out\n")
    stats.strip_dirs()
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(15)
    return out.getvalue()


def _submit_here(_: ThreadPoolExecutor, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(call(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - as the executor does
        future.set_exception(error)
    return future


def main() -> None:
    """Print the table and a profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", metavar="NAME", help="profile this one, not the slowest")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name}")
    arguments = parser.parse_args()
    with redirect_stdout(io.StringIO()):
        # First all of them, since moto would answer beside the replay, and take its time.
        recorded = {name: (invoke, recording_) for name, invoke, recording_ in record_all()}
        measured = measure(recorded)
        slowest = arguments.profile or max(measured, key=lambda one: one.milliseconds).name
        report = profile(*recorded[slowest])
    print(f"{'milliseconds of the processor, warm':44}{'ms':>9}  calls")
    for one in measured:
        calls = ", ".join(f"{count} {name}" for name, count in one.calls.items())
        print(f"{one.name:44}{one.milliseconds:9.2f}  {calls or 'none'}")
    print(f"\n{slowest}\n{report}")
    if arguments.write:
        figures = {one.name: {"milliseconds": one.milliseconds, "calls": one.calls} for one in measured}
        content = {"on": str(datetime.now(UTC).date()), "python": platform.python_version(), "invocations": figures}
        FIGURES.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
