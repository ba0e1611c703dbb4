"""What answers are made of. For the type checker and the API's document only: no request needs them."""

from typing import Annotated

from pydantic import WithJsonSchema

from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import PRICE_SCHEMA

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in UTC with microseconds."""
UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
Uuid = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Amount = Annotated[float, WithJsonSchema(PRICE_SCHEMA)]
Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]
Status = Annotated[str, WithJsonSchema({"type": "string", "enum": list(OrderStatus)})]
Cursor = Annotated[
    str | None,
    WithJsonSchema(
        {"type": ["string", "null"], "description": "Send it as `cursor` to get the next page; null at the end."}
    ),
]
