"""Actors: code that stops at each of its calls to the outside, until the test lets it go on, fail or crash.

Only one of them runs at a time, so that a history of steps is the same whenever it is repeated.
"""

from collections.abc import Callable
from threading import Semaphore, Thread

from tests.unit.broker.fakes.faults import Hook, LostAnswerError


class CrashError(BaseException):
    """The end of the process: passes every ``except Exception``."""


class Actor:
    """Runs a function in a thread of its own, from one point to the next."""

    def __init__(self, name: str, run: Callable[[Hook], None]) -> None:
        self.name = name
        self.point: str | None = None
        self.done = False
        self.error: Exception | None = None
        self._run = run
        self._go, self._stopped = Semaphore(0), Semaphore(0)
        self._fault: BaseException | None = None
        Thread(target=self._main, daemon=True).start()

    def go_on(self, fault: BaseException | None = None) -> None:
        """Run to the next point; with a fault the call at the present point raises it."""
        if not self.done:
            self._fault = fault
            self._go.release()
            self._stopped.acquire()

    def finish(self) -> None:
        """Run to the end."""
        while not self.done:
            self.go_on()

    def fail(self) -> None:
        """Let the call at the present point raise what a client raises that gives up."""
        self.go_on(LostAnswerError() if self.point else None)

    def crash(self) -> None:
        """End the process where it stands."""
        while not self.done:
            self.go_on(CrashError())

    def _main(self) -> None:
        self._go.acquire()
        try:
            self._raise_fault()
            self._run(self._pause)
        except CrashError:
            pass
        except Exception as error:  # noqa: BLE001 - kept for the test
            self.error = error
        finally:
            self.done = True
            self._stopped.release()

    def _pause(self, point: str) -> None:
        self.point = point
        self._stopped.release()
        self._go.acquire()
        self._raise_fault()

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
