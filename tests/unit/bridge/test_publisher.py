"""The publisher over a queue in memory: what it may and may not do."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from bridge.lease import DeposedError
from bridge.packing import Message, pack_report
from bridge.publisher import Publisher
from bridge.telemetry import Counts


class Waiting:
    """Remembers which reports are in the queue."""

    def __init__(self) -> None:
        self.settled: list[int] = []

    def settle(self, number: int) -> None:
        self.settled.append(number)


class MemoryQueue:
    """Takes nothing for so many calls, and then everything."""

    def __init__(self, refusals: int = 0) -> None:
        self.calls = 0
        self._refusals = refusals

    def send(self, messages: Sequence[Message]) -> set[int]:
        self.calls += 1
        return set() if self.calls <= self._refusals else set(range(len(messages)))


def publish(queue: MemoryQueue, require: Callable[[], None], waiting: Waiting) -> Publisher:
    """Let a publisher send one report, for as long as it may."""

    async def run() -> Publisher:
        publisher = Publisher(queue, require, Counts())
        publisher.add([pack_report({}, "{}", waiting, 1)])
        sending = asyncio.create_task(publisher.run())
        done, _ = await asyncio.wait(
            [sending, asyncio.create_task(publisher.empty())], timeout=10, return_when=asyncio.FIRST_COMPLETED
        )
        sending.cancel()
        for task in done:
            await task
        return publisher

    return asyncio.run(run())


def test_tells_who_waits_when_a_report_is_in_the_queue() -> None:
    waiting = Waiting()
    assert publish(MemoryQueue(), lambda: None, waiting).unsent == 0
    assert waiting.settled == [1]


def test_sends_nothing_once_it_may_not() -> None:
    def require() -> None:
        raise DeposedError("as told")

    queue, waiting = MemoryQueue(), Waiting()
    with pytest.raises(ExceptionGroup) as caught:
        publish(queue, require, waiting)
    assert caught.group_contains(DeposedError, match="as told")
    assert (queue.calls, waiting.settled) == (0, [])


def test_does_not_send_again_once_it_may_not() -> None:
    queue, waiting = MemoryQueue(refusals=1), Waiting()

    def require() -> None:
        if queue.calls:
            raise DeposedError("as told")

    with pytest.raises(ExceptionGroup):
        publish(queue, require, waiting)
    assert (queue.calls, waiting.settled) == (1, [])
