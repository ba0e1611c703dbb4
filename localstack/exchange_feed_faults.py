"""How the feed misbehaves when it is told to: what becomes of each report on its way."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

FARTHEST = 50
"""Later reports that may overtake one that is held back."""


class FeedFaults(BaseModel):
    """What the feed does to reports, until it is told something else: probabilities, seconds, reports in a frame."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    duplicate: float = Field(default=0, ge=0, le=1)
    reorder: float = Field(default=0, ge=0, le=1)
    drop: float = Field(default=0, ge=0, le=1)
    delay: float = Field(default=0, ge=0, le=60)
    burst: int = Field(default=1, ge=1, le=500)
    seed: int = 0

    @property
    def spares_all(self) -> bool:
        """Tell whether every report arrives once and in order."""
        return not (self.duplicate or self.reorder or self.drop)


@dataclass(frozen=True)
class Fate:
    """What becomes of one report: left out, sent twice, held back behind so many later ones."""

    dropped: bool = False
    doubled: bool = False
    held_for: int = 0


def fate_of(seq: int, faults: FeedFaults) -> Fate:
    """Return a report's fate: the same for the same seed and number, on every connection and however often."""
    chance = random.Random(f"{faults.seed}:{seq}")  # noqa: S311 - a game, no secret
    dropped, doubled, held = (chance.random() < odds for odds in (faults.drop, faults.duplicate, faults.reorder))
    return Fate(dropped, doubled, chance.randint(1, FARTHEST) if held else 0)


class Disorder:
    """One connection's reports, in the order in which the faults let them go."""

    def __init__(self) -> None:
        self._held: dict[int, list[bytes]] = {}

    @property
    def holds(self) -> bool:
        """Tell whether reports are held back."""
        return bool(self._held)

    def let_through(self, first: int, reports: Sequence[bytes], faults: FeedFaults) -> list[bytes]:
        """Return what is sent now that these reports are there, numbered from ``first``."""
        if faults.spares_all and not self._held:
            return list(reports)
        return [sent for seq, report in enumerate(reports, first) for sent in self._pass(seq, report, faults)]

    def let_go(self) -> list[bytes]:
        """Return all that is still held back."""
        held = [report for seq in sorted(self._held) for report in self._held[seq]]
        self._held.clear()
        return held

    def _pass(self, seq: int, report: bytes, faults: FeedFaults) -> Iterator[bytes]:
        fate = fate_of(seq, faults)
        if not fate.dropped:
            if fate.held_for:
                self._held.setdefault(seq + fate.held_for, []).append(report)
            if fate.doubled or not fate.held_for:
                yield report
            if fate.doubled and not fate.held_for:
                yield report
        for due in sorted(held_until for held_until in self._held if held_until <= seq):
            yield from self._held.pop(due)
