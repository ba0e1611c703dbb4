"""What is said over one connection of the feed: resume, reports, resends, snapshots, heartbeats."""

from collections.abc import Awaitable, Callable
from typing import Any

from bridge.frames import Frame, FrameError
from bridge.gaps import GapWatch
from bridge.packing import Report, pack_report
from bridge.progress import Progress, Snapshot
from bridge.publisher import Publisher
from bridge.telemetry import Counts, log

Say = Callable[[dict[str, Any]], Awaitable[None]]


class BrokenFeedError(Exception):
    """Raised when a connection has ended or is of no use any more."""


class Conversation:
    """One connection's state. A snapshot that it did not finish is worth nothing: the next connection begins anew."""

    def __init__(self, progress: Progress, publisher: Publisher, counts: Counts, say: Say) -> None:
        self._progress = progress
        self._publisher = publisher
        self._counts = counts
        self._say = say
        self._watch = GapWatch()
        self._welcome = False
        self._snapshot_wanted = False
        self._snapshot: Snapshot | None = None

    async def begin(self) -> None:
        """Ask for everything behind what has arrived."""
        after = self._progress.sequence.arrived_to
        await self._say({"type": "resume", "session": self._progress.session, "after": after})

    async def take(self, frame: Frame) -> None:
        """Deal with a frame. Its reports are in the backlog before anything is awaited.

        Raises:
            FrameError: if it makes no sense here.
            BrokenFeedError: if it says that the connection is over.
        """
        match frame.type:
            case "reports":
                self._take_reports(frame)
            case "heartbeat":
                self._require_session(frame)
                self._progress.sequence.announce(frame.number("last"))
            case "welcome":
                await self._take_welcome(frame)
            case "resume_failed" | "resend_failed":
                await self._want_snapshot(f"{frame.type}: {frame.fields.get('reason', 'trimmed')}")
            case "snapshot_begin":
                self._snapshot = Snapshot(frame.session, frame.number("seq"))
            case "snapshot":
                self._take_snapshot(frame)
            case "snapshot_end":
                self._end_snapshot(frame)
            case "error":
                raise BrokenFeedError(f"the exchange says: {str(frame.fields.get('reason'))[:200]}")
            case other:
                raise FrameError(f"an unknown frame: {other[:100]!r}")

    async def ask(self, now: float) -> None:
        """Ask for what is missing for so long that it will not come by itself."""
        if not self._welcome or self._snapshot_wanted:
            return
        sequence = self._progress.sequence
        for first, last in self._watch.due(sequence.gaps(), sequence.tail(), now):
            self._counts.resends += last - first + 1
            await self._say({"type": "resend", "from": first, "to": last})
        if self._watch.hopeless:
            await self._want_snapshot("a gap is never filled")

    def _take_reports(self, frame: Frame) -> None:
        self._require_session(frame)
        sequence = self._progress.sequence
        added: list[Report] = []
        for report in frame.reports:
            number = report.number
            if not number:
                # It cannot be counted. The number that it should have had is a gap, which a snapshot covers in the end.
                added.append(pack_report(report.content, report.text, _NOBODY))
            elif sequence.arrive(number):
                added.append(pack_report(report.content, report.text, sequence, number))
            else:
                self._counts.duplicates += 1
        self._counts.received += len(frame.reports)
        self._publisher.add(added)

    async def _take_welcome(self, frame: Frame) -> None:
        if self._progress.session is None:
            self._progress.adopt(frame.session)
        self._require_session(frame)
        first, last, arrived_to = frame.number("first"), frame.number("last"), self._progress.sequence.arrived_to
        self._welcome = True
        if last < arrived_to or first > arrived_to + 1:
            await self._want_snapshot(f"the exchange keeps {first} to {last}, and {arrived_to} was the last")
        log("feed resumed", session=frame.session, after=arrived_to, last=last)

    async def _want_snapshot(self, reason: str) -> None:
        """Ask for a snapshot, unless one is on its way."""
        if self._snapshot_wanted:
            return
        self._snapshot_wanted = True
        self._counts.snapshots += 1
        log("snapshot wanted", reason=reason[:200])
        await self._say({"type": "snapshot"})

    def _take_snapshot(self, frame: Frame) -> None:
        if self._snapshot is None:
            raise FrameError("a snapshot without a beginning")
        for _ in frame.reports:
            self._snapshot.arrive()
        self._publisher.add([pack_report(report.content, report.text, self._snapshot) for report in frame.reports])

    def _end_snapshot(self, frame: Frame) -> None:
        snapshot = self._snapshot
        if snapshot is None or (snapshot.session, snapshot.seq) != (frame.session, frame.number("seq")):
            raise FrameError("the end of another snapshot")
        self._progress.replace(snapshot)
        self._watch, self._snapshot, self._snapshot_wanted, self._welcome = GapWatch(), None, False, True
        log("snapshot complete", session=snapshot.session, seq=snapshot.seq)

    def _require_session(self, frame: Frame) -> None:
        if frame.session != self._progress.session:
            raise FrameError(f"session {frame.session!r} instead of {self._progress.session!r}")


class _Nobody:
    """Nobody waits for what cannot be counted."""

    def settle(self, _: int) -> None:
        """Do nothing."""


_NOBODY = _Nobody()
