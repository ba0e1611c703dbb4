"""Everything that there is to judge by: what clients saw, what the tables hold, what the exchange has done."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.stack import Item, Stack
from tests.e2e.standing import Standing, plain
from tests.simulation.history import Request

TABLES = ("BrokerOrders", "MarketOrders", "Trades", "Signals", "Positions", "OrderLog")


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


def read_tables(stack: Stack) -> dict[str, list[Item]]:
    """Return everything in the tables."""
    return {name: list(stack.items(stack.deployment.outputs[f"{name}Table"])) for name in TABLES}


def read_acceptances(journal: Path) -> list[str]:
    """Return the orders in the order of their acceptance: that is the first report of an order."""
    entries = map(json.loads, journal.read_text().splitlines())
    reports = (report for entry in entries for report in entry.get("reports", ()))
    return [report["client_order_id"] for report in reports if report["order_seq"] == 1]
