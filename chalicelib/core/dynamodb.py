"""The little that pynamodb lacks for us: exact decimals, timestamps, and tables named by the settings."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from chalicelib.core.clock import format_timestamp, parse_timestamp

CONDITION_FAILED = "ConditionalCheckFailedException"
_M = TypeVar("_M", bound=Model)


class DecimalAttribute(Attribute[Decimal]):
    """An exact number. pynamodb's own NumberAttribute goes through float and JSON and refuses Decimal."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        """Return the number as DynamoDB writes it."""
        return str(value)

    def deserialize(self, value: Any) -> Decimal:
        """Return the exact number. DynamoDB has trimmed its trailing zeros."""
        return Decimal(value)


class TimestampAttribute(Attribute[datetime]):
    """A moment as RFC 3339 text that sorts by time."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        """Return the moment as text of fixed width."""
        return format_timestamp(value)

    def deserialize(self, value: Any) -> datetime:
        """Return the moment."""
        return parse_timestamp(value)


@cache
def bind_table(model: type[_M], table: str) -> type[_M]:
    """Return the model bound to a table whose name is known only when the settings are read.

    Time-outs are those of the contract: connect within 1 s, read within 2 s, 3 attempts, far below the API
    function's 25 s, so that a table that hangs becomes an answer of ours.
    """
    meta = type(
        "Meta",
        (),
        {
            "table_name": table,
            "connect_timeout_seconds": 1,
            "read_timeout_seconds": 2,
            "max_retry_attempts": 2,
            "max_pool_connections": 25,
        },
    )
    return cast("type[_M]", type(model.__name__, (model,), {"Meta": meta, "__module__": model.__module__}))


def is_condition_failure(error: PynamoDBException) -> bool:
    """Tell whether the write was refused because its condition did not hold."""
    # Not cause_response_code: it stumbles over a cause that has no answer, such as a connection that broke.
    answer = getattr(error.cause, "response", None) or {}
    return bool(answer.get("Error", {}).get("Code") == CONDITION_FAILED)
