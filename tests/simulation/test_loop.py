"""asyncio in simulated time: waiting takes no time of ours, and the death of a process ends all its tasks."""

import asyncio
from asyncio import events
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from tests.simulation.loop import SimulatedLoop
from tests.simulation.scheduler import SECOND, Process, Scheduler


class Stage:
    """A scheduler with one process that has a loop."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.scheduler.enter = lambda process: events._set_running_loop(process.loop)
        self.scheduler.leave = lambda _: events._set_running_loop(None)
        self.process = Process("one", Random(1))
        self.loop = SimulatedLoop(self.scheduler, self.process)
        self.process.loop = self.loop
        self.told: list[str] = []
        self.errors: list[Exception | None] = []

    def play(self, main: Callable[[], Coroutine[Any, Any, None]], seconds: float = 100.0) -> None:
        self.scheduler.start(self.process, lambda: self.loop.live(main()), lambda _, error: self.errors.append(error))
        self.scheduler.run(round(seconds * SECOND))

    def tell(self, what: str) -> None:
        self.told.append(f"{self.scheduler.now / SECOND:g} {what}")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_sleeps_and_time_outs_are_of_simulated_time(stage: Stage) -> None:
    async def main() -> None:
        await asyncio.sleep(7)
        stage.tell("slept")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()
        stage.tell("waited")

    stage.play(main)
    assert [told.split()[1] for told in stage.told] == ["slept", "waited"]
    assert [round(float(told.split()[0]), 3) for told in stage.told] == [7, 10]
    assert stage.errors == [None]


def test_what_is_called_in_a_thread_lets_the_others_go_on(stage: Stage) -> None:
    def call() -> str:
        stage.scheduler.sleep(5)
        return "answer"

    async def main() -> None:
        answer = asyncio.get_running_loop().run_in_executor(None, call)
        await asyncio.sleep(1)
        stage.tell("meanwhile")
        stage.tell(await answer)

    stage.play(main)
    assert [told.split()[1] for told in stage.told] == ["meanwhile", "answer"]
    assert round(stage.scheduler.now / SECOND) == 100


def test_error_of_a_call_is_raised_where_it_is_awaited(stage: Stage) -> None:
    def call() -> None:
        raise ValueError("no")

    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, call)

    stage.play(main)
    assert [str(error) for error in stage.errors] == ["no"]


def test_process_that_stands_still_does_all_that_is_due_when_it_goes_on(stage: Stage) -> None:
    async def main() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            stage.tell("tick")

    stage.scheduler.after(1.5, lambda: stage.loop.stand_still(10))
    stage.play(main)
    assert [round(float(told.split()[0]), 1) for told in stage.told] == [1, 11.5, 12.5]


def test_answer_that_comes_while_the_process_stands_still_is_not_missed(stage: Stage) -> None:
    def call() -> str:
        stage.scheduler.sleep(3)
        return "answer"

    async def main() -> None:
        stage.tell(await asyncio.get_running_loop().run_in_executor(None, call))

    def pause() -> None:
        stage.loop.stand_still(10)
        stage.loop.wake()

    stage.scheduler.after(1, pause)
    stage.play(main)
    assert stage.told == ["11 answer"]


def test_death_ends_every_task_and_leaves_none_behind(stage: Stage) -> None:
    async def wait_for_ever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stage.tell(f"{name} ends")

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in ("a", "b", "c"):
                tasks.create_task(wait_for_ever(name))

    stage.scheduler.after(2, lambda: stage.scheduler.kill(stage.process, "killed"))
    stage.play(main)
    assert stage.told == ["2 a ends", "2 b ends", "2 c ends"]
    assert stage.loop.is_closed()
    assert stage.errors == [None]


def test_tasks_are_canceled_in_the_same_order_in_every_run() -> None:
    def order() -> list[str]:
        stage = Stage()

        async def sleep(name: int) -> None:
            try:
                await asyncio.sleep(50)
            finally:
                stage.tell(str(name))

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                for name in range(20):
                    tasks.create_task(sleep(name))
                await asyncio.sleep(1)
                raise ValueError

        stage.play(main)
        return stage.told

    assert order() == order()
