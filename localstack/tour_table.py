"""How the tour looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from rich.table import Table
from rich.text import Text

STYLES = {"NEW": "green", "FILLED": "green", "CANCELED": "yellow", "REJECTED": "red"}


@dataclass(eq=False)
class Row:
    """One order of the tour, as far as it has come."""

    title: str
    order_id: str = ""
    answer: str = "…"
    status: str = ""
    outcome: str = ""
    steps: int = 0

    def tell(self, response: httpx.Response) -> None:
        """Take in what the POST was answered with."""
        body = response.json()
        self.answer = str(response.status_code)
        if response.status_code == 422:
            self.outcome = "; ".join(error["msg"] for error in body["errors"])
            return
        self.order_id = body["id"]
        if response.headers.get("Idempotency-Replayed"):
            self.answer += " replayed"

    def tell_timeline(self, timeline: dict[str, Any]) -> None:
        """Take in what has become of the order."""
        entries = timeline["entries"]
        self.status, self.steps = timeline["status"], len(entries)
        start = datetime.fromisoformat(entries[0]["at"])
        self.outcome = " → ".join(
            f"{entry['cause']} {(datetime.fromisoformat(entry['at']) - start).total_seconds():.1f}s"
            if position
            else str(entry["cause"])
            for position, entry in enumerate(entries)
        )


def tour_table(rows: Sequence[Row]) -> Table:
    """Return the table of all orders so far."""
    table = Table(title="POST /orders", title_justify="left", box=None, pad_edge=False)
    for heading in ("order", "answer", "now", "timeline"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row.title, row.answer, Text(row.status, STYLES.get(row.status, "")), Text(row.outcome))
    return table
