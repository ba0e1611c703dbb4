"""Orders of one artwork, and the event that has it matched."""

from tests.functional.gateway import Gateway

MARKET_EVENT = {
    "Records": [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"book": {"S": "3"}, "order_id": {"S": "3-x"}},
                "NewImage": {"status": {"S": "NEW"}},
            },
        }
    ]
}


def offer(gateway: Gateway, direction: str, user_id: int) -> str:
    """Submit an order of the artwork 3; return its id."""
    order = {"user_id": user_id, "artwork_id": 3, "price": 5, "direction": direction}
    return str(gateway.post("/market/orders", order).content["order_id"])
