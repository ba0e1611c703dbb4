"""Strategies as their authors and the existing producer see them, and a look behind them."""

from typing import Any

from tests.functional.gateway import Answer, Gateway
from tests.functional.pages import Row, flat, walk
from tests.moto_stack import dynamodb

Profiles = dict[str, dict[str, list[str]]]
Signal = tuple[str, str, str]
"""Strategy, instrument and position."""
HOLLAND, OAKLEE = "Holland Proctor", "Oaklee Wagner"
EXAMPLE: Profiles = {
    HOLLAND: {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    OAKLEE: {"STRATEGY_D": ["ACC"]},
}
BUY: Signal = ("STRATEGY_B", "MINDA", "BUY")
SELL: Signal = ("STRATEGY_B", "MINDA", "SELL")
NOT_TRADED: Signal = ("STRATEGY_D", "INFY", "BUY")


class Traders:
    """Requests to the strategies, and the tables."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.gateway = Gateway()
        self._environment = environment

    def put_profiles(self, profiles: Any, **headers: str) -> Answer:
        """Send profiles; bytes go as they are."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.send("PUT", "/strategies/profiles", profiles, named)

    def profiles(self) -> Any:
        """Return the profiles in force."""
        return self.gateway.get("/strategies/profiles").content

    def create_order(self, signal: Signal, **headers: str) -> Answer:
        """Send a signal as the producer does."""
        body = dict(zip(("STRATEGY", "INSTRUMENT", "POSITION"), signal, strict=True))
        return self.gateway.post("/create_order", body, **headers)

    def post_signal(self, signal: Signal, query: str = "", **headers: str) -> Answer:
        """Send a signal."""
        return self.gateway.post(f"/signals{query}", body_of(signal), **headers)

    def signal(self, *signal: str) -> Row:
        """Send a signal that is carried out; return the answer."""
        strategy, instrument, position = signal
        answer = self.post_signal((strategy, instrument, position))
        assert answer.status == 200, answer.text
        content: Row = answer.content
        return content

    def view(self, signal_id: str) -> Row:
        """Return a signal as it is now."""
        content: Row = self.gateway.get(f"/signals/{signal_id}").content
        return content

    def signals(self) -> list[Row]:
        """Return all signals."""
        return flat(walk(self.gateway, "/signals", "signals"))

    def positions(self, query: str = "") -> list[Row]:
        """Return all open positions."""
        return flat(walk(self.gateway, f"/positions{query}", "positions"))

    def log(self, query: str = "") -> list[Row]:
        """Return all closed round trips."""
        return flat(walk(self.gateway, f"/order-log{query}", "entries"))

    def order(self, order_id: str) -> Row:
        """Return a broker order."""
        answer = self.gateway.get(f"/orders/{order_id}")
        assert answer.status == 200, answer.text
        content: Row = answer.content
        return content

    def orders(self) -> list[Row]:
        """Return all broker orders, newest first."""
        return flat(walk(self.gateway, "/orders", "orders"))

    def items(self, variable: str) -> list[Row]:
        """Return the items of the table that a variable of the environment names."""
        return [dict(item) for item in dynamodb().scan(TableName=self._environment[variable])["Items"]]

    def everything(self) -> dict[str, list[str]]:
        """Return every item of every table: two equal answers mean that nothing changed."""
        tables = dynamodb().list_tables()["TableNames"]
        return {table: sorted(map(repr, dynamodb().scan(TableName=table)["Items"])) for table in tables}

    def stored(self) -> int:
        """Return how many items there are in all tables."""
        return sum(map(len, self.everything().values()))

    def drop(self, variable: str) -> None:
        """Delete the table that a variable of the environment names."""
        dynamodb().delete_table(TableName=self._environment[variable])

    def expire_lease(self, signal_id: str) -> None:
        """Let the worker of a signal be dead for long."""
        dynamodb().update_item(
            TableName=self._environment["SIGNALS_TABLE"],
            Key={"signal_id": {"S": signal_id}},
            UpdateExpression="SET leased_until = :past",
            ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000000Z"}},
        )

    def forget_profiles(self) -> None:
        """Delete all that is stored of profiles, in force or not."""
        for item in self.items("SUBSCRIPTIONS_TABLE"):
            key = {name: item[name] for name in ("generation", "part")}
            dynamodb().delete_item(TableName=self._environment["SUBSCRIPTIONS_TABLE"], Key=key)


def body_of(signal: Signal) -> dict[str, str]:
    """Return the body of ``POST /signals``."""
    return dict(zip(("strategy", "instrument", "position"), signal, strict=True))


def reasons(content: Row) -> dict[str, str]:
    """Return the reason for each user whom an answer names."""
    return {row["user"]: row["reason"] for row in content["users"]}


def order_ids(content: Row) -> dict[str, str]:
    """Return the order of each user for whom a signal was valid."""
    return {row["user"]: row["order_id"] for row in content["users"] if "order_id" in row}
