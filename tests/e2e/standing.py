"""How an order stands, in the same words by our table and by the exchange: once all is at rest the two are equal."""

from typing import Any

from chalicelib.core.lifecycle import FINAL
from tests.e2e.stack import Item, Stack

Standing = tuple[str, int, int, float | None]
"""Status, filled and open quantity, average price."""


def read_venue(stack: Stack) -> dict[str, Standing]:
    """Return how the orders stand at the exchange."""
    return {order_id: venue_standing(order) for order_id, order in stack.exchange.orders().items()}


def venue_standing(order: dict[str, Any]) -> Standing:
    """Return how an order of the exchange stands."""
    status = order["status"].upper()
    if status == "WORKING":
        status = "PARTIALLY_FILLED" if order["cum_qty"] else "NEW"
    return status, order["cum_qty"], order["leaves_qty"], _rounded(order.get("avg_px"))


def own_standing(row: dict[str, Any]) -> Standing:
    """Return how an order of ours stands, by its row without the types of its values."""
    done, status = int(row.get("cum_qty", 0)), row["status"]
    left = 0 if status in FINAL else int(row["quantity"]) - done
    return status, done, left, _rounded(row.get("avg_px"))


def plain(item: Item) -> dict[str, Any]:
    """Return an item without the types of its values."""
    return {name: content for name, value in item.items() for content in value.values()}


def _rounded(price: Any) -> float | None:
    return None if price is None else round(float(price), 4)
