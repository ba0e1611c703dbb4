"""What the exchange remembers over a restart: an append-only file of JSON lines."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from exchange_venue import ClientOrderId, Order
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

TAIL = 64 * 1024


class CorruptJournalError(Exception):
    """Raised when a complete line of the journal cannot be read."""


class SessionOpened(BaseModel):
    """The session of execution reports began here, or goes on with this report."""

    change: Literal["session_opened"] = "session_opened"
    session: str
    first: int = 1


class SessionTrimmed(BaseModel):
    """Reports below this one were forgotten on demand."""

    change: Literal["session_trimmed"] = "session_trimmed"
    first: int


class PlaceRequested(BaseModel):
    """A PUT for the id was seen, whatever became of it."""

    change: Literal["place_requested"] = "place_requested"
    client_order_id: ClientOrderId
    count: int = 1


class OrderChanged(BaseModel):
    """An order is new or has changed; this is its whole state from now on, and the reports that tell of it.

    One line holds both, so that a torn one takes both away.
    """

    change: Literal["order_changed"] = "order_changed"
    order: Order
    reports: tuple[dict[str, Any], ...] = ()


class ReportsKept(BaseModel):
    """Reports whose orders have changed since: what is left of older lines after the journal was written anew."""

    change: Literal["reports_kept"] = "reports_kept"
    reports: tuple[dict[str, Any], ...]


Entry = SessionOpened | SessionTrimmed | PlaceRequested | OrderChanged | ReportsKept
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="change")])


def encode_entry(entry: SessionOpened | SessionTrimmed | PlaceRequested) -> bytes:
    """Return the entry as a line."""
    return entry.model_dump_json().encode() + b"\n"


def encode_change(order: Order, reports: Sequence[bytes]) -> bytes:
    """Return an :class:`OrderChanged` as a line, with its reports as they were encoded for the feed."""
    state = order.model_dump_json().encode()
    return b'{"change":"order_changed","order":%b,"reports":[%b]}\n' % (state, b",".join(reports))


def encode_kept(reports: Sequence[bytes]) -> bytes:
    """Return a :class:`ReportsKept` as a line."""
    return b'{"change":"reports_kept","reports":[%b]}\n' % b",".join(reports)


class Journal:
    """The file of entries. Opening it cuts off a torn last line, so that the next one is whole."""

    def __init__(self, path: Path) -> None:
        """Open the file, made if it is not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        _cut_torn_line(path)
        self._path = path
        self._file = path.open("ab")

    def entries(self) -> Iterator[Entry]:
        """Read the entries one by one.

        Raises:
            CorruptJournalError: if a line cannot be read.
        """
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield _ENTRY.validate_json(line)
                except ValidationError as error:
                    raise CorruptJournalError(f"{self._path}, line {number} cannot be read") from error

    def append(self, lines: Iterable[bytes]) -> None:
        """Write lines in one go and hand them to the operating system, so that they outlive this process."""
        self._file.write(b"".join(lines))
        self._file.flush()

    def replace(self, lines: Iterable[bytes]) -> None:
        """Write the whole journal anew: the old one counts until the new one is complete."""
        draft = self._path.with_name(f"{self._path.name}.new")
        with draft.open("wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        self._file.close()
        draft.replace(self._path)
        self._file = self._path.open("ab")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _cut_torn_line(path: Path) -> None:
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(end - TAIL, 0)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            end = start + newline + 1
            if newline >= 0:
                break
        file.truncate(end)
