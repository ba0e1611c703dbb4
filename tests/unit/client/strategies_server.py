"""Tiny strategies on loopback. A BUY is accepted for whoever trades the instrument, a SELL is always rejected."""

from typing import Any

from tests.unit.client.market_server import Answer, MarketServer, SeenRequest, problem


class StrategiesServer(MarketServer):
    """Keeps profiles, and the signals by their idempotency key."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, dict[str, list[str]]] = {}
        self.signals: dict[str, dict[str, Any]] = {}

    def carry_out(self, request: SeenRequest) -> Answer:
        """Do what the request asks for; return the answer."""
        self.seen.append(request)
        match request.method, request.path:
            case "PUT", "/strategies/profiles":
                self.profiles = request.body
                return 200, {"users": len(self.profiles), "rows": sum(map(len, self.profiles.values()))}
            case "GET", "/strategies/profiles":
                return 200, self.profiles
            case "POST", "/signals":
                return self._signal(request)
            case "POST", "/create_order":
                return self._create_order(request)
        return 403, {"message": "Missing Authentication Token"}

    def _signal(self, request: SeenRequest) -> Answer:
        if not request.body["strategy"]:
            error = {"loc": ["body", "strategy"], "msg": "Input should not be blank", "type": "blank"}
            return problem(422, "validation_failed", "The request is not valid: body.strategy.", errors=[error])
        answer = self._decide(**request.body)
        if request.query.get("dry_run") == "true":
            return 200, {**answer, "signal_id": None}
        return 200, self.signals.setdefault(request.headers["idempotency-key"], answer)

    def _decide(self, strategy: str, instrument: str, position: str) -> dict[str, Any]:
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
        answer = self.signals.setdefault(request.headers["idempotency-key"], self._decide(**body))
        users = [one["user"] for one in answer["users"] if one["verdict"] == "ACCEPTED"]
        reason = None if users else "it is valid for nobody"
        return 200, {
            "RESPONSE": answer["status"],
            "ORDER_ID": answer["signal_id"],
            "REASON": reason,
            "USERS": users,
        }
