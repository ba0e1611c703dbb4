"""The venue with a memory: every change is in the journal before anyone hears of it, and in the session log after."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exchange_journal import (
    Entry,
    Journal,
    OrderChanged,
    PlaceRequested,
    ReportsKept,
    SessionOpened,
    SessionTrimmed,
    encode_change,
    encode_entry,
    encode_kept,
)
from exchange_reports import encode_report
from exchange_session import KEEP, SessionLog, new_session
from exchange_venue import Change, ClientOrderId, Fill, Order, OrderTerms, Venue
from pydantic_core import to_json

LINE = 500
"""Reports of one line of a journal written anew."""
WORTH = 10_000
"""A journal is written anew when it holds so many more reports than twice those that are kept."""


@dataclass(frozen=True)
class Execution:
    """What the market does with a working order: it fills parts of it, or, without any, lets it expire."""

    client_order_id: ClientOrderId
    fills: tuple[Fill, ...] = ()


class RecordedVenue:
    """A venue whose every change is in the journal before anyone hears of it."""

    def __init__(self, journal: Journal, keep: int = KEEP) -> None:
        """Take over what the journal tells.

        Raises:
            CorruptJournalError: if the journal cannot be read.
        """
        self._venue = Venue()
        self._place_requests: Counter[ClientOrderId] = Counter()
        self._journal = journal
        self.log = SessionLog("", keep)
        seen = sum(self._restore(entry, keep) for entry in journal.entries())
        if not self.log.session:
            self.log.session = new_session()
            journal.append([encode_entry(SessionOpened(session=self.log.session))])
        self._venue.go_on_behind(self.log.last)
        if seen > 2 * (self.log.last - self.log.first + 1) + WORTH:
            journal.replace(self._summary())

    def note_place_request(self, client_order_id: ClientOrderId) -> None:
        """Count a request to place this id."""
        self._journal.append([encode_entry(PlaceRequested(client_order_id=client_order_id))])
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

    def cancel(self, client_order_id: ClientOrderId, now: datetime) -> Order:
        """Cancel as :meth:`Venue.cancel` does."""
        before = self._venue.find(client_order_id)
        return self._record(before, self._venue.cancel(client_order_id, now))

    def execute(self, executions: Iterable[Execution], now: datetime) -> None:
        """Fill and expire orders, with one write for all of them."""
        changes = [self._execute(execution, now) for execution in executions]
        self._commit([change for change in changes if change.reports])

    def trim(self, keep: int) -> None:
        """Forget all but the last reports of the session log."""
        first = self.log.last - keep + 1
        if first > self.log.first:
            self._journal.append([encode_entry(SessionTrimmed(first=first))])
            self.log.forget_before(first)

    def _execute(self, execution: Execution, now: datetime) -> Change:
        if execution.fills:
            return self._venue.fill(execution.client_order_id, execution.fills, now)
        return self._venue.expire(execution.client_order_id, now)

    def _record(self, before: Order | None, change: Change) -> Order:
        if change.order != before:
            self._commit([change])
        return change.order

    def _commit(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        reports = [[encode_report(report) for report in change.reports] for change in changes]
        lines = [encode_change(change.order, told) for change, told in zip(changes, reports, strict=True)]
        self._journal.append(lines)
        self.log.append([report for told in reports for report in told])

    def _restore(self, entry: Entry, keep: int) -> int:
        """Take an entry over; return how many reports it holds."""
        match entry:
            case SessionOpened():
                self.log = SessionLog(entry.session, keep, entry.first)
            case SessionTrimmed():
                self.log.forget_before(entry.first)
            case PlaceRequested():
                self._place_requests[entry.client_order_id] += entry.count
            case OrderChanged():
                self._venue.restore(entry.order)
                return self._restore_reports(entry.reports)
            case ReportsKept():
                return self._restore_reports(entry.reports)
        return 0

    def _restore_reports(self, reports: Sequence[dict[str, Any]]) -> int:
        self.log.append([to_json(report) for report in reports])
        return len(reports)

    def _summary(self) -> Iterator[bytes]:
        """Return lines from which all this can be restored, and no more."""
        yield encode_entry(SessionOpened(session=self.log.session, first=self.log.first))
        for first in range(self.log.first, self.log.last + 1, LINE):
            yield encode_kept(self.log.read(first, first + LINE - 1))
        for client_order_id, count in self._place_requests.items():
            yield encode_entry(PlaceRequested(client_order_id=client_order_id, count=count))
        for order in self.orders():
            yield encode_change(order, [])
