"""The way of execution reports from the queue to their orders.

Reports come in messages that hold many, and messages in batches. All reports of one order in a batch are folded and
written at once, on condition of the version that was read: one write for each order and batch, none if nothing is new.

An order that fails does not hold up the others: its reports go to the queue ``report-retries``. What can never be
applied goes to that queue's dead letters at once, with the reason. Crash points: before a write nothing happened. After
some of them, or after a letter was sent, the whole message comes again: applied reports are duplicates then, and a
letter is there twice. Only what could not be written and not be sent either is reported as failed.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from chalicelib.broker.execution import ExecutionReport, Folded, InvalidReportError, fold, parse_report
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import retry_delay
from chalicelib.broker.store import OrderStore, StaleOrderError
from chalicelib.core.batches import Again, Done, Message, Visibility, read_messages, work_queue
from chalicelib.core.clock import Clock
from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import Metric, MetricUnit, log_event, log_failure, put_metrics

PARALLEL = 20
"""Orders that are written at once."""
ROUNDS = 8
"""Times that an order is folded anew because others changed it meanwhile."""
MAX_REPORTS = 200
MAX_BYTES = 200_000
"""What one message holds at most, as in the messages that the exchange's feed becomes."""
MAX_UNREADABLE = 10_000
"""Characters that are kept of a message that is none of ours."""
RETRY_DELAY = 2
"""Seconds until the reports of an order that failed are tried for the second time."""
UNKNOWN_ORDER = "unknown order"


class Outbox(Protocol):
    """A queue to write to."""

    def send_bodies(self, bodies: Sequence[str], delay: int = 0) -> None:
        """Send messages, hidden for so many seconds. Raises NotTakenError unless all of them are in the queue."""


class RetryQueue(Outbox, Visibility, Protocol):
    """The queue of the reports that could not be applied yet."""


@dataclass(frozen=True)
class Applier:
    """What applying reports needs. ``letters`` takes what can never be applied."""

    store: OrderStore
    retries: RetryQueue
    letters: Outbox
    clock: Clock
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True)
class Refused:
    """A report, as it came, that can never be applied, and why."""

    content: Any
    reason: str


@dataclass(frozen=True)
class Read:
    """A message as it was understood: reports, letters for what is none, and the orders that it is about."""

    reports: Mapping[OrderId, list[ExecutionReport]]
    letters: list[str]


@dataclass(frozen=True)
class Applied:
    """What came of some reports: the orders that failed, and the reports that are impossible."""

    failed: frozenset[OrderId]
    refused: Mapping[OrderId, list[Refused]]

    def letters(self) -> list[str]:
        """Return the letters for the reports that are impossible."""
        return [write_letter(one) for refused in self.refused.values() for one in refused]


def apply_batch(records: Iterable[dict[str, Any]], applier: Applier) -> dict[str, Any]:
    """Apply the reports of a batch of SQS records; return Lambda's partial batch response."""
    meter = Meter()
    messages = {message.message_id: read_message(message.body) for message in read_messages(records)}
    reports = _by_order(messages.values())
    applied = apply_reports(applier, reports)
    letters = [letter for message in messages.values() for letter in message.letters] + applied.letters()
    retried = _is_sent(lambda: applier.retries.send_bodies(_retries(applied, reports), RETRY_DELAY))
    told = _is_sent(lambda: applier.letters.send_bodies(letters))
    undone = (frozenset() if retried else applied.failed) | (frozenset() if told else applied.refused.keys())
    log_event("reports handled", messages=len(messages), retried=len(applied.failed), **meter.fields())
    return {
        "batchItemFailures": [
            {"itemIdentifier": message_id}
            for message_id, message in messages.items()
            if undone & message.reports.keys() or (message.letters and not told)
        ]
    }


def retry_batch(records: Iterable[dict[str, Any]], applier: Applier) -> dict[str, Any]:
    """Apply again what failed, message by message; return Lambda's partial batch response."""
    return work_queue(read_messages(records), partial(retry_message, applier), applier.retries, 4, about_orders)


def about_orders(body: str) -> dict[str, list[OrderId]]:
    """Return the orders that a message names, for its log line."""
    return {"order_ids": list(read_message(body).reports)}


def retry_message(applier: Applier, message: Message) -> Done | Again:
    """Apply the reports of a message that failed before; it comes again, later each time, while it fails.

    Raises:
        NotTakenError: if a letter could not be sent; the message comes again then.
    """
    read = read_message(message.body)
    applied = apply_reports(applier, read.reports)
    letters = read.letters + applied.letters()
    applier.letters.send_bodies(letters)
    if not applied.failed:
        return Done("applied")
    if not letters:
        return Again("failed", retry_delay(message.receive_count, applier.jitter()))
    # What is a letter now must not become one again each time: only the rest goes on waiting.
    applier.retries.send_bodies(_retries(applied, read.reports), RETRY_DELAY)
    return Done("failed in parts")


def read_message(body: str) -> Read:
    """Return what a message says. Whatever it is, what cannot be understood becomes a letter with the reason."""
    contents = _contents(body)
    if contents is None:
        return Read({}, [_unreadable(body)])
    reports: dict[OrderId, list[ExecutionReport]] = defaultdict(list)
    letters: list[str] = []
    for content in contents:
        try:
            report = parse_report(content)
            reports[report.order_id].append(report)
        except InvalidReportError as error:
            letters.append(write_letter(Refused(content, str(error))))
    return Read(dict(reports), letters)


def write_bodies(reports: Iterable[ExecutionReport]) -> list[str]:
    """Return messages that hold the reports, as they came."""
    packs: list[list[str]] = []
    size = 0
    for text in (json.dumps(dict(report.content)) for report in reports):
        size += len(text)
        if not packs or len(packs[-1]) == MAX_REPORTS or size > MAX_BYTES:
            packs.append([])
            size = len(text)
        packs[-1].append(text)
    return ['{"reports": [' + ", ".join(texts) + "]}" for texts in packs]


def write_letter(refused: Refused) -> str:
    """Return the dead letter of a report. Put back among the retries, it is a message like any other."""
    try:
        return json.dumps({"reports": [refused.content], "reason": refused.reason})
    except RecursionError:
        return json.dumps({"unreadable": "", "reason": refused.reason})


def apply_reports(applier: Applier, reports: Mapping[OrderId, list[ExecutionReport]]) -> Applied:
    """Fold the reports into their orders, many at once. No fault of one order is a fault of another."""
    if not reports:
        return Applied(frozenset(), {})
    try:
        orders = applier.store.get_many(list(reports), consistent=True)
    except Exception:
        log_failure("orders not read", orders=len(reports))
        return Applied(frozenset(reports), {})
    unknown = {
        order_id: [Refused(one.content, UNKNOWN_ORDER) for one in reports[order_id]]
        for order_id in reports
        if order_id not in orders
    }
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        changed = pool.map(lambda order: _apply(applier, order, reports[order.order_id]), orders.values())
        results = dict(zip(orders, changed, strict=True))
    changes = {order_id: change for order_id, change in results.items() if change is not None}
    impossible = {
        order_id: [Refused(report.content, reason) for report, reason in change.folded.impossible]
        for order_id, change in changes.items()
        if change.folded.impossible
    }
    refused = unknown | impossible
    _tell(applier.clock, list(changes.values()), refused)
    return Applied(frozenset(results.keys() - changes.keys()), refused)


@dataclass(frozen=True)
class Change:
    """What reports did to an order that was read as ``before``."""

    before: Order
    folded: Folded


def _apply(applier: Applier, order: Order, reports: Sequence[ExecutionReport]) -> Change | None:
    """Return what the reports did to their order, None if it could not be written."""
    try:
        for _ in range(ROUNDS):
            folded = fold(order, reports, applier.clock())
            if folded.order == order:
                return Change(order, folded)
            try:
                applier.store.save(folded.order)
            except StaleOrderError:
                # Somebody was faster: fold the reports into what is true now.
                order = applier.store.get(order.order_id) or order
                continue
            return Change(order, folded)
    except Exception:
        log_failure("reports not applied", order_id=order.order_id, reports=len(reports))
        return None
    log_event("order contended", order_id=order.order_id, reports=len(reports))
    return None


def _tell(clock: Clock, changes: Sequence[Change], refused: Mapping[OrderId, list[Refused]]) -> None:
    """Write the log line and the metrics of some reports that were applied."""
    applied = [report for change in changes for report in change.folded.applied]
    counts = {
        "ReportsApplied": len(applied),
        "ReportsDuplicate": sum(change.folded.duplicates for change in changes),
        "ReportsLate": sum(change.folded.late for change in changes),
        "ReportsImpossible": sum(map(len, refused.values())),
    }
    reasons = {order_id: one.reason for order_id, letters in refused.items() for one in letters[:1]}
    named = [change.before.order_id for change in changes]
    log_event("reports", order_ids=named, impossible=dict(list(reasons.items())[:10]), orders=len(changes), **counts)
    metrics: list[Metric] = [(name, MetricUnit.Count, count) for name, count in counts.items() if count]
    now = clock()
    lags = [(now - report.at).total_seconds() * 1000 for report in applied if report.at is not None]
    if lags:
        metrics.append(("ReportLag", MetricUnit.Milliseconds, max(*lags, 0)))
    placed = [c.before for c in changes if c.before.placed_at is None and c.folded.order.placed_at is not None]
    if placed:
        waited = max((now - order.created_at).total_seconds() * 1000 for order in placed)
        metrics += [("Placed", MetricUnit.Count, len(placed)), ("AcceptToPlaced", MetricUnit.Milliseconds, waited)]
    put_metrics(metrics)


def _retries(applied: Applied, reports: Mapping[OrderId, list[ExecutionReport]]) -> list[str]:
    """Return the messages for the orders that failed: never two of them in one, so that they go on by themselves."""
    return [body for order_id in sorted(applied.failed) for body in write_bodies(reports[order_id])]


def _by_order(messages: Iterable[Read]) -> dict[OrderId, list[ExecutionReport]]:
    reports: dict[OrderId, list[ExecutionReport]] = defaultdict(list)
    for message in messages:
        for order_id, some in message.reports.items():
            reports[order_id] += some
    return dict(reports)


def _contents(body: str) -> list[Any] | None:
    """Return the reports of a message, still unread; None if it holds none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    contents = content.get("reports") if isinstance(content, dict) else None
    return contents if isinstance(contents, list) and contents else None


def _is_sent(send: Callable[[], None]) -> bool:
    try:
        send()
    except Exception:
        log_failure("reports not handed on")
        return False
    return True


def _unreadable(body: str) -> str:
    """Return the letter of a message that holds no reports. One that is such a letter already stays as it is."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and content.keys() == {"unreadable", "reason"}:
        return body
    return json.dumps({"unreadable": body[:MAX_UNREADABLE], "reason": "no message with reports"})
