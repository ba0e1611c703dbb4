"""The art market's scene of the tour: two works, three people, one trade, one order taken back."""

from __future__ import annotations

import time
from typing import Any

import httpx
from instance import SetupError
from rich.console import Console
from rich.table import Table

PATIENCE = 20.0
PAUSE = 0.1
ADA, BEN, CLEO = 1, 2, 3
NAMES = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo"}


class MarketTourError(SetupError):
    """Raised when something did not come out as promised."""


def take_market_tour(url: str, console: Console) -> None:
    """List two works, bid for them, and show what comes of it.

    Raises:
        MarketTourError: when something does not come out as promised.
    """
    table = Table(title="The art market", title_justify="left", box=None, pad_edge=False)
    for heading in ("who", "does", "answer", "what comes of it"):
        table.add_column(heading, overflow="fold")
    try:
        with httpx.Client(base_url=url, timeout=30.0, trust_env=False) as market:
            _Scene(market, table).play()
    except httpx.HTTPError as error:
        raise MarketTourError(f"The tour got no answer: {error} (make logs)") from error
    console.print(table)


class _Scene:
    def __init__(self, market: httpx.Client, table: Table) -> None:
        self._market = market
        self._table = table
        # Two works that no earlier tour has touched.
        self._nocturne = int(time.time()) * 2
        self._harbour = self._nocturne + 1

    def play(self) -> None:
        self._describe(self._nocturne, "Nocturne in Blue")
        self._describe(self._harbour, "Harbour at Dawn")
        offer = self._submit(ADA, "sell", self._nocturne, 120, "lists Nocturne in Blue for 120")
        self._submit(ADA, "sell", self._harbour, 80, "lists Harbour at Dawn for 80")
        self._submit(BEN, "buy", self._nocturne, 90, "bids 90 for Nocturne")
        bid = self._submit(CLEO, "buy", self._nocturne, 130, "bids 130 for Nocturne")
        trade = self._wait_for_trade(bid)
        self._expect(trade["price"] == 120 and trade["sell_order_id"] == offer, "Cleo buys from Ada at 120")
        self._tell("", "the stream matches", "", "Cleo buys from Ada at 120: the resting order's price")
        low = self._submit(BEN, "buy", self._harbour, 70, "bids 70 for Harbour")
        canceled = self._market.post(f"/market/orders/{low}/cancel").raise_for_status().json()
        self._expect(canceled == {"is_canceled": True}, "Ben takes his bid back")
        self._tell("Ben", "cancels that bid", "200", "it will never trade")
        book = self._market.get(f"/market/artworks/{self._nocturne}").raise_for_status().json()
        self._expect([one["price"] for one in book["bids"]] == [90] and not book["asks"], "one bid is left")
        self._tell("", "what is left", "", "Nocturne: Ben's bid of 90, last sold for 120. Harbour: for sale at 80")

    def _describe(self, artwork_id: int, title: str) -> None:
        details = {"title": title, "artist": "Ada"}
        self._market.put(f"/market/artworks/{artwork_id}", json=details).raise_for_status()

    def _submit(self, user_id: int, direction: str, artwork_id: int, price: int, does: str) -> str:
        order = {"user_id": user_id, "artwork_id": artwork_id, "price": price, "direction": direction}
        response = self._market.post("/market/orders", json=order)
        self._expect(response.status_code == 201, f"{NAMES[user_id]} {does}: {response.text[:200]}")
        self._tell(NAMES[user_id], does, str(response.status_code), "rests in the book" if price != 130 else "crosses")
        order_id: str = response.json()["order_id"]
        return order_id

    def _wait_for_trade(self, order_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            order = self._market.get(f"/market/orders/{order_id}").raise_for_status().json()
            if order["status"] == "filled":
                transaction: dict[str, Any] = order["transaction"]
                return transaction
            self._expect(time.monotonic() < deadline, f"a trade within {PATIENCE:.0f} s")
            time.sleep(PAUSE)

    def _tell(self, *cells: str) -> None:
        self._table.add_row(*cells)

    @staticmethod
    def _expect(promised: bool, what: str) -> None:
        if not promised:
            raise MarketTourError(f"tour: it did not come out as promised: {what} (make logs)")
