"""botocore with the wire cut: each attempt of a call goes to a function of ours, and is repeated as botocore does it.

Only what happens between the stores and the network is left out: signing, JSON and sockets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from botocore.client import BaseClient
from botocore.exceptions import ClientError, HTTPClientError

ATTEMPTS = 3
"""As the clients are made: total_max_attempts in core/sqs.py, one more than max_retry_attempts in core/dynamodb.py.

The bridge's have one, and try again by themselves.
"""
_THROTTLED = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestThrottled"})
"""Those of botocore's standard mode that the simulation answers."""
_TRANSIENT = (500, 502, 503, 504)


@dataclass(frozen=True)
class Call:
    """One attempt of a call. ``token`` is the same for each attempt of one transaction."""

    service: str
    operation: str
    params: dict[str, Any]
    token: str | None
    attempt: int


Wire = Callable[[Call], dict[str, Any]]
"""Carries an attempt to AWS and its answer back; raises as botocore does for what goes wrong on the way."""


@contextmanager
def connected(wire: Wire, wait: Callable[[int], None]) -> Iterator[None]:
    """Let every client of botocore use the wire; ``wait`` passes the time before another attempt."""

    def make_api_call(client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        token = str(uuid4()) if operation == "TransactWriteItems" else None
        service = client.meta.service_model.service_name
        attempts = 1 if (client.meta.config.retries or {}).get("total_max_attempts") == 1 else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                return wire(Call(service, operation, params, token, attempt))
            except (ClientError, HTTPClientError) as error:
                if attempt == attempts or not _is_worth_another(error):
                    raise
                wait(attempt)
        raise AssertionError("The last attempt returns or raises")

    with patch.object(BaseClient, "_make_api_call", make_api_call):
        yield


def _is_worth_another(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in _TRANSIENT or error.response.get("Error", {}).get("Code") in _THROTTLED
    return True
