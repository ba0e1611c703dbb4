"""The session log: the last execution reports by their numbers, which every reader reads by a cursor of its own."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Literal

KEEP = 500_000
# Forgotten reports are let go in lots: to move the front of a long list costs as much for many as for one.
LOT = 4_096

Refusal = Literal["trimmed", "unknown_session"]


def new_session() -> str:
    """Return the name of a session that nobody has seen."""
    return f"S{uuid.uuid4().hex[:12]}"


class SessionLog:
    """Encoded reports, numbered from 1 without a gap; the last ``keep`` of them can be read."""

    def __init__(self, session: str, keep: int = KEEP, first: int = 1) -> None:
        self.session = session
        self.first = first
        """The oldest that is kept; one more than ``last`` where none is."""
        self._keep = keep
        self._base = first
        self._reports: list[bytes] = []
        self._grown = asyncio.Event()

    @property
    def last(self) -> int:
        """The newest, 0 before there was one."""
        return self._base + len(self._reports) - 1

    def append(self, reports: Sequence[bytes]) -> None:
        """Take the next reports, forget the oldest where there are too many, and wake the readers."""
        self._reports.extend(reports)
        self.forget_before(self.last - self._keep + 1)
        self._grown.set()
        self._grown = asyncio.Event()

    def forget_before(self, first: int) -> None:
        """Keep no report below this one."""
        self.first = min(max(self.first, first), self.last + 1)
        surplus = self.first - self._base
        if surplus >= LOT or surplus == len(self._reports):
            del self._reports[:surplus]
            self._base = self.first

    def read(self, first: int, last: int) -> list[bytes]:
        """Return what is kept of these reports, both ends included."""
        return self._reports[max(first, self.first) - self._base : max(last + 1 - self._base, 0)]

    def refusal(self, session: str | None, after: int) -> Refusal | None:
        """Return why a reader cannot go on behind this report, None if it can.

        A number that was never given is of another session, whatever its name: the tail of ours was lost since.
        """
        if session is None:
            return None
        if session != self.session or after > self.last:
            return "unknown_session"
        return "trimmed" if after < self.first - 1 else None

    async def reaches(self, seq: int, within: float | None = None) -> bool:
        """Wait until the report exists; tell whether it does after so many seconds at most."""
        try:
            async with asyncio.timeout(within):
                while self.last < seq:
                    await self._grown.wait()
        except TimeoutError:
            return False
        return True
