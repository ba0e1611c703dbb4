"""asyncio in simulated time: the loop of a process of ours that lives for long, e.g. the bridge.

The loop is asyncio's own. Where it would wait for sockets it waits for the scheduler; what it hands to a thread becomes
another task of its process.
"""

import asyncio
from asyncio import events
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, TypeVar

from tests.simulation.scheduler import SECOND, KilledError, Process, Scheduler, Task

_T = TypeVar("_T")
_ROUNDS = 200
"""Rounds in which the tasks of a dead process come to their ends."""


class NumberedTask(asyncio.Task[Any]):
    """A task with a hash that is the same in every run: asyncio keeps tasks in sets, and goes through them."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **named: Any) -> None:
        self._number = number
        super().__init__(coroutine, **named)

    def __hash__(self) -> int:
        return self._number


class SimulatedLoop(asyncio.BaseEventLoop):
    """The event loop of one process."""

    def __init__(self, scheduler: Scheduler, process: Process) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._process = process
        self._selector = self
        # Moments are whole microseconds.
        self._clock_resolution = 1 / SECOND
        self._waiting: Task | None = None
        self._waits = 0
        self._stands_until = 0
        self._tasks: list[asyncio.Task[Any]] = []
        numbers = count()

        def make(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **named: Any) -> NumberedTask:
            task = NumberedTask(next(numbers), coroutine, loop=loop, **named)
            self._tasks = [one for one in self._tasks if not one.done()] + [task]
            return task

        self.set_task_factory(make)  # type: ignore[arg-type] # typeshed wants more of a factory than asyncio does.

    def live(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run until the end of a coroutine, or of the process."""
        task = self.create_task(main)
        try:
            while not task.done():
                self._run_once()  # type: ignore[attr-defined] # typeshed has none of asyncio's inner life.
            return task.result()
        except KilledError:
            self._abandon()
            raise
        finally:
            self.close()

    def stand_still(self, seconds: float) -> None:
        """Do nothing for so long, as a process that got no time of its machine."""
        self._stands_until = max(self._stands_until, self._scheduler.now + round(seconds * SECOND))

    def wake(self) -> None:
        """Look at once at what there is to do."""
        if self._waiting is not None:
            self._scheduler.wake(self._waiting)

    # --- What asyncio asks of a loop ----------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the seconds since the beginning of the world."""
        return self._scheduler.now / SECOND

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for so long, or until something wakes the loop."""
        if not self._process.alive:
            return []
        stood = self._stands_until > self._scheduler.now
        while self._stands_until > self._scheduler.now:
            self._scheduler.sleep((self._stands_until - self._scheduler.now) / SECOND)
        # What came meanwhile woke nobody: it has to be looked at before anything is waited for.
        if timeout != 0 and not stood:
            self._wait(timeout)
        return []

    def run_in_executor(  # type: ignore[override] # asyncio's is generic in the arguments; nobody looks at them here.
        self, executor: Any, function: Callable[..., Any], *arguments: Any
    ) -> asyncio.Future[Any]:
        """Call a function in another task of the process."""
        del executor
        future = self.create_future()

        def run() -> None:
            try:
                result = function(*arguments)
            except Exception as error:  # noqa: BLE001 - raised where the result is awaited
                self._settle(future, error=error)
            else:
                self._settle(future, result)

        if self._process.alive:
            self._scheduler.fork(run)
        else:
            future.cancel()
        return future

    def _process_events(self, found: list[Any]) -> None:
        """Nothing is ever found: who has news for the loop calls it."""

    def _wait(self, timeout: float | None) -> None:
        self._waits += 1
        number = self._waits
        if timeout is not None:
            self._scheduler.after(timeout, lambda: self.wake() if self._waits == number else None)
        self._waiting = self._scheduler.current
        self._scheduler.park()
        self._waiting = None
        self._waits += 1

    def _settle(self, future: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
        self.wake()

    def _abandon(self) -> None:
        """Let every task of the dead process end now, one way or the other: what it still does has no effect."""
        events._set_running_loop(self)
        for _ in range(_ROUNDS):
            waiting = [task for task in self._tasks if not task.done()]
            if not waiting:
                break
            for task in waiting:
                task.cancel()
            self._run_once()  # type: ignore[attr-defined] # typeshed has none of it.
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()
        events._set_running_loop(None)
