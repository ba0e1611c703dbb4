"""What the bridge tells about itself: lines of JSON on standard output, one a second while something flows."""

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any


def log(message: str, **fields: Any) -> None:
    """Write one line."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"timestamp": moment, "message": message, **fields}, default=str), flush=True, file=sys.stdout)


@dataclass
class Counts:
    """What one leader has counted since it leads."""

    received: int = 0
    """Reports, without those of snapshots."""
    duplicates: int = 0
    """Received before: not passed on."""
    resends: int = 0
    """Reports asked for again."""
    snapshots: int = 0
    published: int = 0
    """Reports in the queue, with those of snapshots."""
    calls: int = 0
    """Of the queue."""
    refused: int = 0
    """Messages that the queue did not take at once."""

    def copy(self) -> "Counts":
        """Return the counts as they are now."""
        return replace(self)
