"""The local exchange as a test has it: what it knows, and how it shall trade, report and misbehave."""

from typing import Any

import httpx


class ExchangeServer:
    """The exchange. Whatever it is told of one thing replaces all that it was told of it before."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def behave(self, mode: str, **how: Any) -> None:
        """Let it be normal, down, fail_before, fail_after, slow_before or slow_after."""
        self.http.put("/control", json={"mode": mode, **how}).raise_for_status()

    def trade(self, **how: Any) -> None:
        """Open its market: in how many ``slices`` orders are filled, at which ``interval``, and when they expire."""
        self.http.put("/trading", json={"open": True, **how}).raise_for_status()

    def close_trading(self) -> None:
        """Let nothing be traded: orders rest."""
        self.http.put("/trading", json={"open": False}).raise_for_status()

    def feed(self, **faults: Any) -> None:
        """Let its feed duplicate, reorder, drop or delay reports, or send them in a burst. No fault: it is sound."""
        self.http.put("/feed/faults", json=faults).raise_for_status()

    def cut_feed(self) -> None:
        """Break all connections of its feed."""
        self.http.post("/feed/disconnect").raise_for_status()

    def trim_feed(self, keep: int) -> None:
        """Let its feed forget all reports but the last so many."""
        self.http.post("/feed/trim", json={"keep": keep}).raise_for_status()

    def orders(self) -> dict[str, dict[str, Any]]:
        """Return all its orders by client order id."""
        listed = self.http.get("/orders").raise_for_status().json()["orders"]
        return {order["client_order_id"]: order for order in listed}

    def order(self, order_id: str) -> dict[str, Any] | None:
        """Return one order, None if it does not know the id. Not disturbed by the faults it plays."""
        return self.orders().get(order_id)
