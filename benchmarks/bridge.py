"""Measure the bridge: ``python benchmarks/bridge.py`` prints what one process carries from a feed into a queue.

Exchange and queue are as simple as can be and run in a process of their own; the bridge is the real one, on the sockets
it has in production. It reads a backlog as fast as it can, with a queue that answers at once and with one that takes 20
milliseconds, in frames of 500 reports and of 10. `/s` is by the clock on the wall, `/s of CPU` by the bridge's own
processor time, which others on the machine disturb less. The last line splits that time by what the bridge does with a
report, measured alone.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import boto3
import psutil
from aiohttp import web
from botocore.awsrequest import AWSResponse, HTTPHeaders

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bridge.frames import read_frame
from bridge.packing import Backlog, Message, pack_report
from bridge.progress import Position, Progress
from bridge.publisher import SqsQueue
from tests.environment import NOBODY

REPORTS = 200_000
SAMPLE = 20_000
CASES = ((500, 0.0), (500, 0.02), (10, 0.0))
"""Reports in a frame, and seconds that the queue takes."""


def make_reports(count: int) -> Iterator[dict[str, object]]:
    """Yield reports as the exchange writes them: ten for each order, three orders in turn."""
    for seq in range(1, count + 1):
        yield {
            "seq": seq,
            "exec_id": f"E{seq:08d}",
            "client_order_id": f"{seq // 30:024d}{seq % 3:08d}",
            "exchange_order_id": f"X{seq // 10:08d}",
            "order_seq": seq // 3 % 10 + 1,
            "status": "PARTIALLY_FILLED",
            "cum_qty": 30,
            "leaves_qty": 70,
            "avg_px": 101.25,
            "last_qty": 10,
            "last_px": 101.5,
            "at": "2026-11-21T12:00:00.123456Z",
        }


def make_frames(count: int, size: int) -> list[str]:
    """Return the reports in frames of so many."""
    reports = list(make_reports(count))
    frames = (reports[start : start + size] for start in range(0, count, size))
    return [json.dumps({"type": "reports", "session": "S1", "reports": frame}) for frame in frames]


class World:
    """A feed that sends everything at once, a queue that takes everything, and a table that agrees to everything."""

    def __init__(self, frames: list[str], latency: float) -> None:
        self._frames, self._latency = frames, latency
        self.reports = self.calls = self.messages = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Serve on a free port."""
        app = web.Application(client_max_size=2**22)
        app.router.add_get("/feed", self._feed)
        app.router.add_post("/{path:.*}", self._aws)
        runner = web.AppRunner(app)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        try:
            yield listener.getsockname()[1]
        finally:
            await runner.cleanup()

    async def _feed(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        await socket.send_json({"type": "welcome", "session": "S1", "first": 1, "last": REPORTS})
        for frame in self._frames:
            await socket.send_str(frame)
        while not socket.closed:
            await socket.receive()
        return socket

    async def _aws(self, request: web.Request) -> web.Response:
        arguments = json.loads(await request.read())
        if "Entries" not in arguments:
            return web.json_response({"Attributes": {"epoch": {"N": "1"}}})
        await asyncio.sleep(self._latency)
        entries = arguments["Entries"]
        self.calls += 1
        self.messages += len(entries)
        self.reports += sum(entry["MessageBody"].count('"exec_id"') for entry in entries)
        taken = [{"Id": entry["Id"], "MessageId": "m"} for entry in entries]
        return web.json_response({"Successful": taken, "Failed": []})


def serve(pipe: Connection, size: int, latency: float) -> None:
    """Be the world of one case in a process of its own: tell the port, then the counts when everything is there."""

    async def run() -> None:
        world = World(make_frames(REPORTS, size), latency)
        async with world.listening() as port:
            pipe.send(port)
            while world.reports < REPORTS:
                await asyncio.sleep(0.005)
            pipe.send((world.calls, world.messages))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


@contextmanager
def running_bridge(port: int) -> Iterator[psutil.Process]:
    """Run the bridge."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        **NOBODY,
        "FEED_URL": f"ws://127.0.0.1:{port}/feed",
        "REPORTS_QUEUE_URL": f"http://127.0.0.1:{port}/0/reports.fifo",
        "OPERATIONS_TABLE": "operations",
    }
    command = [sys.executable, "-m", "bridge"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        while process.stdout and "feed resumed" not in process.stdout.readline():
            pass
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def measure(size: int, latency: float) -> None:
    """Print the row of one case."""
    ours, theirs = get_context("spawn").Pipe()
    world = get_context("spawn").Process(target=serve, args=(theirs, size, latency))
    world.start()
    with running_bridge(ours.recv()) as bridge:
        before, started = cpu_time(bridge), time.perf_counter()
        calls, messages = ours.recv()
        wall, cpu = time.perf_counter() - started, cpu_time(bridge) - before
        memory = bridge.memory_info().rss / 2**20
    ours.send("enough")
    world.join()
    print(
        f"{size:>7}{latency * 1000:>10.0f}{REPORTS / wall:>12,.0f}{REPORTS / cpu:>12,.0f}{cpu / wall:>7.0%}"
        f"{REPORTS / messages:>12.1f}{REPORTS / calls:>10.0f}{memory:>8.0f}",
        flush=True,
    )


def cpu_time(process: psutil.Process) -> float:
    """Return the seconds of processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


class Nobody:
    """Nobody waits for what is not sent."""

    def settle(self, _: int) -> None:
        """Do nothing."""


def split() -> None:
    """Print the microseconds for each report of the steps that can be taken alone."""
    frames = make_frames(SAMPLE, 500)
    progress = Progress(Position("S1", 0))
    backlog, calls = Backlog(), list[list[Message]]()

    def track() -> None:
        for report in read:
            progress.sequence.arrive(report.number)

    def pack() -> None:
        backlog.add([pack_report(report.content, report.text, Nobody(), report.number) for report in read])
        while backlog:
            calls.append(backlog.take())

    def settle() -> None:
        for messages in calls:
            for message in messages:
                for report in message.reports:
                    progress.sequence.settle(report.number)
            progress.position()

    read = [report for frame in frames for report in read_frame(frame).reports]
    steps: dict[str, Callable[[], object]] = {
        "parse": lambda: [read_frame(frame) for frame in frames],
        "track": track,
        "pack": pack,
        "settle": settle,
        "send": lambda: [queue.send(messages) for messages in calls],
    }
    with answering_queue() as queue:
        figures = [f"{name} {1e6 * clock(step) / SAMPLE:.1f}" for name, step in steps.items()]
    print(f"\nmicroseconds of CPU for each report, alone: {', '.join(figures)}")


@contextmanager
def answering_queue() -> Iterator[SqsQueue]:
    """Yield the queue's client over a transport that answers at once: what is left is boto3's own work."""
    client = boto3.client(
        "sqs", endpoint_url="http://127.0.0.1:1", region_name="x", aws_access_key_id="x", aws_secret_access_key="x"
    )
    answer = json.dumps({"Successful": [{"Id": str(place), "MessageId": "m"} for place in range(10)], "Failed": []})

    class Raw:
        def stream(self) -> Iterator[bytes]:
            yield answer.encode()

    client.meta.events.register("before-send.sqs", lambda **_: AWSResponse("", 200, HTTPHeaders(), Raw()))
    yield SqsQueue(client, "http://127.0.0.1:1/0/reports.fifo")


def clock(step: Callable[[], object]) -> float:
    """Return the seconds of processor time that a step takes."""
    started = time.process_time()
    step()
    return time.process_time() - started


def main() -> None:
    """Print the table."""
    print(
        f"{'frame':>7}{'queue ms':>10}{'/s':>12}{'/s of CPU':>12}{'core':>7}{'in message':>12}{'in call':>10}{'MB':>8}"
    )
    for size, latency in CASES:
        measure(size, latency)
    split()


if __name__ == "__main__":
    main()
