"""Ids: random ones for what is new, derived ones for what a client may send twice."""

import uuid
import zlib

# The root of all derived ids. It must never change: an Idempotency-Key finds its first order through it.
_NAMESPACE = uuid.UUID("b6f0c1de-6f0c-4d5e-9a51-0d2a6f3f7c11")


def new_id() -> str:
    """Return a random id of 36 characters (RFC 9562, version 4)."""
    return str(uuid.uuid4())


def derive_id(scope: str, *parts: str) -> str:
    """Return the id that the same scope and parts always give (RFC 9562, version 5)."""
    # Lengths in front keep ("a", "bc") and ("ab", "c") apart.
    name = "".join(f"{len(part)}:{part}" for part in (scope, *parts))
    return str(uuid.uuid5(_NAMESPACE, name))


def is_id(text: str) -> bool:
    """Tell whether the text has the form of an id of ours."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def shard_of(item_id: str, shards: int) -> int:
    """Return the shard, from 0 to shards - 1, over which index keys spread this item."""
    return zlib.crc32(item_id.encode()) % shards
