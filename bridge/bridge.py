"""The life of a bridge: wait for the lease, lead as long as it holds, and leave in good order."""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from bridge.feed import Feed
from bridge.lease import DeposedError, Lease, LeaseTable
from bridge.progress import Progress
from bridge.publisher import Publisher, Queue
from bridge.telemetry import Counts, log

RENEWALS = 5
"""In the time of one lease. Each writes the checkpoint: once a second with the default lease of 5 s."""
TRIES = 3
"""Of a standby in the time of one lease."""
LONGEST_WAIT = 2.0
"""Seconds between them at most: a long lease may be released at any time, and a try may fail."""
RELEASES = 2
"""Tries to release a lease: another would have to wait for its end."""
FLUSH_PATIENCE = 4.0
"""Seconds that a bridge which is stopped waits for the queue; what it cannot send, the next one reads again."""

P = ParamSpec("P")
T = TypeVar("T")


class Bridge:
    """One process: leader or standby."""

    def __init__(self, feed_url: str, queue: Queue, leases: LeaseTable) -> None:
        self._feed_url = feed_url
        self._queue = queue
        self._leases = leases
        # Of its own: a queue that hangs must not keep the lease from being renewed.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="lease")

    async def run(self, stop: asyncio.Event) -> None:
        """Lead whenever nobody else does, until it is told to stop."""
        log("started", holder=self._leases.holder)
        while not stop.is_set():
            lease = await self._take_lease()
            if lease:
                log("leading", epoch=lease.epoch, session=lease.position.session, seq=lease.position.seq)
                await self._lead(lease, stop)
            await _wait_for(stop, min(self._leases.seconds / TRIES, LONGEST_WAIT))
        self._threads.shutdown(wait=False)
        log("stopped", holder=self._leases.holder)

    async def _take_lease(self) -> Lease | None:
        try:
            return await self._in_thread(self._leases.take)
        except (BotoCoreError, ClientError) as error:
            log("lease not taken", error=_explain(error))
            return None

    async def _lead(self, lease: Lease, stop: asyncio.Event) -> None:
        counts, progress = Counts(), Progress(lease.position)
        publisher = Publisher(self._queue, lease.require, counts)
        reading = asyncio.create_task(Feed(self._feed_url, progress, publisher, counts).follow())
        work = [self._keep(lease, progress), publisher.run(), _tell(lease.epoch, counts, progress, publisher)]
        working = [asyncio.create_task(each) for each in work]
        try:
            await _first([asyncio.create_task(stop.wait()), reading, *working])
            await _cancel([reading])
            await _first([asyncio.create_task(publisher.empty()), *working], FLUSH_PATIENCE)
            await self._release(lease, progress)
        except* DeposedError as errors:
            log("deposed", epoch=lease.epoch, reason=str(errors.exceptions[0]))
        finally:
            await _cancel([reading, *working])

    async def _keep(self, lease: Lease, progress: Progress) -> None:
        """Renew the lease and write the checkpoint, until that fails for so long that the lease ends.

        Raises:
            DeposedError: when this process leads no longer.
        """
        while True:
            await asyncio.sleep(self._leases.seconds / RENEWALS)
            try:
                async with asyncio.timeout(max(lease.seconds_left, 0)):
                    await self._in_thread(lease.renew, progress.position())
            except (BotoCoreError, ClientError, TimeoutError) as error:
                log("lease not renewed", epoch=lease.epoch, error=_explain(error))
            lease.require()

    async def _release(self, lease: Lease, progress: Progress) -> None:
        position = progress.position()
        for _ in range(RELEASES):
            try:
                await self._in_thread(lease.release, position)
            except (BotoCoreError, ClientError) as error:
                log("lease not released", epoch=lease.epoch, error=_explain(error))
            else:
                log("lease released", epoch=lease.epoch, session=position.session, seq=position.seq)
                return

    async def _in_thread(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*arguments, **named))


async def _tell(epoch: int, counts: Counts, progress: Progress, publisher: Publisher) -> None:
    """Write a line each second in which something flows or waits."""
    before, since = counts.copy(), time.monotonic()
    while True:
        await asyncio.sleep(1)
        now, sequence = time.monotonic(), progress.sequence
        lag = sequence.last - sequence.settled_to
        if counts != before or lag or publisher.unsent:
            gaps = sequence.gaps() + [gap for gap in (sequence.tail(),) if gap]
            log(
                "flow",
                epoch=epoch,
                received_per_s=round((counts.received - before.received) / (now - since)),
                published_per_s=round((counts.published - before.published) / (now - since)),
                lag=lag,
                buffer=publisher.unsent,
                gaps=len(gaps),
                missing=sum(gap.last - gap.first + 1 for gap in gaps),
                duplicates=counts.duplicates - before.duplicates,
                resends=counts.resends - before.resends,
                snapshots=counts.snapshots - before.snapshots,
                calls=counts.calls - before.calls,
                refused=counts.refused - before.refused,
            )
        before, since = counts.copy(), now


async def _first(tasks: Iterable[asyncio.Task[Any]], patience: float | None = None) -> None:
    """Wait until one of the tasks ends, or for so long; raise what it raised. The first is not needed any more then."""
    first, *others = tasks
    try:
        done, _ = await asyncio.wait([first, *others], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _cancel([first])


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for their end."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _explain(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
