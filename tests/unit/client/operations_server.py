"""Tiny operations on loopback: what the people on call see is what a test puts there."""

from collections import deque
from typing import Any

from tests.unit.client.market_server import MOMENT, Answer, MarketServer, SeenRequest, problem

LATER = "2026-11-21T12:05:00.000000Z"
NORMAL = {
    "mode": "normal",
    "probability": 1.0,
    "delay": 5.0,
    "count": None,
    "refuse": [],
    "operations": ["place", "cancel", "find"],
}


def checked(as_of: str | None = MOMENT, *violations: str, complete: bool = True) -> dict[str, Any]:
    """Return what a check has found."""
    found = {"name": "no_book_is_crossed", "checked": 1200, "in_flight": 3, "violations": list(violations)}
    sound = {"name": "trades_are_valid", "checked": 7, "in_flight": 0, "violations": []}
    return {"invariants": [found, sound], "as_of": as_of, "complete": complete}


class OperationsServer(MarketServer):
    """Dead letters go back ``at_once`` at most; ``checks`` are what one look after the other finds, the last for ever.

    ``control`` is what the local exchange does, None where there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.letters: dict[str, list[dict[str, Any]]] = {"placements": [], "hand-over": []}
        self.at_once = 1_000
        self.checks: deque[dict[str, Any]] = deque([checked()])
        self.tables = {"broker_orders": "ok", "operations": "ok"}
        self.control: dict[str, Any] | None = dict(NORMAL)

    def answer(self, request: SeenRequest, path: list[str]) -> Answer:
        """Return the answer to a request for the path."""
        answer: Answer
        match request.method, path:
            case "GET", ["operations", "queues"]:
                answer = 200, {"queues": [self._queue(name) for name in self.letters]}
            case "GET", ["operations", "dead-letters"]:
                answer = self._look(request.query.get("queue", ""))
            case "POST", ["operations", "dead-letters", "redrive"]:
                answer = self._redrive(request.body["queue"])
            case "GET", ["operations", "invariants"]:
                answer = 200, self.checks.popleft() if len(self.checks) > 1 else self.checks[0]
            case "POST", ["operations", "invariants", "run"]:
                answer = 202, self.checks.popleft() if len(self.checks) > 1 else self.checks[0]
            case "GET", ["health"]:
                sound = all(state == "ok" for state in self.tables.values())
                status = "ok" if sound else "unavailable"
                answer = 200 if sound else 503, {"status": status, "tables": self.tables}
            case "GET" | "PUT", ["_local", "exchange", "control"] if self.control is not None:
                self.control = self.control if request.method == "GET" else NORMAL | request.body
                answer = 200, self.control
            case _, ["_local", *_]:
                answer = 404, {"message": "Not Found"}
            case _:
                answer = super().answer(request, path)
        return answer

    def bury(self, count: int, **changes: Any) -> None:
        """Add dead letters."""
        for number in range(count):
            letter = {"message_id": f"m-{number}", "sent_at": MOMENT, "reason": "unavailable", "body": "{}", **changes}
            self.letters["placements"].append(letter)

    def _queue(self, name: str) -> dict[str, Any]:
        dead = len(self.letters[name])
        return {"name": name, "depth": 2, "in_flight": 1, "oldest_age_seconds": 95.4, "dead_letters": dead}

    def _look(self, queue: str) -> Answer:
        if queue not in self.letters:
            return problem(404, "unknown_queue", f"There is no queue {queue!r}. There are: placements, hand-over.")
        return 200, {"queue": queue, "count": len(self.letters[queue]), "letters": self.letters[queue][:10]}

    def _redrive(self, queue: str) -> Answer:
        if queue not in self.letters:
            return problem(404, "unknown_queue", f"There is no queue {queue!r}. There are: placements, hand-over.")
        letters = self.letters[queue]
        self.letters[queue] = letters[self.at_once :]
        return 200, {"queue": queue, "redriven": min(len(letters), self.at_once), "remaining": len(self.letters[queue])}
