"""What clients were told: nothing accepted is missing, a key makes one thing, a fault of ours has a cause."""

from collections.abc import Callable
from typing import Any

from tests.simulation.checks.base import Journal, Row, Violation, expect
from tests.simulation.history import Request

FORBIDDEN = (
    *("IllegalTransitionError", "KeyError", "TypeError", "AttributeError", "IndexError", "AssertionError"),
    *("ValidationException", "ArrivalOrderError", "UnknownExpressionError", "NameError", "RuntimeError"),
    *("UnknownOrderError", "InvalidMessageError", "ResourceNotFoundException"),
)
"""Errors that no fault of the world excuses."""
EXCUSED = ("ContendedError", "OutOfTimeError", "ScheduleError", "NotTakenError: Visibility")
"""Errors that others' work at the same things may cause, and the handle of a message that somebody else has, too."""
BUSY = ("busy", "signal_unfinished")
Terms = Callable[[Any], tuple[Any, ...]]


def check_faults(journal: Journal) -> None:
    """A fault of ours has a cause in the world, and is never one of those that only a mistake makes."""
    for failure in journal.history.failures:
        expect(not any(name in failure.error for name in FORBIDDEN), "no mistakes", failure)
        expect(failure.struck or failure.error.startswith(EXCUSED), "faults have causes", failure)
    for request in journal.history.requests:
        if request.status >= 500 and not request.struck and not _is_busy(request):
            raise Violation("faults have causes", f"{request}")


def check_creates(
    journal: Journal, path: str, table: str, read: Callable[[Request], tuple[Any, Any]], terms: tuple[Terms, Terms]
) -> None:
    """Every create is linearizable: it takes effect once, between its request and its answer, and nothing undoes it.

    ``read`` returns the key of the item and the moment of an accepted answer; ``terms`` what a body, and what an item,
    asks for.
    """
    of_body, of_row = terms
    by_key: dict[Any, tuple[Any, Any]] = {}
    first_sent: dict[Any, int] = {}
    makers: dict[Any, int] = {}
    for request in journal.history.requests:
        if request.method == "POST" and request.path == path and request.key is not None:
            scope = _scope(request, path)
            first_sent.setdefault(scope, request.sent)
    for request, answered in journal.answered("POST", path):
        if request.path != path:
            continue
        if request.status == 201:
            key, moment = read(request)
            versions = journal.versions(table, key)
            created = next((step for step, row in zip(versions.steps, versions.rows, strict=True) if row), None)
            expect(created is not None and created < answered, "nothing accepted is missing", request)
            expect(versions.rows.count(None) == 1, "nothing accepted is deleted", request)
            row: Row = versions.rows[1] or {}
            expect(row["created_at"] == moment, "the answer is the first one", (request, row))
            expect(of_row(row) == of_body(request.body), "what was accepted is what was asked", (request, row))
            sent = request.sent
            if request.key is not None:
                scope = _scope(request, path)
                expect(by_key.setdefault(scope, (key, moment)) == (key, moment), "a key makes one thing", request)
                sent = first_sent[scope]
            else:
                expect(not request.replayed, "without a key nothing is repeated", request)
            expect(created is not None and created > sent, "nothing is created before it was asked for", request)
            if not request.replayed:
                makers[key] = makers.get(key, 0) + 1
                expect(created is not None and created > request.sent, "a new thing is new", request)
                expect(makers[key] == 1, "one thing is made once", request)
    for request, _ in journal.answered("POST", path):
        if request.path == path and request.status == 422:
            first = _first(journal, table, by_key, request, path)
            expect(first is None or of_row(first) != of_body(request.body), "a key is refused to others only", request)
            others = (one for one in journal.history.requests if one.path == path and one.method == "POST")
            used = [one for one in others if one.sent < (request.answered or 0) and is_same_key(one, request, path)]
            expect(any(of_body(one.body) != of_body(request.body) for one in used), "a key is its scope's", request)


def is_same_key(one: Request, other: Request, path: str) -> bool:
    """Tell whether two requests have one key."""
    return one.key is not None and _scope(one, path) == _scope(other, path)


def _first(journal: Journal, table: str, by_key: dict[Any, Any], request: Request, path: str) -> Row | None:
    known = by_key.get(_scope(request, path))
    return None if known is None else journal.versions(table, known[0]).rows[1]


def _scope(request: Request, path: str) -> Any:
    """Return what a key is unique within."""
    if path == "/market/orders":
        return request.body["user_id"], request.body["artwork_id"], request.key
    return request.key


def _is_busy(request: Request) -> bool:
    content = request.content if isinstance(request.content, dict) else {}
    return content.get("code") in BUSY or content.get("RESPONSE") == "ERROR" or request.status == 502
