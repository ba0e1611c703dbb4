"""How the time of a request grows with its size: a path is slow when it grows out of proportion."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.fuzz.platform import Platform
from tests.fuzz.request import Request

SMALLEST, DOUBLINGS = 1_024, 6
PATHS_LARGEST = 8_192
"""Of a path with its query, or of a header: API Gateway takes no more than 10,240 bytes of all of them."""
PROFILES_LARGEST = 4 * 1024 * 1024
STEEP = 1.5
"""The power of the size with which the time of a slow path grows: sorting has a little more than 1."""
FLOOR = 0.003
"""Seconds below which the time is noise, and nobody's trouble."""
REPEATS = 5
Shape = Callable[[int], Request]


@dataclass(frozen=True)
class Growth:
    """How long requests of one shape took, by their size: the least of some repeats, in seconds."""

    name: str
    times: tuple[tuple[int, float], ...]

    @property
    def power(self) -> float:
        """The power of the size with which the time grows at the upper end."""
        (small, quick), (large, slow) = self.times[-3], self.times[-1]
        return math.log(slow / quick) / math.log(large / small)

    @property
    def is_steep(self) -> bool:
        """Whether the path is slow."""
        return self.times[-1][1] > FLOOR and self.power > STEEP


def measure(platform: Platform) -> Iterator[Growth]:
    """Yield the growth of every shape. One that looks steep is measured once more: others use the processor, too."""
    for name, shape, largest in shapes():
        growth = _measure(platform, name, shape, largest, REPEATS)
        yield _measure(platform, name, shape, largest, 4 * REPEATS) if growth.is_steep else growth


def _measure(platform: Platform, name: str, shape: Shape, largest: int, repeats: int) -> Growth:
    sizes = [size for size in (SMALLEST << at for at in range(DOUBLINGS + 7)) if size <= largest]
    times = []
    for size in sizes:
        request = shape(size)
        times.append((size, max(min(platform.send(request).seconds for _ in range(repeats)), 1e-6)))
    return Growth(name, tuple(times))


def shapes() -> Iterator[tuple[str, Shape, int]]:
    """Yield what is measured: a name, the request of a size, and the largest size."""
    for method, route, fields in _BODIES:
        for kind, fill in _FILLINGS.items():
            for field in fields:
                yield f"{method} {route}: {field} {kind}", _with_field(method, route, field, fill), 65_536
        for kind, write in _WHOLES.items():
            yield f"{method} {route}: {kind}", _with_body(method, route, write), 65_536
    for kind, write in _PROFILES.items():
        yield f"PUT /strategies/profiles: {kind}", _with_body("PUT", "/strategies/profiles", write), PROFILES_LARGEST
    for route, names in _QUERIES:
        for name in names:
            for kind, text in _TEXTS.items():
                yield f"GET {route}?{name}: {kind}", _with_query(route, name, text), PATHS_LARGEST
        yield f"GET {route}: many parameters", _with_query(route, "a", lambda size: "&a=" * (size // 3)), PATHS_LARGEST
    for method, route in _PATHS:
        yield f"{method} {route}: long", _with_segment(method, route), PATHS_LARGEST
    yield "POST /orders: long key", _with_key, PATHS_LARGEST


_BODIES = (
    ("POST", "/orders", ("type", "instrument", "limit_price", "quantity")),
    ("POST", "/market/orders", ("user_id", "price", "direction")),
    ("PUT", "/market/artworks/7", ("title", "description", "image_url")),
    ("POST", "/signals", ("strategy", "position")),
    ("POST", "/create_order", ("STRATEGY",)),
    ("POST", "/operations/dead-letters/redrive", ("queue",)),
)
_VALID: dict[str, dict[str, object]] = {
    "/orders": {"type": "limit", "side": "buy", "instrument": "DE0007664039", "limit_price": 1, "quantity": 1},
    "/market/orders": {"user_id": 1, "artwork_id": 7, "price": 1, "direction": "buy"},
    "/market/artworks/7": {"title": "a", "artist": "b"},
    "/signals": {"strategy": "S", "instrument": "I", "position": "BUY"},
    "/create_order": {"STRATEGY": "S", "INSTRUMENT": "I", "POSITION": "BUY"},
    "/operations/dead-letters/redrive": {"queue": "placements"},
}
_FILLINGS: dict[str, Callable[[int], str]] = {
    "long": lambda size: '"' + "x" * size + '"',
    "of blanks": lambda size: '"' + " " * size + 'x"',
    "in escapes": lambda size: '"' + "\\u00e9" * (size // 6) + '"',
    "of digits": lambda size: "1" + "0" * size,
    "of digits behind the point": lambda size: "0." + "1" * size,
    "of digits as text": lambda size: '"' + "9" * size + '.5"',
    "a URL": lambda size: '"https://' + "a" * size + ' "',
    "a list": lambda size: "[" + "1," * (size // 2) + "1]",
    "deep": lambda size: "[" * (size // 2) + "]" * (size // 2),
}
_WHOLES: dict[str, Callable[[int], str]] = {
    "many names": lambda size: "{" + ",".join(f'"{at:05d}":1' for at in range(size // 10)) + "}",
    "one name again and again": lambda size: "{" + ",".join(['"quantity":1'] * (size // 13)) + "}",
    "blanks": lambda size: " " * size,
    "an open quote": lambda size: '{"' + "\\\\" * (size // 2),
}
_PROFILES: dict[str, Callable[[int], str]] = {
    "users": lambda size: json.dumps({f"U{at}": {"S": ["I"]} for at in range(size // 26)}),
    "strategies": lambda size: json.dumps({"U": {f"S{at}": ["I"] for at in range(size // 17)}}),
    "instruments": lambda size: json.dumps({"U": {"S": [f"I{at}" for at in range(size // 12)]}}),
    "the same user": lambda size: "{" + ",".join(['"U":{}'] * (size // 7)) + "}",
    "different faults": lambda size: json.dumps({f"U{at}": at for at in range(size // 19)}),
}
_QUERIES = (
    ("/orders", ("status", "limit", "cursor")),
    ("/orders/events", ("ids", "cursor")),
    ("/market/orders", ("user_id", "cursor")),
    ("/market/artworks", ("sort", "cursor")),
    ("/positions", ("user", "cursor")),
    ("/order-log", ("strategy",)),
)
_TEXTS: dict[str, Callable[[int], str]] = {
    "long": lambda size: "x" * size,
    "digits": lambda size: "9" * size,
    "commas": lambda size: "," * size,
    "a list in base64": lambda size: "W" + "1tb" * (size // 3),
    "percent signs": lambda size: "%25" * (size // 3),
}
_PATHS = (("GET", "/orders/"), ("GET", "/market/orders/"), ("GET", "/market/artworks/"), ("GET", "/signals/"))
_JSON = (("content-type", "application/json"),)


def _with_field(method: str, route: str, field: str, fill: Callable[[int], str]) -> Shape:
    def shape(size: int) -> Request:
        pairs = {name: json.dumps(value) for name, value in _VALID[route].items()} | {field: fill(size - size // 20)}
        body = "{" + ",".join(f'"{name}":{value}' for name, value in pairs.items()) + "}"
        return Request(method, route, route, _JSON, body.encode())

    return shape


def _with_body(method: str, route: str, write: Callable[[int], str]) -> Shape:
    # A little below the size: what is too large is refused unread.
    return lambda size: Request(method, route, route, _JSON, write(size - size // 20).encode())


def _with_query(route: str, name: str, text: Callable[[int], str]) -> Shape:
    return lambda size: Request("GET", route, f"{route}?{name}={text(size)}")


def _with_segment(method: str, route: str) -> Shape:
    return lambda size: Request(method, route, f"{route}{'9' * size}")


def _with_key(size: int) -> Request:
    body = json.dumps(_VALID["/orders"]).encode()
    return Request("POST", "/orders", "/orders", (*_JSON, ("idempotency-key", "k" * size)), body)
