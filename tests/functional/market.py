"""The art market as its users see it, and a look behind it."""

from typing import Any

from chalicelib.market.matching import match_artwork
from chalicelib.market.order import ArtworkId, MarketOrder
from chalicelib.market.wiring import market
from tests.functional.gateway import Answer, Gateway
from tests.functional.pages import walk
from tests.unit.market.orders import trade_of
from tests.unit.market.tables import Tables

Content = dict[str, Any]
UNKNOWN = "7-7b7a8f8e-0000-4000-8000-000000000000"
SELL: Content = {"user_id": 1, "artwork_id": 7, "price": 10.25, "direction": "sell"}
BUY: Content = {"user_id": 2, "artwork_id": 7, "price": 10.5, "direction": "buy"}


class ArtMarket:
    """Requests that succeed, and the tables."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.gateway = Gateway()
        self.tables = Tables(environment)

    def get(self, path: str) -> Answer:
        """Send a GET to a path below /market."""
        return self.gateway.get(f"/market{path}")

    def post(self, body: Any, **headers: str) -> Answer:
        """Send an order."""
        return self.gateway.post("/market/orders", body, **headers)

    def offer(self, order: Content, **changes: Any) -> str:
        """Send an order; return its id."""
        order_id: str = self.post({**order, **changes}).content["order_id"]
        return order_id

    def order(self, order_id: str) -> Content:
        """Return an order as it is now."""
        content: Content = self.get(f"/orders/{order_id}").content
        return content

    def cancel(self, order_id: str) -> Answer:
        """Send a cancel."""
        return self.gateway.post(f"/market/orders/{order_id}/cancel")

    def match(self, artwork_id: int = 7) -> int:
        """Do what the stream sets off."""
        return match_artwork(market().matcher, ArtworkId(artwork_id))

    def stored(self) -> int:
        """Return how many items there are in all tables."""
        return sum(map(len, self.tables.everything()))

    def walk(self, path: str, name: str) -> list[list[Content]]:
        """Return the rows of every page of a list."""
        return walk(self.gateway, f"/market{path}", name)


def put(*orders: MarketOrder) -> None:
    """Store orders as they are, with the moments that they have."""
    for order in orders:
        market().store.create(order)


def trade(sell: MarketOrder, buy: MarketOrder, **changes: Any) -> None:
    """Let two stored orders trade."""
    market().store.commit(trade_of(sell, buy, **changes))
