"""Reports into the queue: a bounded backlog, several calls at once, and every message again until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from bridge.backoff import Backoff
from bridge.packing import MOST_BYTES_AT_ONCE, Backlog, Message, Report
from bridge.telemetry import Counts, log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LANES = 4
"""Calls at once."""
LINGER = 0.05
"""Seconds to wait for more reports, which cost nothing in a call that is made anyway."""
MOST_UNSENT = 16_000_000
"""Bytes of reports, each with its overhead, that are not in the queue yet; then nothing more is read."""
OVERHEAD = 500
"""Bytes that a report takes in memory beside its text, about."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class Queue(Protocol):
    """Where the reports go."""

    def send(self, messages: Sequence[Message]) -> set[int]:
        """Send in one call and return which messages were taken, by their place.

        Raises:
            BotoCoreError, ClientError: when there is no answer, or the call is refused as a whole.
        """


class SqsQueue:
    """The FIFO queue on SQS."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[Message]) -> set[int]:
        """Send in one SendMessageBatch."""
        answer = self._client.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {
                    "Id": str(place),
                    "MessageBody": message.body,
                    "MessageGroupId": message.group,
                    "MessageDeduplicationId": message.deduplication_id,
                }
                for place, message in enumerate(messages)
            ],
        )
        if failed := answer.get("Failed"):
            log("messages refused", count=len(failed), of=len(messages), code=failed[0].get("Code"))
        return {int(taken["Id"]) for taken in answer.get("Successful", [])}


class Publisher:
    """Takes reports from the feed and gives them to the queue, as long as it may."""

    def __init__(
        self, queue: Queue, require: Callable[[], None], counts: Counts, most_unsent: int = MOST_UNSENT
    ) -> None:
        """Send to a queue; ``require`` raises when that is no longer allowed."""
        self._queue = queue
        self._require = require
        self._counts = counts
        self._most_unsent = most_unsent
        self._backlog = Backlog()
        self._something = asyncio.Event()
        self._changed = asyncio.Condition()
        self.unsent = 0
        """Reports that are not in the queue yet."""
        self._weight = 0

    def add(self, reports: list[Report]) -> None:
        """Take reports over, without waiting: whoever calls this has waited for room."""
        self._backlog.add(reports)
        self.unsent += len(reports)
        self._weight += sum(map(_weigh, reports))
        if reports:
            self._something.set()

    async def room(self) -> None:
        """Wait until more reports may be added."""
        if self._weight >= self._most_unsent:
            async with self._changed:
                await self._changed.wait_for(lambda: self._weight < self._most_unsent)

    async def empty(self) -> None:
        """Wait until everything is in the queue."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self.unsent)

    async def run(self) -> None:
        """Send for ever. A call that was begun when this is cancelled may still be carried out."""
        pool = ThreadPoolExecutor(LANES, thread_name_prefix="queue")
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(LANES):
                    lanes.create_task(self._lane(pool))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    async def _lane(self, pool: ThreadPoolExecutor) -> None:
        while True:
            await self._something.wait()
            if self._backlog.size < MOST_BYTES_AT_ONCE:
                await asyncio.sleep(LINGER)
            messages = self._backlog.take()
            if not self._backlog:
                self._something.clear()
            if messages:
                await self._deliver(messages, pool)

    async def _deliver(self, messages: list[Message], pool: ThreadPoolExecutor) -> None:
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            self._require()
            taken = await self._send(messages, pool)
            await self._settle([message for place, message in enumerate(messages) if place in taken])
            messages = [message for place, message in enumerate(messages) if place not in taken]
            if not messages:
                return
            self._counts.refused += len(messages)
            await asyncio.sleep(backoff.pause())

    async def _send(self, messages: list[Message], pool: ThreadPoolExecutor) -> set[int]:
        self._counts.calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, self._queue.send, messages)
        except (BotoCoreError, ClientError) as error:
            log("call refused", messages=len(messages), error=f"{type(error).__name__}: {error}"[:300])
            return set()

    async def _settle(self, messages: list[Message]) -> None:
        for message in messages:
            for report in message.reports:
                report.origin.settle(report.number)
            self.unsent -= len(message.reports)
            self._weight -= sum(map(_weigh, message.reports))
            self._counts.published += len(message.reports)
        async with self._changed:
            self._changed.notify_all()


def _weigh(report: Report) -> int:
    return len(report.text) + OVERHEAD
