"""Strategies on the deployed stack, as their authors and users see them."""

from __future__ import annotations

import itertools
from typing import Any

import httpx

from tests.e2e.stack import Stack, eventually

_names = itertools.count(1)


class Traders:
    """Users and strategies of a test's own: profiles are replaced as a whole, positions and log go on."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.tag = f"T{next(_names)}"

    def name(self, name: str) -> str:
        """Return the name as this test's own: no other test has positions under it."""
        return f"{name} {self.tag}"

    def put_profiles(self, profiles: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
        """Replace all profiles by these; users and strategies get names of this test's own."""
        named = {
            self.name(user): {self.name(strategy): instruments for strategy, instruments in strategies.items()}
            for user, strategies in profiles.items()
        }
        answer: dict[str, Any] = self.stack.http.put("/strategies/profiles", json=named).raise_for_status().json()
        return answer

    def create_order(self, strategy: str, instrument: str, position: str) -> dict[str, Any]:
        """Send a signal as the producer does."""
        body = {"STRATEGY": self.name(strategy), "INSTRUMENT": instrument, "POSITION": position}
        response = self.stack.http.post("/create_order", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def post_signal(self, strategy: str, instrument: str, position: str, **more: Any) -> httpx.Response:
        """Send a signal; ``key`` and ``dry_run`` as they are asked for."""
        headers = {"Idempotency-Key": more["key"]} if "key" in more else {}
        params = {"dry_run": "true"} if more.get("dry_run") else {}
        body = {"strategy": self.name(strategy), "instrument": instrument, "position": position}
        return self.stack.http.post("/signals", json=body, headers=headers, params=params)

    def signal(self, strategy: str, instrument: str, position: str, **more: Any) -> dict[str, Any]:
        """Send a signal that must be answered; return the answer."""
        response = self.post_signal(strategy, instrument, position, **more)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def verdicts(self, answer: dict[str, Any]) -> dict[str, str]:
        """Return the reason for each user, by the name without the tag."""
        return {row["user"].removesuffix(f" {self.tag}"): row["reason"] for row in answer["users"]}

    def positions(self, strategy: str | None = None, **only: str) -> list[dict[str, Any]]:
        """Return all open positions of a strategy."""
        if strategy is not None:
            only["strategy"] = self.name(strategy)
        return self._all("/positions", "positions", only)

    def log(self, user: str) -> list[dict[str, Any]]:
        """Return all closed round trips of a user."""
        return self._all("/order-log", "entries", {"user": self.name(user)})

    def wait_until_placed(self, order_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the exchange's orders as soon as it has all these."""
        return eventually(self.stack.exchange.orders, lambda orders: set(order_ids) <= orders.keys(), within=120)

    def _all(self, path: str, field: str, only: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.stack.http.get(path, params={**only, "limit": 100, **cursor}).raise_for_status().json()
            found += page[field]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


def order_ids(answer: dict[str, Any]) -> list[str]:
    """Return the orders that a signal's answer names."""
    return [row["order_id"] for row in answer["users"] if "order_id" in row]
