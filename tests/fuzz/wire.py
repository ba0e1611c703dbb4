"""Requests over real HTTP, as they are and as no client library would send them: byte by byte, through a socket."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

from tests.fuzz.request import Request

PATIENCE = 35.0
"""Seconds: a little more than the gateway waits for a function."""
PAUSE = 0.3
"""Seconds that a slow client stops for."""
SHORT = 3.0
"""Seconds until a client hangs up that has sent something without an end."""


@dataclass(frozen=True)
class Reply:
    """What came back: status 0 where the connection was closed without a word."""

    status: int
    text: str
    seconds: float


@dataclass(frozen=True)
class Malformed:
    """Bytes that are no request, and why not; sent in parts, with pauses between them."""

    name: str
    parts: tuple[bytes, ...]


def exchange(host: str, port: int, parts: tuple[bytes, ...], patience: float = PATIENCE) -> Reply:
    """Send the bytes and return what comes back until the connection ends, or nothing has come for so many seconds."""
    begun = time.monotonic()
    received = b""
    with closing(socket.create_connection((host, port), timeout=patience)) as connection:
        try:
            for at, part in enumerate(parts):
                if at:
                    time.sleep(PAUSE)
                connection.sendall(part)
            while chunk := connection.recv(65_536):
                received += chunk
        except (ConnectionError, TimeoutError):
            pass  # It has hung up on us, maybe after an answer, or waits for more than there is.
    return Reply(_status(received), received.decode(errors="replace"), time.monotonic() - begun)


def encode(request: Request) -> bytes:
    """Return the bytes of a request: headers go out as Latin-1, as HTTP has them."""
    lines = [f"{request.method} {request.path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body is not None:
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (request.body or b"")


def malformed(dice: Random) -> Iterator[Malformed]:
    """Yield everything that is no HTTP, or HTTP that nobody should send, without end."""
    while True:
        yield from _round(dice)


def _round(dice: Random) -> Iterator[Malformed]:
    order = b'{"type":"market","side":"buy","instrument":"DE0007664039","quantity":1}'
    length = str(len(order)).encode()
    post = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    end = b"Connection: close\r\n\r\n"
    noise = dice.randbytes(dice.choice([1, 40, 4_000]))
    yield Malformed("noise", (noise + b"\r\n\r\n",))
    yield Malformed("noise behind a request line", (b"GET /orders HTTP/1.1\r\n" + noise + b"\r\n\r\n",))
    yield Malformed("no version", (b"GET /nowhere\r\n\r\n",))
    yield Malformed("another version", (b"GET /nowhere HTTP/9.9\r\nHost: a\r\n" + end,))
    yield Malformed("a method of its own", (b"BREW /orders HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a very long method", (b"A" * dice.choice([100, 9_000]) + b" / HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a very long path", (b"GET /" + b"a" * dice.choice([7_000, 70_000]) + b" HTTP/1.1\r\n" + end,))
    yield Malformed("a path with a zero byte", (b"GET /orders/\0 HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a path of other bytes", (b"GET /orders/\xff\xfe\x80 HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a broken escape in a path", (b"GET /orders/%zz%2 HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a whole address as path", (b"GET http://other.example/orders/x HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("dots in a path", (b"GET /../../orders/../../x HTTP/1.1\r\nHost: a\r\n" + end,))
    yield Malformed("a huge header", (post + b"X-A: " + b"a" * dice.choice([9_000, 100_000]) + b"\r\n" + end,))
    yield Malformed("many headers", (post + b"".join(b"X-%d: a\r\n" % at for at in range(2_000)) + end,))
    yield Malformed("a header without a colon", (post + b"Nonsense\r\n" + end,))
    yield Malformed("a folded header", (post + b"X-A: b\r\n c: d\r\n" + end,))
    yield Malformed("a header with a zero byte", (post + b"X-A: \0\r\n" + end,))
    yield Malformed("bare line feeds", (post.replace(b"\r\n", b"\n") + b"\n",))
    yield Malformed("no length", (post + end + order,))
    yield Malformed("a negative length", (post + b"Content-Length: -1\r\n" + end + order,))
    yield Malformed("a length that is no number", (post + b"Content-Length: 7e1\r\n" + end + order,))
    yield Malformed("a length beyond measure", (post + b"Content-Length: 99999999999999999999\r\n" + end + order,))
    yield Malformed("two lengths", (post + b"Content-Length: 3\r\nContent-Length: " + length + b"\r\n" + end + order,))
    both = b"Content-Length: " + length + b"\r\nTransfer-Encoding: chunked\r\n"
    yield Malformed("a length and chunks", (post + both + end + b"0\r\n\r\n",))
    yield Malformed("a length too short", (post + b"Content-Length: 9\r\n" + end + order,))
    yield Malformed("a chunk of no number", (post + b"Transfer-Encoding: chunked\r\n" + end + b"zz\r\n" + order,))
    yield Malformed("an unknown coding", (post + b"Transfer-Encoding: brotli\r\n" + end + order,))
    yield Malformed(
        "a body that is no gzip", (post + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n" + end + b"abc",)
    )
    yield Malformed("a body in parts that ends early", (post + b"Content-Length: 70\r\n" + end, order[:9], order[9:20]))
    yield Malformed("a handshake of something else", (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise,))
    yield Malformed("the beginning of HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",))


def _status(received: bytes) -> int:
    parts = received[:64].split(b" ")
    return int(parts[1]) if received.startswith(b"HTTP/") and len(parts) > 1 and parts[1].isdigit() else 0
