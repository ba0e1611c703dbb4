"""A short tour of a running instance: real orders over HTTP, and what became of each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from deployment import Deployment
from instance import SetupError
from rich.console import Console
from rich.live import Live
from tour_table import Row, tour_table

PATIENCE = 20.0
PAUSE = 0.1
MARKET = {"type": "market", "side": "buy", "instrument": "US0378331005", "quantity": 10}
# Far above the market: it rests.
LIMIT = {"type": "limit", "side": "sell", "instrument": "DE0007164600", "quantity": 5, "limit_price": 9000}
# So that one sees it come in parts.
TRADING = {"open": True, "slices": 3, "interval": 0.4}


class TourError(SetupError):
    """Raised when something did not come out as promised."""


def take_tour(deployment: Deployment, console: Console) -> None:
    """Place a handful of orders and show step by step what becomes of them.

    Raises:
        TourError: when something does not come out as promised.
    """
    if deployment.parameters["Exchange"] != "http":
        console.print("The tour needs the local exchange (Exchange=http), so there is none.")
        return
    rows: list[Row] = []
    with (
        httpx.Client(base_url=deployment.url, timeout=30.0, trust_env=False) as broker,
        httpx.Client(base_url=deployment.instance.exchange_url, timeout=10.0, trust_env=False) as exchange,
        Live(console=console, auto_refresh=False, transient=not console.is_terminal) as live,
    ):

        def show(row: Row) -> None:
            if row not in rows:
                rows.append(row)
            if console.is_terminal:
                live.update(tour_table(rows), refresh=True)

        try:
            _Tour(broker, exchange, show).take()
        except httpx.HTTPError as error:
            raise TourError(f"The tour got no answer: {error} (make logs)") from error
    if not console.is_terminal:
        console.print(tour_table(rows))


class _Tour:
    def __init__(self, broker: httpx.Client, exchange: httpx.Client, show: Callable[[Row], None]) -> None:
        self._broker = broker
        self._exchange = exchange
        self._show = show

    def take(self) -> None:
        with self._exchange_setting("/control", {"mode": "normal"}), self._exchange_setting("/trading", TRADING):
            self._follow(self._submit("buy at market", MARKET), "FILLED")
            self._follow(self._submit("sell, limit 9000", LIMIT), "NEW")
            self._submit("limit without a price", {**MARKET, "type": "limit"}, expected=422)
            self._submit_twice()
            self._cancel(self._follow(self._submit("sell, then cancel", LIMIT), "NEW"))
        with self._exchange_setting("/control", {"mode": "down"}):
            row = self._submit("buy, exchange down", MARKET)
            self._wait(row, "an attempt", lambda order: row.steps > 1 and order["status"] == "PENDING_NEW")
        with self._exchange_setting("/control", {"mode": "normal"}), self._exchange_setting("/trading", TRADING):
            self._follow(row, "FILLED")

    def _submit(self, title: str, order: dict[str, Any], expected: int = 201, key: str = "") -> Row:
        row = Row(title)
        self._show(row)
        response = self._broker.post("/orders", json=order, headers={"Idempotency-Key": key} if key else {})
        if response.status_code != expected:
            raise TourError(f"tour: {title}: expected {expected}, got {response.status_code} {response.text[:300]}")
        row.tell(response)
        self._show(row)
        return row

    def _submit_twice(self) -> None:
        key = str(uuid.uuid4())
        first = self._submit("buy, Idempotency-Key", MARKET, key=key)
        again = self._submit("the same once more", MARKET, key=key)
        if first.order_id != again.order_id:
            raise TourError(f"tour: one Idempotency-Key made two orders, {first.order_id} and {again.order_id}.")
        self._follow(first, "FILLED")
        again.outcome = "the same order, nothing new"
        self._show(again)

    def _cancel(self, row: Row) -> None:
        response = self._broker.post(f"/orders/{row.order_id}/cancel")
        if response.status_code != 200:
            raise TourError(f"tour: the cancel was answered with {response.status_code} {response.text[:300]}")
        self._follow(row, "CANCELED")

    def _follow(self, row: Row, status: str) -> Row:
        self._wait(row, status, lambda order: order["status"] == status)
        return row

    def _wait(self, row: Row, wanted: str, reached: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            timeline = self._broker.get(f"/orders/{row.order_id}/timeline").raise_for_status().json()
            row.tell_timeline(timeline)
            self._show(row)
            if reached(timeline):
                return
            if time.monotonic() > deadline:
                status = timeline["status"]
                raise TourError(f"tour: {row.title}: expected {wanted}, is {status} after {PATIENCE:.0f} s (make logs)")
            time.sleep(PAUSE)

    @contextmanager
    def _exchange_setting(self, path: str, setting: dict[str, Any]) -> Iterator[None]:
        """Let the exchange be so for a while, and then as it was."""
        before = self._exchange.get(path).raise_for_status().json()
        self._exchange.put(path, json=setting).raise_for_status()
        try:
            yield
        finally:
            self._exchange.put(path, json=before).raise_for_status()
