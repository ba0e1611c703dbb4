"""A small sound history, made by the application itself, as the evidence of a run that went well."""

import json
from typing import Any

from chalicelib.core.clock import format_timestamp, utc_now
from tests.chaos.evidence import TABLES, Evidence
from tests.chaos.history import step_of
from tests.e2e.standing import own_standing
from tests.fuzz.platform import Platform, platform
from tests.fuzz.request import Request as Sent
from tests.simulation.history import Request

ORDER = {"type": "limit", "side": "buy", "instrument": "DE0007664039", "limit_price": 10.25, "quantity": 3}
PROFILES = {"Anne": {"A": ["ACC", "INFY"]}, "Ben": {"A": ["ACC"], "B": ["ACC"]}}
JSON = ("content-type", "application/json")


class Teller:
    """Sends requests as clients do, and keeps them."""

    def __init__(self, application: Platform) -> None:
        self.platform = application
        self.requests: list[Request] = []

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Send a request; return what was answered."""
        request = Request("a client 1", method, path, body, key, _now())
        headers = (JSON,) if key is None else (JSON, ("idempotency-key", key))
        raw = None if body is None else json.dumps(body).encode()
        answer = self.platform.send(Sent(method, path, path, headers, raw))
        request.status, request.content = answer.status, json.loads(answer.text)
        request.replayed = "Idempotency-Replayed" in answer.headers
        request.answered = _now()
        self.requests.append(request)
        return request.content

    def order(self, key: str) -> str:
        """Send an order to the broker, a second time, too, as if the first answer had been lost."""
        self.send("POST", "/orders", ORDER, key)
        order_id: str = self.send("POST", "/orders", ORDER, key)["id"]
        return order_id

    def offer(self, user: int, direction: str, price: float, artwork: int = 7) -> str:
        """Make an offer in the art market."""
        body = {"user_id": user, "artwork_id": artwork, "price": price, "direction": direction}
        order_id: str = self.send("POST", "/market/orders", body, f"{user} {direction} {artwork}")["order_id"]
        return order_id

    def signal(self, position: str, instrument: str, key: str) -> Any:
        """Send a signal."""
        return self.send("POST", "/signals", {"strategy": "A", "instrument": instrument, "position": position}, key)


def tell_story() -> Evidence:
    """Return the evidence: every kind of thing that the rules look at is in it once or twice."""
    with platform(5) as application:
        teller = Teller(application)
        called_off = teller.order("called off")
        teller.send("POST", f"/orders/{called_off}/cancel")
        teller.send("GET", f"/orders/{teller.order('placed')}")
        sold, bought = teller.offer(1, "sell", 10), teller.offer(2, "buy", 11)
        gone, _ = teller.offer(3, "sell", 50), teller.offer(4, "buy", 49)
        teller.send("POST", f"/market/orders/{gone}/cancel")
        teller.send("PUT", "/strategies/profiles", PROFILES)
        for position, instrument in (("BUY", "ACC"), ("SELL", "ACC"), ("BUY", "INFY")):
            teller.signal(position, instrument, f"{position} {instrument}")
            teller.signal(position, instrument, f"{position} {instrument}")
            application.pump()  # A sale waits for its purchase.
        teller.send(
            "POST", "/create_order", {"STRATEGY": "B", "INSTRUMENT": "ACC", "POSITION": "BUY"}, "as the producer does"
        )
        application.pump()
        for offer in (sold, bought):
            teller.send("GET", f"/market/orders/{offer}")
            teller.send("POST", f"/market/orders/{offer}/cancel")
        return _evidence(teller)


def _evidence(teller: Teller) -> Evidence:
    tables = {name: [dict(item) for item in teller.platform.table(name)] for name in TABLES}
    evidence = Evidence(teller.requests, tables, invariants={"no_order_is_forgotten": []})
    placed = [row for row in evidence.rows("BrokerOrders") if row["status"] != "CANCELED"]
    created = {row["order_id"]: row["created_at"] for row in placed}
    evidence.venue = {row["order_id"]: own_standing(row) for row in placed}
    evidence.accepted = sorted(evidence.venue, key=lambda order_id: created[order_id])
    return evidence


def _now() -> int:
    return step_of(format_timestamp(utc_now()))
