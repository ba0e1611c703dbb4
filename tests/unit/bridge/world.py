"""A bridge between an exchange and a queue: in a thread of this process where that is enough, as a process else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3

from bridge.__main__ import QUEUE_CONFIG, TABLE_CONFIG
from bridge.bridge import Bridge
from bridge.lease import LeaseTable
from bridge.publisher import SqsQueue
from tests.environment import NOBODY
from tests.unit.bridge.aws import TABLE, Aws
from tests.unit.bridge.exchange import Exchange

ROOT = Path(__file__).parents[3]
LEASE = 5.0
"""Seconds, as they are by default: a machine that is busy for one must not depose a leader that a test looks at."""
SHORT_LEASE = 1.0
"""Of processes that are killed: whoever follows waits for its end."""


def eventually(holds: Callable[[], bool], what: str = "", within: float = 20) -> None:
    """Wait until something holds; fail if it does not in time."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)


def at_rest(look: Callable[[], int]) -> int:
    """Return a number when it has not changed for a while."""
    seen, since = look(), time.monotonic()
    while time.monotonic() < since + 0.5:
        time.sleep(0.01)
        if look() != seen:
            seen, since = look(), time.monotonic()
    return seen


class RunningBridge:
    """A bridge in a thread."""

    def __init__(self, world: World, holder: str, lease: float) -> None:
        self._world = world
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._run(holder, lease),))
        self._thread.start()
        eventually(lambda: self._stop is not None)

    async def _run(self, holder: str, lease: float) -> None:
        stop = asyncio.Event()
        self._stop = stop
        client = boto3.client("dynamodb", endpoint_url=self._world.aws.url, config=TABLE_CONFIG)
        queue = SqsQueue(
            boto3.client("sqs", endpoint_url=self._world.aws.url, config=QUEUE_CONFIG), self._world.aws.queue_url
        )
        await Bridge(self._world.exchange.url, queue, LeaseTable(client, TABLE, holder, lease)).run(stop)
        await self._loop.shutdown_default_executor()

    def stop(self) -> None:
        """Stop it in good order."""
        if self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)
        assert not self._thread.is_alive()
        self._loop.close()
        self._stop = None


class World:
    """The exchange, the queue, the table, and the bridges between them."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.aws = Aws()
        self._bridges: list[RunningBridge] = []
        self._processes: list[subprocess.Popen[str]] = []

    @contextmanager
    def bridge(self, holder: str = "one", lease: float = LEASE) -> Iterator[RunningBridge]:
        """Run a bridge in a thread."""
        running = RunningBridge(self, holder, lease)
        self._bridges.append(running)
        try:
            yield running
        finally:
            if running in self._bridges:
                self.stop(running)

    def stop(self, running: RunningBridge) -> None:
        """Stop a bridge before its time."""
        self._bridges.remove(running)
        running.stop()

    def start_process(self, holder: str, lease: float = SHORT_LEASE) -> subprocess.Popen[str]:
        """Start a bridge as a process."""
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": self.aws.url,
            **NOBODY,
            "FEED_URL": self.exchange.url,
            "REPORTS_QUEUE_URL": self.aws.queue_url,
            "OPERATIONS_TABLE": TABLE,
            "BRIDGE_HOLDER": holder,
            "BRIDGE_LEASE": str(lease),
        }
        process = subprocess.Popen([sys.executable, "-m", "bridge"], env=environ, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        return process

    def expect(self, last: int) -> None:
        """Wait until every report up to the last one is in the queue."""
        wanted = set(range(1, last + 1))
        eventually(lambda: wanted <= self.aws.numbers, f"reports up to {last}", 30)

    def close(self) -> None:
        """End everything."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=10)
        for running in list(self._bridges):
            self.stop(running)
        self.exchange.server.close()
        self.aws.server.close()


def terminate(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> list[dict[str, Any]]:
    """Stop a bridge's process and return what it logged; fail unless it ends with 0."""
    process.send_signal(number)
    printed, _ = process.communicate(timeout=15)
    assert process.returncode == 0, printed
    return [json.loads(line) for line in printed.splitlines()]
