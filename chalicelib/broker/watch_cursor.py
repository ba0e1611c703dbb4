"""The cursor of a watcher: its marks as opaque text that fits into a header.

A byte for the format, 8 bytes that bind the rest to what is watched, then for each order its id in 16 bytes, its
version and its count of entries, both in 7 bits for each byte (LEB128). 100 orders take at most 3.5 KB in base64url.
"""

import base64
import uuid
from hashlib import blake2b

from chalicelib.broker.order import OrderId
from chalicelib.broker.watch import MOST_WATCHED, Mark, Marks
from chalicelib.core.errors import InvalidCursorError

MAX_LENGTH = 4096
_FORMAT = b"\x01"
_SEAL = 8
_ID = 16
_MOST_BITS = 63


def encode_marks(scope: str, marks: Marks) -> str:
    """Return the cursor of a watcher with these marks. ``scope`` says what is watched."""
    packed = bytearray()
    for order_id, mark in sorted(marks.items()):
        packed += uuid.UUID(order_id).bytes
        packed += _pack(mark.version) + _pack(mark.count)
    content = bytes(packed)
    return base64.urlsafe_b64encode(_FORMAT + _seal(scope, content) + content).decode().rstrip("=")


def decode_marks(scope: str, cursor: str) -> Marks:
    """Return the marks of a cursor.

    Raises:
        InvalidCursorError: if it is broken, of a format that is no longer known, or of a watcher of something else.
    """
    try:
        return _decode(scope, cursor)
    except ValueError:
        detail = "The cursor is broken, or belongs to other orders. Use the id of an event as it stands, or none."
        raise InvalidCursorError(detail) from None


def _decode(scope: str, cursor: str) -> Marks:
    if len(cursor) > MAX_LENGTH:
        raise ValueError("too long")
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    start = len(_FORMAT) + _SEAL
    content = raw[start:]
    if raw[:start] != _FORMAT + _seal(scope, content):
        raise ValueError("not sealed by us for this scope")
    marks: dict[OrderId, Mark] = {}
    at = 0
    while at < len(content):
        order_id = OrderId(str(uuid.UUID(bytes=content[at : at + _ID])))
        version, at = _unpack(content, at + _ID)
        count, at = _unpack(content, at)
        marks[order_id] = Mark(version, count)
    if len(marks) > MOST_WATCHED:
        raise ValueError("too many orders")
    return marks


def _seal(scope: str, content: bytes) -> bytes:
    """Return what tells broken text and other scopes. It keeps no secret: who forges a cursor fools nobody else."""
    name = scope.encode()
    return blake2b(len(name).to_bytes(4, "big") + name + content, digest_size=_SEAL).digest()


def _pack(number: int) -> bytes:
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def _unpack(content: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins there, and where it ends."""
    number = 0
    for shift in range(0, _MOST_BITS, 7):
        byte = content[at : at + 1]
        if not byte:
            break
        number |= (byte[0] & 0x7F) << shift
        at += 1
        if byte[0] <= 0x7F:
            return number, at
    raise ValueError("cut off, or too large")
