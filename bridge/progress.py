"""Where the bridge stands in the feed, and from where another one would have to go on. Pure."""

from typing import NamedTuple

from bridge.sequence import Sequence


class Position(NamedTuple):
    """Every report of the session up to the number is in the queue. No session: nothing was ever read."""

    session: str | None
    seq: int


class Snapshot:
    """A snapshot on its way into the queue: it stands for everything up to its number once all of it is in there."""

    def __init__(self, session: str, seq: int) -> None:
        self.session = session
        self.seq = seq
        self.complete = False
        self._pending = 0

    @property
    def durable(self) -> bool:
        """Whether all of it has arrived and is in the queue."""
        return self.complete and not self._pending

    def arrive(self) -> None:
        """Note that one of its reports arrived."""
        self._pending += 1

    def settle(self, _: int) -> None:
        """Note that one of its reports is in the queue."""
        self._pending -= 1


class Progress:
    """What has arrived, over all connections and sessions of one leader."""

    def __init__(self, position: Position) -> None:
        self.session = position.session
        self.sequence = Sequence(position.seq)
        self._settled = position
        self._snapshot: Snapshot | None = None

    def adopt(self, session: str) -> None:
        """Take the session that the exchange named, where none was known."""
        self.session = session

    def replace(self, snapshot: Snapshot) -> None:
        """Go on behind a snapshot that has arrived as a whole.

        What was missing before it is covered; what arrived from behind it is sent again by the exchange.
        """
        snapshot.complete = True
        self.session, self.sequence, self._snapshot = snapshot.session, Sequence(snapshot.seq), snapshot

    def position(self) -> Position:
        """Return the newest position; it stays before a snapshot until all of that is in the queue."""
        if self._snapshot is None or self._snapshot.durable:
            self._snapshot = None
            self._settled = Position(self.session, self.sequence.settled_to)
        return self._settled
