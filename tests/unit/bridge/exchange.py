"""An exchange's feed that follows the protocol, leaves out what a test tells it to, and remembers what it was asked."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.unit.bridge.servers import Server

HEARTBEAT = 0.2
Report = dict[str, Any]


def make_report(seq: int, **fields: Any) -> Report:
    """Return a report of one of some hundred orders."""
    order_id = f"order-{seq % 113}"
    return {"seq": seq, "exec_id": f"E{seq:08d}", "client_order_id": order_id, "order_seq": seq // 113 + 1, **fields}


class Exchange:
    """The session log of an exchange, and its feed."""

    def __init__(self, session: str = "S1") -> None:
        self.session = session
        self.first = 1
        self.log: list[Report] = []
        self.dropped: set[int] = set()
        """Never sent but in answer to a resend."""
        self.lost: set[int] = set()
        """Not even then."""
        self.snapshot: list[Report] = []
        self.snapshot_cuts = 0
        """So many snapshots are cut in the middle."""
        self.frame = 100
        self.sent = 0
        """Reports that went into a socket, again and again if they were asked for again."""
        self.reached = 0
        """The last report that went into a socket."""
        self.asked: list[dict[str, Any]] = []
        """All frames of all bridges."""
        self._sockets: set[web.WebSocketResponse] = set()
        self.server = Server(self._build)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/feed"

    @property
    def last(self) -> int:
        return self.first - 1 + len(self.log)

    def report(self, count: int = 1, **fields: Any) -> None:
        """Add reports to the log."""
        self.log += [make_report(self.last + number, **fields) for number in range(1, count + 1)]

    def trim(self, keep: int) -> None:
        """Forget all but the last reports."""
        first = self.last - keep + 1
        self.log, self.first = self.log[len(self.log) - keep :], first

    def begin_session(self, session: str) -> None:
        """Forget everything and begin anew."""
        self.session, self.first, self.log = session, 1, []

    def disconnect(self) -> None:
        """Cut every connection."""
        self.server.run(self._disconnect())

    def say(self, text: str) -> None:
        """Send any text to everybody."""
        self.server.run(self._say(text))

    @property
    def connections(self) -> int:
        """How many bridges are connected."""
        return len(self._sockets)

    def asked_for(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of a type that came from bridges."""
        return [frame for frame in self.asked if frame["type"] == kind]

    def _build(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/feed", self._serve)
        app.on_shutdown.append(lambda _: self._disconnect())
        return app

    async def _disconnect(self) -> None:
        for socket in list(self._sockets):
            if socket._req and socket._req.transport:
                socket._req.transport.abort()

    async def _say(self, text: str) -> None:
        for socket in list(self._sockets):
            await socket.send_str(text)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        sending: list[asyncio.Task[None]] = []
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                frame = json.loads(message.data)
                self.asked.append(frame)
                live_from = await self._answer(socket, frame)
                if live_from is not None:
                    for task in sending:
                        task.cancel()
                    sending = [
                        asyncio.ensure_future(work) for work in (self._live(socket, live_from), self._beat(socket))
                    ]
        finally:
            self._sockets.discard(socket)
            for task in sending:
                task.cancel()
        return socket

    async def _answer(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> int | None:
        """Answer a frame; return from where it goes on live, if it does so anew."""
        kept = {"session": self.session, "first": self.first, "last": self.last}
        if frame["type"] == "resume":
            reason = ""
            if frame["session"] not in (None, self.session):
                reason = "unknown_session"
            elif frame["session"] and frame["after"] + 1 < self.first:
                reason = "trimmed"
            if reason:
                await socket.send_json({"type": "resume_failed", "reason": reason, **kept})
                return None
            await socket.send_json({"type": "welcome", **kept})
            return max(int(frame["after"]) + 1, self.first)
        if frame["type"] == "resend":
            if frame["from"] < self.first:
                await socket.send_json({**frame, "type": "resend_failed", "first": self.first})
                return None
            wanted = self._read(frame["from"], min(frame["to"], frame["from"] + 499), self.lost)
            await self._send(socket, wanted)
            return None
        return await self._send_snapshot(socket)

    async def _send_snapshot(self, socket: web.WebSocketResponse) -> int:
        seq = self.last
        ends = {"session": self.session, "seq": seq}
        await socket.send_json({"type": "snapshot_begin", **ends})
        half = len(self.snapshot) // 2
        await socket.send_json({"type": "snapshot", "reports": self.snapshot[:half]})
        if self.snapshot_cuts:
            self.snapshot_cuts -= 1
            await self._disconnect()
        await socket.send_json({"type": "snapshot", "reports": self.snapshot[half:]})
        await socket.send_json({"type": "snapshot_end", **ends})
        return seq + 1

    async def _live(self, socket: web.WebSocketResponse, cursor: int) -> None:
        while True:
            to = min(self.last, cursor + self.frame - 1)
            await self._send(socket, self._read(cursor, to, self.dropped | self.lost))
            cursor = max(cursor, to + 1)
            await asyncio.sleep(0 if to < self.last else 0.01)

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            await socket.send_json({"type": "heartbeat", "session": self.session, "last": self.last})

    async def _send(self, socket: web.WebSocketResponse, reports: list[Report]) -> None:
        if reports:
            await socket.send_json({"type": "reports", "session": self.session, "reports": reports})
            self.sent += len(reports)
            self.reached = max(self.reached, *(report["seq"] for report in reports))

    def _read(self, first: int, last: int, without: set[int]) -> list[Report]:
        start = self.first
        return [report for report in self.log[first - start : last - start + 1] if report["seq"] not in without]
