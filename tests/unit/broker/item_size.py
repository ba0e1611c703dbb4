"""The size of an item by DynamoDB's rules (Developer Guide, "DynamoDB item sizes and formats")."""

from decimal import Decimal
from typing import Any


def item_size(item: dict[str, dict[str, Any]]) -> int:
    """Return the bytes of an item as the low-level API shows it."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        # 1 byte per two significant digits, 1 more, and 1 for a minus sign.
        digits = len(Decimal(content).normalize().as_tuple().digits)
        return (digits + 1) // 2 + 1 + str(content).startswith("-")
    if kind == "L":
        return 3 + sum(1 + _value_size(entry) for entry in content)
    assert kind in ("BOOL", "NULL")
    return 1
