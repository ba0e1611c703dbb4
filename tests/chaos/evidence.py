"""Everything that there is to judge by: what clients saw, what the tables hold, what the exchange has done."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack
from tests.simulation.history import Request

TABLES = ("BrokerOrders", "MarketOrders", "Trades", "Signals", "Positions", "OrderLog")
Item = dict[str, Any]
"""An item of DynamoDB, with the types of its values."""
Standing = tuple[str, int, int, float | None]
"""Status, filled and open quantity, average price."""


@dataclass
class Evidence:
    """What is left of a run once everything is at rest."""

    requests: list[Request] = field(default_factory=list)
    tables: dict[str, list[Item]] = field(default_factory=dict)
    venue: dict[str, Standing] = field(default_factory=dict)
    """The orders at the exchange."""
    accepted: list[str] = field(default_factory=list)
    """The orders that the exchange accepted, each as often as it did, in that order, by its own journal."""
    invariants: dict[str, list[str]] = field(default_factory=dict)
    """Violations that the platform's own check found, by its names."""
    restless: list[str] = field(default_factory=list)
    """What did not come to rest."""
    unsettled: list[str] = field(default_factory=list)
    """What clients were never told the outcome of, though they asked again."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the items of a table without the types of their values."""
        return [plain(item) for item in self.tables.get(table, [])]


def plain(item: Item) -> dict[str, Any]:
    """Return an item without the types of its values."""
    return {name: content for name, value in item.items() for content in value.values()}


def read_tables(stack: Stack) -> dict[str, list[Item]]:
    """Return everything in the tables."""
    client = stack.deployment.session.client("dynamodb")
    try:
        pages = client.get_paginator("scan")
        return {
            name: [
                dict(item)
                for page in pages.paginate(TableName=stack.deployment.outputs[f"{name}Table"], ConsistentRead=True)
                for item in page["Items"]
            ]
            for name in TABLES
        }
    finally:
        client.close()


def read_venue(stack: Stack) -> dict[str, Standing]:
    """Return how the orders stand at the exchange, in our words."""
    return {order_id: venue_standing(order) for order_id, order in stack.exchange.orders().items()}


def venue_standing(order: dict[str, Any]) -> Standing:
    """Return how an order of the exchange stands."""
    status = {"working": "NEW"}.get(order["status"], order["status"].upper())
    if status == "NEW" and order["cum_qty"]:
        status = "PARTIALLY_FILLED"
    price = order.get("avg_px")
    return status, order["cum_qty"], order["leaves_qty"], None if price is None else round(price, 4)


def own_standing(row: dict[str, Any]) -> Standing:
    """Return how an order of ours stands, by its row."""
    done, status = int(row.get("cum_qty", 0)), row["status"]
    left = int(row["quantity"]) - done if status in ("NEW", "PARTIALLY_FILLED") else 0
    price = row.get("avg_px")
    return status, done, left, None if price is None else round(float(price), 4)


def read_acceptances(journal: Path) -> list[str]:
    """Return the orders in the order of their acceptance: that is the first report of an order."""
    entries = map(json.loads, journal.read_text().splitlines())
    reports = (report for entry in entries for report in entry.get("reports", ()))
    return [report["client_order_id"] for report in reports if report["order_seq"] == 1]
