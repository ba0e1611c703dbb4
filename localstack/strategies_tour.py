"""The strategies' scene of the tour: the worked example of who a signal is valid for."""

from __future__ import annotations

import time
from typing import Any

import httpx
from instance import SetupError
from rich.console import Console
from rich.table import Table

PATIENCE = 20.0
PAUSE = 0.1
PROFILES = {
    "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


class StrategiesTourError(SetupError):
    """Raised when something did not come out as promised."""


def take_strategies_tour(url: str, console: Console) -> None:
    """Send the four signals of the worked example, and show for whom each is valid.

    The profiles in force are put back afterwards; where there were none, those of the example stay.

    Raises:
        StrategiesTourError: when something does not come out as promised.
    """
    table = Table(title="Strategies", title_justify="left", box=None, pad_edge=False)
    for heading in ("signal", "answer", "valid for", "why"):
        table.add_column(heading, overflow="fold")
    try:
        with httpx.Client(base_url=url, timeout=30.0, trust_env=False) as http:
            before = http.get("/strategies/profiles").raise_for_status().json()
            try:
                _Scene(http, table).play()
            finally:
                http.put("/strategies/profiles", json=before or PROFILES).raise_for_status()
    except httpx.HTTPError as error:
        raise StrategiesTourError(f"The tour got no answer: {error} (make logs)") from error
    console.print(table)


class _Scene:
    def __init__(self, http: httpx.Client, table: Table) -> None:
        self._http = http
        self._table = table
        # Users and strategies that nobody else has: a tour closes nobody's position but its own.
        self._tag = f" {int(time.time() * 1000)}"

    def play(self) -> None:
        tagged = {
            user + self._tag: {strategy + self._tag: instruments for strategy, instruments in strategies.items()}
            for user, strategies in PROFILES.items()
        }
        self._http.put("/strategies/profiles", json=tagged).raise_for_status()
        self._signal("STRATEGY_A", "GRASIM", "SELL", [], "nobody holds it")
        bought = self._signal("STRATEGY_B", "MINDA", "BUY", ["Holland Proctor"], "trades it and holds none: opened")
        self._signal("STRATEGY_D", "INFY", "BUY", [], "nobody trades it there")
        sold = self._signal("STRATEGY_A", "MINDA", "SELL", ["Holland Proctor"], "runs it and holds MINDA: closed")
        orders = [self._wait_for_order(answer) for answer in (bought, sold)]
        trips = self._http.get("/order-log", params={"user": f"Holland Proctor{self._tag}"}).raise_for_status().json()
        self._expect(len(trips["entries"]) == 1, "the log has one round trip")
        sides = " and ".join(order["side"] for order in orders)
        self._table.add_row("what is left", "", "Holland Proctor", f"no position, one round trip; {sides} are placed")

    def _signal(self, strategy: str, instrument: str, position: str, users: list[str], why: str) -> dict[str, Any]:
        body = {"STRATEGY": strategy + self._tag, "INSTRUMENT": instrument, "POSITION": position}
        answer: dict[str, Any] = self._http.post("/create_order", json=body).raise_for_status().json()
        named = [user.removesuffix(self._tag) for user in answer["USERS"]]
        expected = "ACCEPTED" if users else "REJECTED"
        what = f"{strategy} {instrument} {position} is {expected}: {answer}"
        self._expect((answer["RESPONSE"], named) == (expected, users), what)
        self._table.add_row(f"{strategy} {instrument} {position}", answer["RESPONSE"], ", ".join(named), why)
        return answer

    def _wait_for_order(self, signal: dict[str, Any]) -> dict[str, Any]:
        """Return the one order of the signal as soon as it is at the exchange."""
        users = self._http.get(f"/signals/{signal['ORDER_ID']}").raise_for_status().json()["users"]
        (order_id,) = [user["order_id"] for user in users if "order_id" in user]
        deadline = time.monotonic() + PATIENCE
        while True:
            order: dict[str, Any] = self._http.get(f"/orders/{order_id}").raise_for_status().json()
            if order["status"] != "PENDING_NEW":
                return order
            self._expect(time.monotonic() < deadline, f"the order is placed within {PATIENCE:.0f} s")
            time.sleep(PAUSE)

    @staticmethod
    def _expect(promised: bool, what: str) -> None:
        if not promised:
            raise StrategiesTourError(f"tour: it did not come out as promised: {what} (make logs)")
