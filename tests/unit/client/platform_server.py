"""All tiny markets under one address: artwork orders meet, and signals open and close positions."""

from typing import Any

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.market_server import MOMENT, Answer, SeenRequest
from tests.unit.client.operations_server import OperationsServer
from tests.unit.client.strategies_server import StrategiesServer


class PlatformServer(StrategiesServer, BrokerServer, OperationsServer):
    """A whole Rialto, as far as a tour goes. ``keeps_promises`` False: no trade comes of orders that cross."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps_promises = True

    def answer(self, request: SeenRequest, path: list[str]) -> Answer:
        """Return the answer to a request for the path."""
        answer = super().answer(request, path)
        if path == ["market", "orders"] and request.method == "POST" and self.keeps_promises:
            self._match()
        return answer

    def decide(self, strategy: str, instrument: str, position: str) -> dict[str, Any]:
        """Return what a signal is answered with: a SELL closes what any strategy of the user holds."""
        users = []
        for user, strategies in self.profiles.items():
            if strategy not in strategies:
                continue
            held = [row for row in self.lists["positions"] if (row["user"], row["instrument"]) == (user, instrument)]
            valid = instrument in strategies[strategy] and not held if position == "BUY" else bool(held)
            users.append(self._carry_out(user, strategy, instrument, position) if valid else _rejected(user))
        accepted = any(one["verdict"] == "ACCEPTED" for one in users)
        status = "ACCEPTED" if accepted else "REJECTED"
        return {"signal_id": f"signal-{len(self.signals)}", "status": status, "users": users}

    def _carry_out(self, user: str, strategy: str, instrument: str, position: str) -> dict[str, Any]:
        order = self.make(side=position.lower(), instrument=instrument)
        if position == "BUY":
            row = {"user": user, "strategy": strategy, "instrument": instrument, "opened_at": MOMENT}
            self.lists["positions"].append({**row, "signal_id": "s", "order_id": order["id"]})
        else:
            (held,) = [row for row in self.lists["positions"] if (row["user"], row["instrument"]) == (user, instrument)]
            self.lists["positions"].remove(held)
            row = {name: held[name] for name in ("user", "strategy", "instrument")}
            row |= {"bought_at": MOMENT, "buy_signal_id": "s", "sold_at": MOMENT, "sell_signal_id": "t"}
            self.lists["entries"].append({**row, "closed_by": strategy})
        return {"user": user, "verdict": "ACCEPTED", "reason": "opened", "order_id": order["id"]}

    def _match(self) -> None:
        *others, new = [order for order in self.orders.values() if order["order_id"] not in self.filled]
        for old in others:
            buy, sell = (new, old) if new["direction"] == "buy" else (old, new)
            if old["artwork_id"] == new["artwork_id"] and buy["price"] >= sell["price"]:
                self.filled |= {old["order_id"], new["order_id"]}
                trade = {"transaction_id": "t", "artwork_id": old["artwork_id"], "price": old["price"]}
                trade |= {"buy_order_id": buy["order_id"], "sell_order_id": sell["order_id"], "executed_at": MOMENT}
                self.lists["transactions"].append(trade)
                return


def _rejected(user: str) -> dict[str, Any]:
    return {"user": user, "verdict": "REJECTED", "reason": "not_held"}
