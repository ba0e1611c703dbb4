"""What the exchange remembers over a restart: an append-only file of JSON lines, and the venue that writes it."""

import os
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from exchange_venue import ClientOrderId, Order, OrderTerms, Venue
from pydantic import BaseModel, Field, TypeAdapter, ValidationError


class CorruptJournalError(Exception):
    """Raised when a complete line of the journal cannot be read."""


class PlaceRequested(BaseModel):
    """A PUT for the id was seen, whatever became of it."""

    change: Literal["place_requested"] = "place_requested"
    client_order_id: ClientOrderId


class OrderChanged(BaseModel):
    """An order is new or has changed; this is its whole state from now on."""

    change: Literal["order_changed"] = "order_changed"
    order: Order


Entry = Annotated[PlaceRequested | OrderChanged, Field(discriminator="change")]
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


class Journal:
    """The file of entries. Opening it reads them and cuts off a torn last line, so that the next one is whole."""

    def __init__(self, path: Path) -> None:
        """Open the file, made if it is not there.

        Raises:
            CorruptJournalError: if a line other than a torn last one cannot be read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        *lines, torn = path.read_bytes().split(b"\n")
        self.entries = [_read_entry(path, number, line) for number, line in enumerate(lines, start=1)]
        if torn:
            os.truncate(path, path.stat().st_size - len(torn))
        self._file = path.open("ab")

    def append(self, entry: PlaceRequested | OrderChanged) -> None:
        """Write one line and hand it to the operating system, so that it outlives this process."""
        self._file.write(entry.model_dump_json().encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read_entry(path: Path, number: int, line: bytes) -> PlaceRequested | OrderChanged:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError as error:
        raise CorruptJournalError(f"{path}, line {number} cannot be read") from error


class RecordedVenue:
    """A venue whose every change is in the journal before anyone hears of it."""

    def __init__(self, journal: Journal) -> None:
        self._venue = Venue()
        self._place_requests: Counter[ClientOrderId] = Counter()
        self._journal = journal
        for entry in journal.entries:
            if isinstance(entry, OrderChanged):
                self._venue.restore(entry.order)
            else:
                self._place_requests[entry.client_order_id] += 1

    def note_place_request(self, client_order_id: ClientOrderId) -> None:
        """Count a request to place this id."""
        self._journal.append(PlaceRequested(client_order_id=client_order_id))
        self._place_requests[client_order_id] += 1

    def place_requests(self, client_order_id: ClientOrderId) -> int:
        """Return how many requests to place this id were seen."""
        return self._place_requests[client_order_id]

    def find(self, client_order_id: ClientOrderId) -> Order | None:
        """Return the order with this id, None if there is none."""
        return self._venue.find(client_order_id)

    def orders(self) -> tuple[Order, ...]:
        """Return every known order, accepted ones in order of acceptance."""
        return self._venue.orders()

    def place(
        self, client_order_id: ClientOrderId, terms: OrderTerms, now: datetime, not_traded: Collection[str]
    ) -> Order:
        """Place as :meth:`Venue.place` does."""
        before = self._venue.find(client_order_id)
        return self._record(before, self._venue.place(client_order_id, terms, now, not_traded))

    def cancel(self, client_order_id: ClientOrderId) -> Order:
        """Cancel as :meth:`Venue.cancel` does."""
        before = self._venue.find(client_order_id)
        return self._record(before, self._venue.cancel(client_order_id))

    def _record(self, before: Order | None, after: Order) -> Order:
        if after != before:
            self._journal.append(OrderChanged(order=after))
        return after
