"""Idempotency keys: an order id derived from the key makes the conditional put the lock, at no extra write."""

from collections.abc import Mapping

from chalicelib.core.errors import InvalidRequestError
from chalicelib.core.ids import derive_id, new_id

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MAX_LENGTH = 255


def read_key(headers: Mapping[str, str]) -> str | None:
    """Return the request's Idempotency-Key, None if it has none.

    Raises:
        InvalidRequestError: if the key is blank, longer than 255 characters or not printable ASCII.
    """
    key = headers.get(HEADER)
    if key is None:
        return None
    if not key.strip() or len(key) > MAX_LENGTH or not key.isascii() or not key.isprintable():
        message = f"Input should have 1 to {MAX_LENGTH} printable ASCII characters"
        raise InvalidRequestError([{"loc": ["header", HEADER], "msg": message, "type": "idempotency_key"}])
    return key


def id_for(scope: str, key: str | None) -> str:
    """Return the id for what is created: always the same for a scope and key, a new one without a key."""
    return new_id() if key is None else derive_id(scope, key)
