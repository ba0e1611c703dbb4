"""The exchange's feed: connected again and again, asked for what is missing, never read faster than sent on."""

import asyncio
import time

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, ClientWSTimeout, WSMsgType

from bridge.backoff import Backoff
from bridge.conversation import BrokenFeedError, Conversation
from bridge.frames import FrameError, read_frame
from bridge.progress import Progress
from bridge.publisher import Publisher
from bridge.reading_clock import ReadingClock
from bridge.telemetry import Counts, log

LONGEST_FRAME = 16 * 1024 * 1024
CONNECT_PATIENCE = 5.0
SILENCE = 5.0
"""Seconds without a frame, while there is a heartbeat each second, after which a connection counts as dead."""
GAP_PERIOD = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class Feed:
    """Reads the feed into the publisher, for as long as this process leads."""

    def __init__(self, url: str, progress: Progress, publisher: Publisher, counts: Counts) -> None:
        self._url = url
        self._progress = progress
        self._publisher = publisher
        self._counts = counts
        self._clock = ReadingClock()

    async def follow(self) -> None:
        """Read for ever, over as many connections as it takes."""
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        async with ClientSession() as http:
            while True:
                before, started = self._counts.received, time.monotonic()
                try:
                    await self._read_connection(http)
                except* (ClientError, OSError, FrameError, BrokenFeedError) as errors:
                    log("feed lost", errors=[f"{type(error).__name__}: {error}"[:300] for error in errors.exceptions])
                if self._counts.received > before or time.monotonic() - started > LONGEST_PAUSE:
                    backoff.reset()
                await asyncio.sleep(backoff.pause())

    async def _read_connection(self, http: ClientSession) -> None:
        """Read until the connection ends, which is an error: a feed has no end."""
        async with asyncio.timeout(CONNECT_PATIENCE):
            closing = ClientWSTimeout(ws_close=1.0)
            opened = await http.ws_connect(self._url, max_msg_size=LONGEST_FRAME, timeout=closing)
        async with opened as socket:
            self._clock.go_on()  # The last connection may have ended while nothing was read.
            conversation = Conversation(self._progress, self._publisher, self._counts, socket.send_json)
            await conversation.begin()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(socket, conversation))
                tasks.create_task(self._ask(conversation))

    async def _read(self, socket: ClientWebSocketResponse, conversation: Conversation) -> None:
        while True:
            message = await socket.receive(SILENCE)
            if message.type is not WSMsgType.TEXT:
                raise BrokenFeedError(f"{message.type.name} instead of a frame: {message.data}")
            frame = read_frame(message.data)
            await self._wait_for_room()
            # From here to the backlog nothing is awaited: what counts as arrived is certainly sent on.
            await conversation.take(frame)

    async def _wait_for_room(self) -> None:
        self._clock.stop()
        await self._publisher.room()
        self._clock.go_on()

    async def _ask(self, conversation: Conversation) -> None:
        while True:
            await asyncio.sleep(GAP_PERIOD)
            await conversation.ask(self._clock.now())
