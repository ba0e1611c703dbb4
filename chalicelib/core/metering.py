"""What the calls to AWS consume: units of DynamoDB, and how often AWS answered that there are too many.

pynamodb asks with every call what it consumed, and AWS tells it for nothing. It is added up here, as the answers come.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
TOO_MANY = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
    }
)
"""Error codes of DynamoDB and SQS, and DynamoDB's reasons for a transaction that was canceled."""


class _Counts:
    def __init__(self) -> None:
        self.write_units = 0.0
        self.read_units = 0.0
        self.throttled = 0


class _CountsOfThread(_Counts, threading.local):
    """Each thread's own."""


_of_process = _Counts()
_of_thread = _CountsOfThread()
_adding = threading.Lock()


class Meter:
    """Tells how long something took and what it consumed, counted from when the meter was made.

    An invocation has its process for itself, and with it whatever its threads do. What is one of many things done at
    once, each by a thread, counts by its own: ``alone=False``.
    """

    def __init__(self, *, alone: bool = True) -> None:
        self._counts: _Counts = _of_process if alone else _of_thread
        self._write_units, self._read_units = self._counts.write_units, self._counts.read_units
        self._throttled = self._counts.throttled
        self._started = time.perf_counter()

    @property
    def throttled(self) -> int:
        """Calls that were answered with *too many*."""
        return self._counts.throttled - self._throttled

    def fields(self) -> dict[str, Any]:
        """Return the fields of a log line."""
        fields = {
            "latency_ms": round((time.perf_counter() - self._started) * 1000, 1),
            "write_units": self._counts.write_units - self._write_units,
            "read_units": self._counts.read_units - self._read_units,
        }
        return {**fields, "throttled": self.throttled} if self.throttled else fields


def _note(event_name: str, parsed_response: Mapping[str, Any] | None, **_: Any) -> None:
    """Count one answer; a call that is tried again has several."""
    if parsed_response is None:
        return
    consumed = parsed_response.get("ConsumedCapacity") or ()
    parts = [consumed] if isinstance(consumed, dict) else consumed
    units = sum(part.get("CapacityUnits", 0.0) for part in parts)
    throttled = int("Error" in parsed_response and _is_too_many(parsed_response))
    if not units and not throttled:
        return
    is_write = event_name.rpartition(".")[2] in WRITES
    with _adding:
        for counts in (_of_process, _of_thread):
            counts.throttled += throttled
            if is_write:
                counts.write_units += units
            else:
                counts.read_units += units


def _is_too_many(parsed: Mapping[str, Any]) -> bool:
    reasons = [parsed["Error"], *parsed.get("CancellationReasons", ())]
    return any(reason.get("Code") in TOO_MANY for reason in reasons)


# The one place through which every client of the process gets its handlers, pynamodb's too, whenever it is made.
BUILTIN_HANDLERS += [("response-received.dynamodb", _note), ("response-received.sqs", _note)]
