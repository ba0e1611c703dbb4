"""One simulated world: the account, the exchange, time, and our own functions, which run as they are deployed."""

import json
import logging
import os
import random
import sys
import uuid
from asyncio import events
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

import urllib3

import app as application
from chalicelib.broker import wiring as broker_wiring
from chalicelib.market import wiring as market_wiring
from chalicelib.operations import wiring as operations_wiring
from chalicelib.strategies import wiring as strategies_wiring
from tests.environment import NOBODY
from tests.moto_stack import create_stack
from tests.simulation.bridges import Bridges
from tests.simulation.cloud.account import Account
from tests.simulation.cloud.sdk import connected
from tests.simulation.cloud.tables import Change
from tests.simulation.exchange import ExchangeWire
from tests.simulation.faults import Faults
from tests.simulation.feed import Feed
from tests.simulation.history import Failure, History, Queued, Write
from tests.simulation.scheduler import SECOND, Pool, Process, Scheduler
from tests.simulation.story import Story
from tests.simulation.venue import Venue
from tests.simulation.wire import Wire

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_CONFIG = json.loads((Path(__file__).parents[2] / ".chalice" / "config.json").read_text())
TIME_OUTS: dict[str, float] = {
    name: function["lambda_timeout"] for name, function in _CONFIG["stages"]["rialto"]["lambda_functions"].items()
}
_WIRINGS = (broker_wiring, market_wiring, strategies_wiring, operations_wiring)
_T = TypeVar("_T")
End = Callable[[Any, Exception | None, Process], None]
"""Told what a function returned, or raised, or neither of both when it was killed."""


class World:
    """Everything of one history. ``skews`` are the seconds by which clocks may be off."""

    def __init__(self, seed: int, faults: Faults, parameters: dict[str, str]) -> None:
        self.seed = seed
        self.faults = faults
        self.scheduler = Scheduler()
        self.history = History()
        self.story = Story(lambda: self.scheduler.now, lambda: self.history.steps)
        self.dice = Random(f"{seed}/world")
        self.account = Account(lambda: START.timestamp() + self.scheduler.now / SECOND, self._lag)
        self.venue = Venue(self.history, self.scheduler, faults, seed)
        self.venue.now = self.time
        self.exchange = ExchangeWire(self.venue, self.scheduler, faults, self.story)
        feed = Feed(self.venue, self.scheduler, faults, self.story, seed)
        feed.is_down = self.exchange.is_down
        self.bridges = Bridges(self, feed)
        self.running: dict[str, Process] = {}
        """The functions that run now, by name."""
        self.parameters = parameters
        self._counts: Counter[str] = Counter()
        self.wire = Wire(self.account, self.scheduler, faults, self.history, self.story)
        self._ids = Random(f"{seed}/ids")
        self.scheduler.enter, self.scheduler.leave = _enter, _leave

    # --- Processes ----------------------------------------------------------------------------------------------------

    def process(self, kind: str) -> Process:
        """Return a new process; those of one kind are numbered."""
        self._counts[kind] += 1
        name = f"{kind} {self._counts[kind]}"
        dice = Random(f"{self.seed}/{name}")
        return Process(name, dice)

    def invoke(self, function: str, about: str, run: Callable[[], Any], end: End) -> Process:
        """Run one of our functions, which is killed at the end of its time."""
        process = self.process(function)
        self.running[process.name] = process
        if self.faults.draw(["function.clock_off"], process.dice, process.name):
            process.skew = round(process.dice.uniform(-1.5, 1.5) * SECOND)
        self.scheduler.after(TIME_OUTS[function], lambda: self._time_out(process))
        if self.faults.draw(["function.killed"], process.dice, process.name):
            self.scheduler.after(process.dice.expovariate(5.0), lambda: self.kill(process, "function.killed"))
        self.story.tell(f"{process.name} begins: {about}")

        def ended(result: Any, error: Exception | None) -> None:
            del self.running[process.name]
            told = process.ended_by or (f"raised {error!r}" if error is not None else "done")
            self.story.tell(f"{process.name} ends: {told}")
            if error is not None:
                self.fail(process, error)
            end(result, error, process)

        self.scheduler.start(process, run, ended)
        return process

    def kill(self, process: Process, why: str) -> None:
        """End a function that runs."""
        if process.alive:
            process.struck.append(why)
            self.story.tell(f"{process.name}: {why}", fault=True)
            self.scheduler.kill(process, why)

    def restart(self) -> None:
        """End every function, and forget what they kept in memory."""
        for process in list(self.running.values()):
            self.kill(process, "stack.restarted")
        forget_wiring()

    def fail(self, process: Process, error: BaseException) -> None:
        """Note what a function of ours did not expect."""
        told = f"{type(error).__name__}: {error}"
        self.history.failures.append(Failure(self.history.step(), process.name, told, tuple(process.struck)))
        self.story.tell(f"{process.name} fails: {told}")

    def _time_out(self, process: Process) -> None:
        if process.alive:
            self.faults.counts["function.timed_out"] += 1
            self.kill(process, "function.timed_out")

    def _lag(self, index: str) -> float:
        if self.faults.draw(["index.lags"], self.dice, f"{index}/{self.history.steps}"):
            return self.dice.choice([2.0, 10.0, 60.0, 200.0])
        return self.dice.uniform(0.0, 0.5) if self.faults.active else 0.0

    # --- What our code sees of the world ------------------------------------------------------------------------------

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this world be the only one, for as long as the context lasts."""
        before = random.getstate()
        random.seed(self.seed)
        with ExitStack() as stack:
            for target, name, value in self._patches():
                stack.enter_context(patch.object(target, name, value))
            self.bridges.patch(stack)
            stack.enter_context(connected(self.wire.carry, self._wait))
            stack.enter_context(patch.dict(os.environ, NOBODY))
            stack.enter_context(patch.dict(os.environ, create_stack(self.parameters)))
            self.account.dynamodb.watchers += [self._note, self.bridges.look_at]
            for queue in self.account.sqs.queues.values():
                queue.watch = partial(self._note_message, self.history.queued, queue.name)
                queue.watch_deleted = partial(self._note_message, self.history.deleted, queue.name)
            logging.disable()
            forget_wiring()
            try:
                yield
            finally:
                self.bridges.kill()
                for process in list(self.running.values()):
                    self.scheduler.kill(process, "the end")
                self.scheduler.run(self.scheduler.now)
                logging.disable(logging.NOTSET)
                forget_wiring()
                random.setstate(before)

    def _patches(self) -> list[tuple[Any, str, Any]]:
        modules = sys.modules
        pool = partial(Pool, self.scheduler)
        moments = SimpleNamespace(now=lambda _: self._now(), fromisoformat=datetime.fromisoformat)
        counter = SimpleNamespace(perf_counter=lambda: self.scheduler.now / SECOND)
        return [
            (modules["chalicelib.core.clock"], "datetime", moments),
            (modules["chalicelib.core.clock"], "time", SimpleNamespace(sleep=self.scheduler.sleep)),
            (modules["chalicelib.broker.worker"], "time", counter),
            *((modules[name], "ThreadPoolExecutor", pool) for name in _with_pools()),
            (modules["chalicelib.core.telemetry"], "_logger", lambda: _Log(self)),
            (modules["chalicelib.core.telemetry"], "_write", lambda _: None),
            (modules["chalicelib.broker.exchange"], "place_order", self._place_given),
            (urllib3, "PoolManager", lambda **_: self.exchange),
            (uuid, "uuid4", self._new_uuid),
        ]

    def time(self) -> datetime:
        """Return what a clock shows that is right."""
        return START + timedelta(microseconds=self.scheduler.now)

    def _now(self) -> datetime:
        task = self.scheduler.current
        skew = 0 if task is None else task.process.skew
        return self.time() + timedelta(microseconds=skew)

    def _wait(self, attempt: int) -> None:
        task = self.scheduler.current
        if task is not None:
            self.scheduler.sleep(task.process.dice.uniform(0.0, 0.1 * 2**attempt))

    def _new_uuid(self) -> uuid.UUID:
        task = self.scheduler.current
        dice = self._ids if task is None else task.process.dice
        return uuid.UUID(int=dice.getrandbits(128), version=4)

    def _place_given(self, order: Any, **_: Any) -> None:
        self.exchange.place_given(order)

    def _note(self, changes: list[Change]) -> None:
        task = self.scheduler.current
        name = "late" if task is None else task.process.name
        self.history.writes.append(Write(self.history.step(), self.scheduler.now, name, changes))

    def _note_message(self, messages: list[Queued], queue: str, body: str) -> None:
        task = self.scheduler.current
        name = "the platform" if task is None else task.process.name
        messages.append(Queued(self.history.step(), queue, body, name))


def _with_pools() -> list[str]:
    """Return the modules of ours that work on several things at once."""
    ours = (name for name in sys.modules if name.startswith("chalicelib."))
    return sorted(name for name in ours if hasattr(sys.modules[name], "ThreadPoolExecutor"))


def forget_wiring() -> None:
    """Let the parts of the markets be put together anew, as in a process that just began."""
    for wiring in _WIRINGS:
        wiring._build.cache_clear()


def _enter(process: Process) -> None:
    application.app.current_request = process.request
    events._set_running_loop(process.loop)


def _leave(process: Process) -> None:
    process.request = application.app.current_request
    events._set_running_loop(None)


class _Log:
    """What our functions tell while they run."""

    def __init__(self, world: World) -> None:
        self._world = world

    def info(self, message: str, extra: dict[str, Any]) -> None:
        """Put the line into the story."""
        if self._world.story.is_told:
            # How long it took is told in real time, which is another one each time.
            fields = ((name, value) for name, value in extra.items() if name != "latency_ms")
            shown = ", ".join(f"{name}={value}" for name, value in fields if value not in (None, [], 0))
            task = self._world.scheduler.current
            self._world.story.tell(f"{task.process.name if task else ''} says: {message} {shown}")

    def exception(self, message: str, extra: dict[str, Any]) -> None:
        """Note the fault that is being handled."""
        del message, extra
        task, error = self._world.scheduler.current, sys.exc_info()[1]
        if task is not None and error is not None:
            self._world.fail(task.process, error)
