"""The exchange's feed and the network to it, in the place of the bridge's WebSocket client."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from aiohttp import WSMsgType

from tests.simulation.faults import Faults
from tests.simulation.loop import SimulatedLoop
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.story import Story
from tests.simulation.venue import ReportContent, Venue

REPORT_FAULTS = ("feed.doubled", "feed.reordered", "feed.dropped")
FRAME_FAULTS = ("feed.delayed", "feed.cut", "feed.silent")
CONNECT_FAULTS = ("feed.session_lost", "feed.trimmed")
HEARTBEAT = 1.0
Frame = dict[str, Any]


class Feed:
    """The exchange's side: all its connections."""

    def __init__(self, venue: Venue, scheduler: Scheduler, faults: Faults, story: Story, seed: int) -> None:
        self.venue = venue
        self.scheduler = scheduler
        self.faults = faults
        self.story = story
        self.dice = Random(f"{seed}/feed")
        self.is_down: Callable[[], bool] = lambda: False
        self._connections: list[Connection] = []
        self._accepted = 0
        venue.watch = self._tell

    def connect(self, process: Process, loop: SimulatedLoop) -> "Connection":
        """Accept a connection, over which strange things may be heard."""
        self._accepted += 1
        where = f"feed {self._accepted}"
        fault = self.faults.draw(CONNECT_FAULTS, self.dice, where)
        if fault is not None:
            self.story.tell(f"{where}: {fault}", fault=True)
        if fault == "feed.trimmed":
            self.venue.log.trim(self.dice.randint(0, 2))
        if fault == "feed.session_lost":
            self.venue.lose_session()
            for other in self._connections:
                other.close()
        self._connections = [one for one in self._connections if one.is_open]
        connection = Connection(self, self._accepted, process, loop)
        self._connections.append(connection)
        return connection

    def _tell(self) -> None:
        for connection in self._connections:
            connection.flush_soon()


class Connection:
    """One connection, both of its ends. What the exchange sends arrives in order, some time later."""

    def __init__(self, feed: Feed, number: int, process: Process, loop: SimulatedLoop) -> None:
        self.is_open = True
        self.name = f"feed {number}"
        self._feed = feed
        self._process = process
        self._loop = loop
        self._inbox: deque[str] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._cursor: int | None = None
        self._arrives_at = 0
        self._is_flushing = False
        self._is_silent = False
        self._frames = 0
        self._beat()

    # --- The exchange's end -------------------------------------------------------------------------------------------

    def flush_soon(self) -> None:
        """Send what is behind the cursor, some of it together."""
        if not self._is_flushing and self._cursor is not None:
            self._is_flushing = True
            self._feed.scheduler.after(self._feed.dice.choice([0.001, 0.02, 0.2]), self._flush)

    def close(self) -> None:
        """End the connection: whoever reads learns it at once."""
        self.is_open = False
        self._wake()

    def _flush(self) -> None:
        self._is_flushing = False
        log = self._feed.venue.log
        if self._cursor is None or self._cursor >= log.last or not self._is_up():
            return
        reports = log.read(self._cursor + 1, self._cursor + self._feed.dice.choice([1, 3, 500]))
        self._cursor = reports[-1]["seq"] if reports else log.last
        self._send_live([one for report in reports for one in self._let_through(report)])
        self.flush_soon()

    def _let_through(self, report: ReportContent) -> list[ReportContent]:
        """Return how often a report is sent now."""
        where = f"{self.name} report {report['seq']}"
        fault = self._feed.faults.draw(REPORT_FAULTS, self._feed.dice, where)
        if fault is not None:
            self._feed.story.tell(f"{where}: {fault}", fault=True)
        if fault == "feed.reordered":
            self._feed.scheduler.after(self._feed.dice.choice([0.05, 0.5, 3.0]), lambda: self._send_live([report]))
        times = {"feed.doubled": 2, "feed.dropped": 0, "feed.reordered": 0}
        return [report] * (1 if fault is None else times[fault])

    def _send_live(self, reports: list[ReportContent]) -> None:
        self._frames += 1
        where = f"{self.name} frame {self._frames}"
        fault = self._feed.faults.draw(FRAME_FAULTS, self._feed.dice, where)
        if fault is not None:
            self._feed.story.tell(f"{where}: {fault}", fault=True)
        if fault == "feed.cut":
            self.close()
        if fault == "feed.silent":
            self._is_silent = True
        if reports:
            self._send_reports(reports, self._feed.dice.choice([0.5, 3.0, 20.0]) if fault == "feed.delayed" else 0.0)

    def _send_reports(self, reports: list[ReportContent], delay: float = 0.0) -> None:
        self._send({"type": "reports", "session": self._feed.venue.log.session, "reports": reports}, delay)

    def _send(self, frame: Frame, delay: float = 0.0) -> None:
        if not self._is_up() or self._is_silent:
            return
        latency = round((delay + self._feed.dice.uniform(0.001, 0.05)) * SECOND)
        self._arrives_at = max(self._arrives_at + 1, self._feed.scheduler.now + latency)
        text = json.dumps(frame)
        self._feed.scheduler.at(self._arrives_at, lambda: self._arrive(text))

    def _beat(self) -> None:
        if not self._is_up():
            return
        if self._cursor is not None:
            self._send({"type": "heartbeat", "session": self._feed.venue.log.session, "last": self._cursor})
        self._feed.scheduler.after(HEARTBEAT, self._beat)

    def _is_up(self) -> bool:
        if self.is_open and (not self._process.alive or self._feed.is_down()):
            self.close()
        return self.is_open

    def _answer(self, frame: Frame) -> None:
        log = self._feed.venue.log
        told = {"session": log.session, "first": log.first, "last": log.last}
        match frame["type"]:
            case "resume" if frame["session"] not in (None, log.session) or frame["after"] > log.last:
                self._send({"type": "resume_failed", **told, "reason": "unknown_session"})
            case "resume" if frame["session"] is not None and frame["after"] < log.first - 1:
                self._send({"type": "resume_failed", **told, "reason": "trimmed"})
            case "resume":
                self._send({"type": "welcome", **told})
                self._go_on_behind(frame["after"] if frame["session"] else log.first - 1)
            case "resend" if frame["from"] < log.first:
                self._send({**frame, "type": "resend_failed", "first": log.first})
            case "resend":
                self._send_reports(log.read(frame["from"], frame["to"]))
            case "snapshot":
                self._send_snapshot()

    def _send_snapshot(self) -> None:
        log = self._feed.venue.log
        told = {"session": log.session, "seq": log.last}
        self._send({"type": "snapshot_begin", **told})
        reports = self._feed.venue.snapshot()
        for first in range(0, len(reports), 3):
            self._send({"type": "snapshot", "reports": reports[first : first + 3]})
        self._send({"type": "snapshot_end", **told})
        self._go_on_behind(log.last)

    def _go_on_behind(self, seq: int) -> None:
        self._cursor = seq
        self.flush_soon()

    # --- The bridge's end ---------------------------------------------------------------------------------------------

    def say(self, frame: Frame) -> None:
        """Send a frame to the exchange."""
        if not self.is_open:
            raise ConnectionResetError("the connection is closed")
        self._feed.story.tell(f"{self._process.name} says to the {self.name}: {json.dumps(frame)}")
        latency = self._feed.dice.uniform(0.001, 0.05)
        self._feed.scheduler.after(latency, lambda: self._answer(frame) if self._is_up() else None)

    async def hear(self, patience: float) -> Any:
        """Return the next message, as aiohttp has it: the frames that arrived, then the end. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while not self._inbox and self.is_open:
                self._reader = self._loop.create_future()
                await self._reader
        if self._inbox:
            return SimpleNamespace(type=WSMsgType.TEXT, data=self._inbox.popleft())
        return SimpleNamespace(type=WSMsgType.CLOSED, data=None)

    def _arrive(self, text: str) -> None:
        if self.is_open:
            self._feed.story.tell(f"{self._process.name} hears from the {self.name}: {text[:300]}")
            self._inbox.append(text)
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
            self._loop.wake()


class Socket:
    """In the place of aiohttp's ClientWebSocketResponse."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> "Socket":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connection.close()

    async def send_json(self, frame: Frame) -> None:
        """Send a frame."""
        self._connection.say(frame)

    async def receive(self, patience: float) -> Any:
        """Return the next message."""
        return await self._connection.hear(patience)


class FeedClient:
    """In the place of aiohttp's ClientSession."""

    def __init__(self, feed: Feed, process: Process, loop: SimulatedLoop) -> None:
        self._feed = feed
        self._process = process
        self._loop = loop

    async def __aenter__(self) -> "FeedClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Have nothing to close."""

    async def ws_connect(self, url: str, **_: Any) -> Socket:
        """Connect, if the exchange can be reached."""
        await asyncio.sleep(self._process.dice.uniform(0.005, 0.1))
        if self._feed.is_down():
            raise ConnectionRefusedError(url)
        return Socket(self._feed.connect(self._process, self._loop))
