"""The feed: execution reports over WebSockets, each reader at its own pace.

Nothing is buffered for a reader: its connection reads from the session log by a cursor, a frame at a time, and waits
until the frame has gone. A reader that is too slow for what is kept meets a gap, asks for it, and learns that only a
snapshot helps.
"""

import asyncio
from collections.abc import Iterable
from itertools import islice

from aiohttp import WSMsgType, web
from exchange_feed_faults import Disorder, FeedFaults
from exchange_frames import (
    MOST,
    Demand,
    Resend,
    Resume,
    SenselessFrameError,
    frame,
    kept_frame,
    read_demand,
    reports_frame,
    snapshot_frame,
)
from exchange_record import RecordedVenue
from exchange_reports import encode_snapshot

HEARTBEAT = 1.0
GATHERING = 0.2
"""Seconds for which reports are gathered to a burst, and held back while no other comes."""
LONGEST_DEMAND = 4_096


class Feed:
    """All connections to the feed of one venue, and the faults that they meet."""

    def __init__(self, venue: RecordedVenue) -> None:
        self.faults = FeedFaults()
        self._venue = venue
        self._transports: set[asyncio.Transport] = set()

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one reader until it goes, or until its frames make no sense."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=LONGEST_DEMAND)
        transport = request.transport
        await socket.prepare(request)
        assert transport  # noqa: S101 - there was one to answer on
        self._transports.add(transport)
        try:
            await _Connection(self, self._venue, socket).serve()
        finally:
            self._transports.discard(transport)
        return socket

    def disconnect(self) -> int:
        """Cut every connection, as a network does, and return how many there were."""
        for transport in self._transports:
            transport.abort()
        return len(self._transports)

    async def drop_connections(self, _: web.Application) -> None:
        """Cut every connection at the end."""
        self.disconnect()


class _Connection:
    """One reader. What it asks for and what comes live take turns, frame by frame; a snapshot is not interrupted."""

    def __init__(self, feed: Feed, venue: RecordedVenue, socket: web.WebSocketResponse) -> None:
        self._feed = feed
        self._venue = venue
        self._log = venue.log
        self._socket = socket
        self._sending = asyncio.Lock()
        self._resumed = False
        self._group = asyncio.TaskGroup()
        self._follower: asyncio.Task[None] | None = None
        self._disorder = Disorder()
        self._cursor = 0

    async def serve(self) -> None:
        """Answer the reader's frames, and send it reports and heartbeats meanwhile."""
        try:
            async with self._group as group:
                heart = group.create_task(self._beat())
                await self._obey()
                heart.cancel()
                self._stop_following()
        except* ConnectionError:
            pass  # The reader has gone: the next one begins where it wants.

    async def _obey(self) -> None:
        async for message in self._socket:
            try:
                await self._answer(read_demand(message.data))
            except SenselessFrameError as error:
                await self._send(frame("error", reason=str(error)))
                await self._socket.close()

    async def _answer(self, demand: Demand) -> None:
        if isinstance(demand, Resume):
            await self._resume(demand)
        elif not self._resumed:
            raise SenselessFrameError("the first frame is a resume")
        elif isinstance(demand, Resend):
            await self._resend(demand)
        else:
            await self._send_snapshot()

    async def _resume(self, demand: Resume) -> None:
        self._resumed = True
        async with self._sending:
            refusal = self._log.refusal(demand.session, demand.after)
            if refusal:
                self._stop_following()
                await self._send(kept_frame("resume_failed", self._log, reason=refusal))
                return
            self._go_on_behind(self._log.first - 1 if demand.session is None else demand.after)
            await self._send(kept_frame("welcome", self._log))

    async def _resend(self, demand: Resend) -> None:
        if demand.last > self._log.last:
            raise SenselessFrameError(f"there is no report {demand.last} yet")
        for first in range(demand.first, demand.last + 1, MOST):
            last = min(first + MOST - 1, demand.last)
            async with self._sending:
                if first < self._log.first:
                    await self._send(
                        frame("resend_failed", **{"from": first, "to": demand.last}, first=self._log.first)
                    )
                    return
                await self._send(reports_frame(self._log.session, self._log.read(first, last)))

    async def _send_snapshot(self) -> None:
        async with self._sending:
            # Both are of this very moment; an order that changes from now on is another value, told behind it.
            seq, orders = self._log.last, self._venue.orders()
            await self._send(frame("snapshot_begin", session=self._log.session, seq=seq))
            reports = (encode_snapshot(order) for order in orders if order.order_seq)
            while lot := list(islice(reports, MOST)):
                await self._send(snapshot_frame(lot))
            await self._send(frame("snapshot_end", session=self._log.session, seq=seq))
            self._go_on_behind(seq)

    def _go_on_behind(self, seq: int) -> None:
        self._stop_following()
        self._cursor = seq
        self._disorder = Disorder()
        self._follower = self._group.create_task(self._follow())

    def _stop_following(self) -> None:
        if self._follower:
            self._follower.cancel()
            self._follower = None

    async def _follow(self) -> None:
        """Send what is behind the cursor, and what comes."""
        while True:
            more = await self._log.reaches(self._cursor + 1, GATHERING if self._disorder.holds else None)
            faults = self._feed.faults
            if more and faults.burst > 1:
                await self._log.reaches(self._cursor + faults.burst, GATHERING)
            if faults.delay:
                await asyncio.sleep(faults.delay)
            async with self._sending:
                await self._send_reports(self._take(faults) if more else self._disorder.let_go())

    def _take(self, faults: FeedFaults) -> list[bytes]:
        """Move the cursor over the next reports and return what is sent of them."""
        first = max(self._cursor + 1, self._log.first)
        reports = self._log.read(first, first + MOST - 1)
        self._cursor = first + len(reports) - 1
        return self._disorder.let_through(first, reports, faults)

    async def _beat(self) -> None:
        """Tell once a second how far this connection has come, so that a dropped tail is noticed."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            async with self._sending:
                if self._follower:
                    await self._send(frame("heartbeat", session=self._log.session, last=self._cursor))

    async def _send_reports(self, reports: Iterable[bytes]) -> None:
        rest = iter(reports)
        while lot := list(islice(rest, MOST)):
            await self._send(reports_frame(self._log.session, lot))

    async def _send(self, content: bytes) -> None:
        await self._socket.send_frame(content, WSMsgType.TEXT)
        # Where the network takes all at once, nothing above ever waits: others shall have their turn.
        await asyncio.sleep(0)
