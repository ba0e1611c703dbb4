"""Simulated time, and the processes that live in it: exactly one task runs at a time, until it waits for the outside.

A process is one run of a function of ours, or a client. Its tasks are greenlets: they change hands a hundred times
faster than threads, and never but where they are told to. A process is killed between two of its steps, as the
platform kills: nothing that it does afterwards has any effect.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

SECOND = 1_000_000
"""Times are whole microseconds: sums of them are the same on every machine."""
_T = TypeVar("_T")
_R = TypeVar("_R")


class KilledError(BaseException):
    """The end of a process: passes every ``except Exception``."""


class Process:
    """One process. ``skew`` is by how many microseconds its clock is off."""

    def __init__(self, name: str, dice: Random, skew: int = 0) -> None:
        self.name = name
        self.dice = dice
        self.skew = skew
        self.alive = True
        self.ended_by: str | None = None
        self.struck: list[str] = []
        """The faults that it met."""
        self.calls = 0
        self.request: Any = None
        """What Chalice's app has in hand, when it is this process that runs."""
        self.tasks: list[Task] = []
        self.loop: AbstractEventLoop | None = None
        """Its event loop, if it has one."""


class Task:
    """One line of execution of a process."""

    def __init__(self, process: Process, run: Callable[[], None], hub: greenlet) -> None:
        self.process = process
        self.lasting: str | None = None
        """The fault that the present call meets at each attempt."""
        self.is_parked = False
        self.greenlet = greenlet(run, parent=hub)


class Scheduler:
    """Runs tasks and callbacks in the order of their moments."""

    def __init__(self) -> None:
        self.now = 0
        self.current: Task | None = None
        self.enter: Callable[[Process], None] = lambda _: None
        """Called before a process goes on, and the other after it stopped: for what all processes share here."""
        self.leave: Callable[[Process], None] = lambda _: None
        self._hub = getcurrent()
        self._numbers = count()
        self._agenda: list[tuple[int, int, Task | Callable[[], None]]] = []

    def at(self, moment: int, act: Callable[[], None]) -> None:
        """Do something at a moment."""
        heappush(self._agenda, (max(moment, self.now), next(self._numbers), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        self.at(self.now + round(seconds * SECOND), act)

    def run(self, until: int) -> None:
        """Let time pass until a moment."""
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, entry = heappop(self._agenda)
            if isinstance(entry, Task):
                self._resume(entry)
            else:
                entry()
        self.now = max(self.now, until)

    # --- For processes ------------------------------------------------------------------------------------------------

    def start(
        self, process: Process, run: Callable[[], _T], end: Callable[[_T | None, Exception | None], None]
    ) -> None:
        """Run a function as the process; ``end`` is told its result, its error, or neither if it was killed."""

        def main() -> None:
            result: _T | None = None
            error: Exception | None = None
            try:
                if process.alive:
                    result = run()
            except KilledError:
                process.alive = False
            except Exception as raised:  # noqa: BLE001 - whatever a function raises, the platform goes on
                error = raised
            was_alive, process.alive = process.alive, False
            end(result if was_alive else None, error if was_alive else None)

        self._add(process, main)

    def kill(self, process: Process, reason: str) -> None:
        """End the process where it stands."""
        if not process.alive:
            return
        process.alive = False
        process.ended_by = reason
        self.at(self.now, lambda: self._bury(process))
        if self.current is not None and self.current.process is process:
            raise KilledError

    def _bury(self, process: Process) -> None:
        for task in process.tasks:
            if task.greenlet and not task.greenlet.dead:
                self._switch(task, lambda greenlet: greenlet.throw(KilledError))

    # --- For tasks ----------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let the running task wait for so many seconds."""
        task = self._running()
        heappush(self._agenda, (self.now + round(seconds * SECOND), next(self._numbers), task))
        self._leave(task)

    def park(self) -> None:
        """Let the running task wait until it is woken."""
        task = self._running()
        task.is_parked = True
        self._leave(task)

    def wake(self, task: Task) -> None:
        """Let a parked task go on."""
        if task.is_parked:
            task.is_parked = False
            heappush(self._agenda, (self.now, next(self._numbers), task))

    def fork(self, run: Callable[[], None]) -> None:
        """Start another task of the running process."""
        process = self._running().process

        def main() -> None:
            with suppress(KilledError):
                if process.alive:
                    run()

        self._add(process, main)

    def _running(self) -> Task:
        assert self.current is not None, "only a task can wait"
        if not self.current.process.alive:
            raise KilledError
        return self.current

    def _add(self, process: Process, main: Callable[[], None]) -> None:
        task = Task(process, main, self._hub)
        process.tasks.append(task)
        heappush(self._agenda, (self.now, next(self._numbers), task))

    def _leave(self, task: Task) -> None:
        self._hub.switch()
        if not task.process.alive:
            raise KilledError

    def _resume(self, task: Task) -> None:
        if not task.greenlet.dead:
            self._switch(task, lambda greenlet: greenlet.switch())

    def _switch(self, task: Task, switch: Callable[[greenlet], object]) -> None:
        before, self.current = self.current, task
        self.enter(task.process)
        try:
            switch(task.greenlet)
        finally:
            self.leave(task.process)
            self.current = before


class Pool:
    """In the place of ThreadPoolExecutor: its workers are tasks of the process that uses it."""

    def __init__(self, scheduler: Scheduler, max_workers: int) -> None:
        self._scheduler = scheduler
        self._max_workers = max_workers
        self._busy = 0
        self._is_canceled = False

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        while self._busy:
            self._scheduler.park()

    def map(self, call: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Call for each item, several at once; yield the results in the order of the items."""
        waiting = list(items)
        if self._scheduler.current is None or len(waiting) == 1:
            return map(call, waiting)
        results: dict[int, tuple[_R | None, Exception | None]] = {}
        owner = self._scheduler.current
        numbers = iter(range(len(waiting)))

        def work() -> None:
            try:
                for number in numbers:
                    if self._is_canceled:
                        return
                    try:
                        results[number] = call(waiting[number]), None
                    except Exception as error:  # noqa: BLE001 - raised where the result is asked for
                        results[number] = None, error
                    self._scheduler.wake(owner)
            finally:
                self._busy -= 1
                self._scheduler.wake(owner)

        for _ in range(min(self._max_workers, len(waiting))):
            self._busy += 1
            self._scheduler.fork(work)
        return self._results(results, len(waiting))

    def _results(self, results: dict[int, tuple[_R | None, Exception | None]], expected: int) -> Iterator[_R]:
        for number in range(expected):
            while number not in results:
                self._scheduler.park()
            result, error = results[number]
            if error is not None:
                self._is_canceled = True
                raise error
            yield result  # type: ignore[misc] # There is one, for there is no error.
