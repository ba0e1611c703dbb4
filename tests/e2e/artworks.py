"""Artworks of a test's own on the deployed stack."""

from __future__ import annotations

import itertools
from typing import Any

from tests.e2e.stack import Stack, eventually

_artworks = itertools.count(1_000)


class ArtworkMarket:
    """One artwork of a test's own, as its users see it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.artwork_id = next(_artworks)
        self._users = itertools.count(self.artwork_id * 1_000)

    def offer(self, direction: str, price: float, user_id: int | None = None) -> dict[str, Any]:
        """Submit an order that must be accepted, of a new user unless told."""
        user = next(self._users) if user_id is None else user_id
        order = {"user_id": user, "artwork_id": self.artwork_id, "price": price, "direction": direction}
        response = self.stack.http.post("/market/orders", json=order)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        assert answer["status"] == "open"
        return answer

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the order as it is now."""
        answer: dict[str, Any] = self.stack.http.get(f"/market/orders/{order['order_id']}").raise_for_status().json()
        return answer

    def wait_until_filled(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the order's transaction as soon as there is one."""
        filled = eventually(lambda: self.order(order), lambda seen: seen["status"] == "filled")
        transaction: dict[str, Any] = filled["transaction"]
        return transaction

    def book(self) -> dict[str, Any]:
        """Return the artwork's page."""
        answer: dict[str, Any] = self.stack.http.get(f"/market/artworks/{self.artwork_id}").raise_for_status().json()
        return answer

    def statuses(self, *orders: dict[str, Any]) -> list[str]:
        """Return the orders' statuses."""
        return [self.order(order)["status"] for order in orders]
