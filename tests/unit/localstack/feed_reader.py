"""A reader of the exchange's feed over a real WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

PATIENCE = 20.0
Frame = dict[str, Any]


class FeedReader:
    """One connection. It keeps every frame; ``reports`` are those of the session by number, the latest of each."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[Frame] = []
        self.reports: dict[int, Frame] = {}
        self.arrivals: list[int] = []

    async def ask(self, kind: str, **content: Any) -> None:
        """Send a frame."""
        await self.socket.send_json({"type": kind, **content})

    async def resume(self, session: str | None = None, after: int = 0) -> Frame:
        """Ask to go on, and return the answer."""
        await self.ask("resume", session=session, after=after)
        return await self.next("welcome", "resume_failed")

    async def next(self, *kinds: str) -> Frame:
        """Return the next frame of these kinds, and keep those before it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, message
                frame = self._keep(json.loads(message.data))
                if frame["type"] in kinds:
                    return frame

    async def until(self, done: Callable[[], bool]) -> None:
        """Read reports until it is done."""
        async with asyncio.timeout(PATIENCE):
            while not done():
                await self.next("reports")

    async def until_heartbeat(self, last: int) -> None:
        """Read on until everything up to this report was sent, or left out by a fault."""
        async with asyncio.timeout(PATIENCE):
            while (await self.next("heartbeat"))["last"] != last:
                pass

    async def until_closed(self) -> None:
        """Read on until the connection ends."""
        async with asyncio.timeout(PATIENCE):
            async for message in self.socket:
                self._keep(json.loads(message.data))

    def _keep(self, frame: Frame) -> Frame:
        self.frames.append(frame)
        if frame["type"] == "reports":
            self.arrivals += [report["seq"] for report in frame["reports"]]
            self.reports |= {report["seq"]: report for report in frame["reports"]}
        return frame


@asynccontextmanager
async def reading(port: int) -> AsyncIterator[FeedReader]:
    """Connect to the feed."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/feed", max_msg_size=0) as socket,
    ):
        yield FeedReader(socket)
