"""Tiny strategies on loopback. A BUY is accepted for whoever trades the instrument, a SELL is always rejected."""

from typing import Any

from tests.unit.client.market_server import MOMENT, Answer, MarketServer, SeenRequest, problem


class StrategiesServer(MarketServer):
    """Keeps profiles, and the signals by their idempotency key."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, dict[str, list[str]]] = {}
        self.signals: dict[str, dict[str, Any]] = {}
        self.terms: dict[str, dict[str, str]] = {}
        self.lists |= {"signals": [], "positions": [], "entries": []}

    def answer(self, request: SeenRequest, path: list[str]) -> Answer:
        """Return the answer to a request for the path."""
        answer: Answer
        match request.method, path:
            case "PUT", ["strategies", "profiles"]:
                self.profiles = request.body
                answer = 200, {"users": len(self.profiles), "rows": sum(map(len, self.profiles.values()))}
            case "GET", ["strategies", "profiles"]:
                answer = 200, self.profiles
            case "POST", ["signals"]:
                answer = self._signal(request)
            case "POST", ["create_order"]:
                answer = self._create_order(request)
            case "GET", ["signals", signal_id]:
                answer = self._view_signal(signal_id)
            case "GET", ["signals" | "positions" as name]:
                answer = self.page(name, self._only(request.query, self.lists[name]), request.query)
            case "GET", ["order-log"]:
                answer = self.page("entries", self._only(request.query, self.lists["entries"]), request.query)
            case _:
                answer = super().answer(request, path)
        return answer

    def _only(self, query: dict[str, str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted = {name: value for name, value in query.items() if name in ("user", "strategy", "instrument")}
        return [row for row in rows if wanted.items() <= row.items()]

    def _view_signal(self, signal_id: str) -> Answer:
        for signal in self.signals.values():
            if signal["signal_id"] == signal_id:
                return 200, {**signal, **self.terms[signal_id], "created_at": MOMENT}
        return problem(404, "unknown_signal", f"There is no signal {signal_id!r}.")

    def _signal(self, request: SeenRequest) -> Answer:
        if not request.body["strategy"]:
            error = {"loc": ["body", "strategy"], "msg": "Input should not be blank", "type": "blank"}
            return problem(422, "validation_failed", "The request is not valid: body.strategy.", errors=[error])
        answer = self.decide(**request.body)
        if request.query.get("dry_run") == "true":
            return 200, {**answer, "signal_id": None}
        self.terms[answer["signal_id"]] = request.body
        return 200, self.signals.setdefault(request.headers["idempotency-key"], answer)

    def decide(self, strategy: str, instrument: str, position: str) -> dict[str, Any]:
        """Return what a signal is answered with."""
        users = [
            {"user": user, "verdict": "ACCEPTED", "reason": "opens", "order_id": f"order-{number}"}
            if position == "BUY" and instrument in lists[strategy]
            else {"user": user, "verdict": "REJECTED", "reason": "nothing to close"}
            for number, (user, lists) in enumerate(self.profiles.items())
            if strategy in lists
        ]
        accepted = any(one["verdict"] == "ACCEPTED" for one in users)
        status = "ACCEPTED" if accepted else "REJECTED"
        return {"signal_id": f"signal-{len(self.signals)}", "status": status, "users": users}

    def _create_order(self, request: SeenRequest) -> Answer:
        body = {name.lower(): value for name, value in request.body.items()}
        answer = self.signals.setdefault(request.headers["idempotency-key"], self.decide(**body))
        users = [one["user"] for one in answer["users"] if one["verdict"] == "ACCEPTED"]
        reason = None if users else "it is valid for nobody"
        return 200, {
            "RESPONSE": answer["status"],
            "ORDER_ID": answer["signal_id"],
            "REASON": reason,
            "USERS": users,
        }
