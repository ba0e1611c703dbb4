"""Records of the orders' stream as Lambda delivers them, made of items as they lie in the table."""

from typing import Any

from tests.unit.market.tables import Item

Record = dict[str, Any]


def record_of(image: Item, event_name: str = "INSERT") -> Record:
    """Return the record of an order's item."""
    change: Record = {
        "ApproximateCreationDateTime": 1772443801.0,
        "Keys": {name: image[name] for name in ("book", "order_id")},
        "SequenceNumber": "4421584500000000017450439001",
        "SizeBytes": 512,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if event_name != "REMOVE":
        change["NewImage"] = image
    if event_name != "INSERT":
        change["OldImage"] = image
    return {
        "eventID": "c4ca4238a0b923820dcc509a6f758491",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/rialto-MarketOrders-1ABCDEFGHIJKL/stream/x",
    }
