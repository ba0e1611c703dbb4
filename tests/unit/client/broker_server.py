"""A tiny broker on loopback, with an exchange that does one thing each time somebody looks at an order."""

import json
from typing import Any

from tests.unit.client.market_server import MOMENT, Answer, MarketServer, SeenRequest, problem

PLACED = ("placed", "NEW")


class BrokerServer(MarketServer):
    """Keeps orders by their idempotency key. ``plan``: what becomes of each, step by step.

    To watchers it tells what is in ``news``, one answer for each entry; a cursor is how many of them were told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.placed: dict[str, dict[str, Any]] = {}
        self.timelines: dict[str, list[dict[str, Any]]] = {}
        self.plan: list[tuple[str, str]] = [PLACED]
        self.news: list[list[tuple[str, Any]]] = []

    def answer(self, request: SeenRequest, path: list[str]) -> Answer:
        """Return the answer to a request for the path."""
        match request.method, path:
            case "POST", ["orders"]:
                return self._place(request)
            case "GET", ["orders"]:
                wanted = request.query.get("status")
                rows = [order for order in reversed(self.placed.values()) if wanted in (None, order["status"])]
                return self.page("orders", rows, request.query)
            case "GET", ["orders", "events"]:
                return self._tell_news(request)
            case _, ["orders", order_id, *action]:
                return self._with(order_id, request.method, action)
        return super().answer(request, path)

    def make(self, **changes: Any) -> dict[str, Any]:
        """Add an order; return it."""
        number = len(self.placed)
        order = {"type": "market", "side": "buy", "instrument": "US0378331005", "limit_price": None, "quantity": 10}
        order |= {"id": f"0193a1c0-0000-7000-8000-{number:012}", "created_at": MOMENT, "status": "PENDING_NEW"}
        order |= {"cum_qty": 0, "leaves_qty": 10, **changes}
        self.placed[f"made {number}"] = order
        self.timelines[str(order["id"])] = [{"at": MOMENT, "cause": "accepted", "status": "PENDING_NEW"}]
        return order

    def _place(self, request: SeenRequest) -> Answer:
        key, body = request.headers["idempotency-key"], request.body
        if len(body["instrument"]) != 12:
            error = {"loc": ["body", "instrument"], "msg": "Input should have exactly 12 characters", "type": "length"}
            return problem(422, "validation_failed", "The request is not valid: body.instrument.", errors=[error])
        if key not in self.placed:
            price = body["limit_price"] and float(body["limit_price"])
            number = len(self.placed)
            self.placed[key] = self.make(**{**body, "limit_price": price})
            del self.placed[f"made {number}"]
        return 201, {**self.placed[key], "status": "PENDING_NEW"}

    def _with(self, order_id: str, method: str, action: list[str]) -> Answer:
        order = next((order for order in self.placed.values() if order["id"] == order_id), None)
        if order is None:
            return problem(404, "unknown_order", f"There is no order {order_id!r}.")
        if method == "POST":
            return self._cancel_placed(order)
        return 200, self._timeline(order) if action == ["timeline"] else order

    def _cancel_placed(self, order: dict[str, Any]) -> Answer:
        if order["status"] in ("CANCELED", "FILLED"):
            detail = f"The order is {order['status']} and cannot be canceled any more."
            return problem(409, "order_final", detail, order_status=order["status"])
        order["status"] = "CANCELED" if order["status"] == "PENDING_NEW" else "PENDING_CANCEL"
        return 200, order

    def _timeline(self, order: dict[str, Any]) -> dict[str, Any]:
        entries = self.timelines[order["id"]]
        answer = {"id": order["id"], "status": order["status"], "attempts": len(entries) - 1, "count": len(entries)}
        answer |= {"entries": entries[-20:]}
        if len(entries) <= len(self.plan):
            cause, order["status"] = self.plan[len(entries) - 1]
            at = MOMENT.replace("00.25", f"{len(entries):02}.25")
            step = {"at": at, "cause": cause, "status": order["status"], "attempt": len(entries), "latency_ms": 12}
            self.timelines[order["id"]] = [*entries, step]
        return answer

    def change(self, order: dict[str, Any], *causes: str, missed: int = 0, **changes: Any) -> tuple[str, Any]:
        """Change an order; return the event of it."""
        order |= changes
        entries = [{"at": MOMENT, "cause": cause, "status": order["status"]} for cause in causes]
        return "order", {"order": dict(order), "entries": entries, "missed": missed}

    def _tell_news(self, request: SeenRequest) -> Answer:
        unknown = [one for one in request.query.get("ids", "").split(",") if one.startswith("unknown")]
        if unknown:
            return problem(404, "unknown_orders", f"There are no orders {unknown[0]!r}.", ids=unknown)
        cursor = request.headers.get("last-event-id", "0")
        if not cursor.isdigit():
            return problem(400, "invalid_cursor", "The cursor is broken.")
        told = int(cursor)
        text = "retry: 50\n\n"
        for number, batch in enumerate(self.news[told : told + 1], told + 1):
            for name, data in batch:
                # A gap leaves the cursor where it is.
                text += f"id: {number}\n" if name == "order" else ""
                text += f"event: {name}\ndata: {json.dumps(data)}\n\n"
        return 200, f"{text}: nothing new\n\n".encode()
