"""Orders of the art market that others send while somebody looks at the page."""

from __future__ import annotations

from tests.e2e.stack import Stack

SELLER = 41


def offer(stack: Stack, work: int, price: float, user: int = SELLER, **details: str) -> str:
    """Have a work offered by somebody."""
    if details:
        stack.http.put(f"/market/artworks/{work}", json=details).raise_for_status()
    return order(stack, work, price, user, "sell")


def order(stack: Stack, work: int, price: float, user: int, direction: str) -> str:
    body = {"user_id": user, "artwork_id": work, "price": price, "direction": direction}
    order_id: str = stack.http.post("/market/orders", json=body).raise_for_status().json()["order_id"]
    return order_id
