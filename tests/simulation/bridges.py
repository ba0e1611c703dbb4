"""The bridge as a process of the world: the real one, with its event loop, in simulated time.

Two of them run: the leader and its standby. One that dies comes up again some seconds later, under another name.
"""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3

from bridge import bridge, conversation, feed, publisher
from bridge.__main__ import QUEUE_CONFIG, TABLE_CONFIG
from bridge.backoff import Backoff
from bridge.lease import Clock, LeaseTable
from bridge.publisher import SqsQueue
from bridge.reading_clock import ReadingClock
from tests.simulation.cloud.tables import Change
from tests.simulation.feed import Feed, FeedClient
from tests.simulation.loop import SimulatedLoop
from tests.simulation.scheduler import SECOND, Process

if TYPE_CHECKING:
    from tests.simulation.world import World

SEATS = 2
LEASE = 5.0
LOOKS = 0.5
"""Seconds between two looks at the gaps: a third of the time that the simulation takes goes there otherwise."""
FAULTS = ("bridge.killed", "bridge.paused")


class Bridges:
    """The processes of the bridge, as a service that keeps two of them."""

    def __init__(self, world: "World", feed: Feed) -> None:
        self._world = world
        self._feed = feed
        self._wanted = False
        self._seats: dict[int, Process | None] = dict.fromkeys(range(SEATS))
        self._stops: dict[str, tuple[SimulatedLoop, asyncio.Event]] = {}
        self.loops: dict[str, SimulatedLoop] = {}
        """The loops of the processes that live, by name."""

    @property
    def live(self) -> bool:
        """Whether any of them still runs."""
        return any(self._seats.values())

    def start(self) -> None:
        """Have two bridges from now on."""
        self._wanted = True
        for seat, process in self._seats.items():
            if process is None:
                self._start(seat)

    def stop(self) -> None:
        """Tell all of them to end in good order, as SIGTERM does, and start no others."""
        self._wanted = False
        for loop, stop in self._stops.values():
            loop.call_soon(stop.set)
            loop.wake()

    def kill(self) -> None:
        """End all of them where they stand."""
        self._wanted = False
        for process in self._seats.values():
            if process is not None:
                self._world.scheduler.kill(process, "the end")

    def look_at(self, changes: list[Change]) -> None:
        """Count each lease that is taken while its last holder lives and has not given it back."""
        for change in changes:
            before, after = change.before, change.after
            if change.table == "Operations" and before and after and "holder" in before and "holder" in after:
                was_held = before["holder"] != after["holder"] and before["expires_at"]["N"] != "0"
                if was_held and before["holder"]["S"] in self.loops:
                    self._world.faults.counts["bridge.deposed"] += 1
                    self._world.story.tell(f"{after['holder']['S']} deposes {before['holder']['S']}", fault=True)

    def _start(self, seat: int) -> None:
        world = self._world
        process = self._seats[seat] = world.process("bridge")
        if world.faults.draw(["function.clock_off"], process.dice, process.name):
            process.skew = round(process.dice.uniform(-1.5, 1.5) * SECOND)
        loop = process.loop = SimulatedLoop(world.scheduler, process)
        self.loops[process.name] = loop
        fault = world.faults.draw(FAULTS, process.dice, process.name)
        if fault == "bridge.killed":
            world.scheduler.after(process.dice.expovariate(0.15), partial(world.kill, process, fault))
        if fault == "bridge.paused":
            world.scheduler.after(process.dice.expovariate(0.3), partial(self._pause, process, loop))
        world.story.tell(f"{process.name} begins")

        def end(_: None, error: Exception | None) -> None:
            self._end(seat, process, error)

        world.scheduler.start(process, lambda: loop.live(self._run(process, loop)), end)

    def _pause(self, process: Process, loop: SimulatedLoop) -> None:
        seconds = process.dice.choice([2.0, 8.0, 25.0])
        process.struck.append("bridge.paused")
        self._world.story.tell(f"{process.name} stands still for {seconds} s", fault=True)
        loop.stand_still(seconds)
        loop.wake()

    def _end(self, seat: int, process: Process, error: Exception | None) -> None:
        self._seats[seat] = None
        self._stops.pop(process.name, None)
        del self.loops[process.name]
        if error is not None:
            self._world.fail(process, error)
        self._world.story.tell(f"{process.name} ends: {process.ended_by or error or 'stopped'}")
        self._world.scheduler.after(process.dice.choice([0.5, 3.0, 12.0]), lambda: self._start_again(seat))

    def _start_again(self, seat: int) -> None:
        if self._wanted and self._seats[seat] is None:
            self._start(seat)

    async def _run(self, process: Process, loop: SimulatedLoop) -> None:
        stop = asyncio.Event()
        self._stops[process.name] = loop, stop
        sqs, dynamodb = _clients()
        clock = Clock(lambda: self._wall(process), loop.time)
        leases = LeaseTable(dynamodb, "Operations", process.name, LEASE, clock)
        queue = SqsQueue(sqs, self._world.account.url("Reports"))
        await bridge.Bridge("ws://exchange.test/feed", queue, leases).run(stop)

    def _wall(self, process: Process) -> float:
        return (self._world.time() + timedelta(microseconds=process.skew)).timestamp()

    # --- What the bridge sees of the world ----------------------------------------------------------------------------

    def patch(self, stack: ExitStack) -> None:
        """Let the bridge's modules see this world."""
        clock = SimpleNamespace(monotonic=lambda: self._world.scheduler.now / SECOND)
        patches: list[tuple[Any, str, Any]] = [
            (feed, "ClientSession", self._client),
            (feed, "ReadingClock", lambda: ReadingClock(clock.monotonic)),
            (feed, "GAP_PERIOD", LOOKS),
            *((module, "Backoff", partial(Backoff, draw=self._draw)) for module in (feed, publisher)),
            *((module, "time", clock) for module in (feed, bridge)),
            *((module, "ThreadPoolExecutor", _NoThreads) for module in (publisher, bridge)),
            *((module, "log", self._log) for module in (feed, bridge, publisher, conversation)),
        ]
        for target, name, value in patches:
            stack.enter_context(patch.object(target, name, value))

    def _client(self) -> FeedClient:
        process = self._process()
        return FeedClient(self._feed, process, self.loops[process.name])

    def _draw(self) -> float:
        return self._process().dice.random()

    def _process(self) -> Process:
        task = self._world.scheduler.current
        assert task is not None
        return task.process

    def _log(self, message: str, **fields: Any) -> None:
        if self._world.story.is_told and self._process().alive:
            shown = ", ".join(f"{name}={value}" for name, value in fields.items() if value not in (None, [], 0))
            self._world.story.tell(f"{self._process().name} says: {message} {shown}")


class _NoThreads:
    """In the place of ThreadPoolExecutor: the loop knows what to do instead."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Start nothing."""

    def shutdown(self, **_: Any) -> None:
        """Have nothing to end."""


@cache
def _clients() -> Any:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    return session.client("sqs", config=QUEUE_CONFIG), session.client("dynamodb", config=TABLE_CONFIG)
