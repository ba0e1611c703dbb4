"""The routes, each with what it takes: drawn from what earlier answers told, or from nowhere."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from tests.fuzz import bodies
from tests.fuzz.bodies import Draw
from tests.fuzz.hostile import draw_text
from tests.fuzz.request import Request

REMEMBERED = 200
STATUSES = ["NEW", "PENDING_NEW", "FILLED", "CANCELED", "new", ""]


@dataclass
class Known:
    """What the answers so far have told."""

    orders: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)

    def learn(self, route: str, status: int, content: Any) -> None:
        """Remember the ids and cursors of an answer."""
        if not isinstance(content, dict) or status >= 300:
            return
        if isinstance(content.get("next_cursor"), str):
            _add(self.cursors, content["next_cursor"])
        for path, name, known in (
            ("/orders", "id", self.orders),
            ("/market/orders", "order_id", self.offers),
            ("/signals", "signal_id", self.signals),
            ("/create_order", "ORDER_ID", self.signals),
        ):
            if route == path and isinstance(content.get(name), str):
                _add(known, content[name])


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    weight: int
    method: str
    route: str
    body: Draw | None = None
    query: tuple[str, ...] = ()


OPERATIONS = (
    Operation(12, "POST", "/orders", bodies.broker_order),
    Operation(6, "GET", "/orders", query=("status", "limit", "cursor")),
    Operation(4, "GET", "/orders/events", query=("ids", "cursor")),
    Operation(4, "GET", "/orders/{order_id}"),
    Operation(3, "GET", "/orders/{order_id}/timeline"),
    Operation(5, "POST", "/orders/{order_id}/cancel"),
    Operation(14, "POST", "/market/orders", bodies.offer),
    Operation(6, "GET", "/market/orders", query=("user_id", "limit", "cursor")),
    Operation(4, "GET", "/market/orders/{offer_id}"),
    Operation(5, "POST", "/market/orders/{offer_id}/cancel"),
    Operation(5, "GET", "/market/transactions", query=("user_id", "limit", "cursor")),
    Operation(5, "GET", "/market/artworks", query=("sort", "limit", "cursor")),
    Operation(3, "GET", "/market/artworks/{artwork_id}"),
    Operation(5, "PUT", "/market/artworks/{artwork_id}", bodies.artwork),
    Operation(4, "PUT", "/strategies/profiles", bodies.profiles),
    Operation(1, "GET", "/strategies/profiles"),
    Operation(9, "POST", "/signals", bodies.signal, ("dry_run",)),
    Operation(3, "GET", "/signals", query=("limit", "cursor")),
    Operation(3, "GET", "/signals/{signal_id}"),
    Operation(9, "POST", "/create_order", bodies.producers_signal),
    Operation(5, "GET", "/positions", query=("user", "strategy", "instrument", "limit", "cursor")),
    Operation(5, "GET", "/order-log", query=("user", "strategy", "limit", "cursor")),
    Operation(1, "GET", "/health"),
    Operation(1, "GET", "/operations/queues"),
    Operation(2, "GET", "/operations/dead-letters", query=("queue",)),
    Operation(3, "POST", "/operations/dead-letters/redrive", bodies.redrive),
    Operation(1, "GET", "/operations/invariants"),
    Operation(1, "POST", "/operations/invariants/run"),
    Operation(1, "GET", "/openapi.json"),
    Operation(1, "GET", "/docs"),
    Operation(1, "GET", "/docs/{name}"),
    Operation(1, "GET", "/"),
    Operation(1, "GET", "/web/{name}"),
)
_WEIGHTS = [operation.weight for operation in OPERATIONS]
_CONTENT_TYPES = ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
_OTHER_TYPES = ["text/plain", "application/xml", "multipart/form-data; boundary=a", "", "x" * 500, "a/b;;;", "*/*"]


def draw_request(dice: Random, known: Known) -> Request:
    """Return another request."""
    (operation,) = dice.choices(OPERATIONS, _WEIGHTS)
    path = "/".join(_segment(part, dice, known) for part in operation.route.split("/"))
    query = [
        f"{quote(name)}={quote(_value(name, dice, known).encode(errors='surrogatepass'), safe='')}"
        for name in operation.query
        if dice.random() < 0.5
    ]
    if dice.random() < 0.05:
        query += dice.choice([["a=b"], ["limit=1", "limit=2"], ["cursor"], ["=&&="], ["%ff=%fe"], ["limit=%31"]])
    body = None
    if operation.body is not None or dice.random() < 0.1:
        body = _body(operation.body or bodies.broker_order, dice)
    target = path + ("?" + "&".join(query) if query else "")
    return Request(operation.method, operation.route, target, tuple(_headers(dice, has_body=body is not None)), body)


def _body(draw: Draw, dice: Random) -> bytes:
    content = draw(dice)
    for _ in range(dice.choice([0, 0, 0, 1, 1, 1, 2, 3])):
        content = bodies.spoil(content, dice)
    return bodies.encode(bodies.render(content), dice)


def _headers(dice: Random, *, has_body: bool) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if has_body:
        headers.append(("content-type", dice.choice(_CONTENT_TYPES if dice.random() < 0.95 else _OTHER_TYPES)))
    if dice.random() < 0.4:
        headers.append(("idempotency-key", _key(dice)))
    if dice.random() < 0.1:
        name = dice.choice(["last-event-id", "if-none-match", "accept", "accept-encoding", "x-forwarded-for", "origin"])
        headers.append((name, _one_line(draw_text(dice))))
    return headers


def _key(dice: Random) -> str:
    if dice.random() < 0.7:
        return f"key {dice.randrange(500)}"
    return _one_line(draw_text(dice))


def _one_line(text: str) -> str:
    """Return the text as a header can carry it: what HTTP itself forbids never reaches a function."""
    return "".join(char if 0x20 <= ord(char) < 0x100 else "?" for char in text)


def _segment(part: str, dice: Random, known: Known) -> str:
    draw = _SEGMENTS.get(part)
    if draw is None:
        return part
    text = draw(dice, known) if dice.random() < 0.75 else draw_text(dice)
    # A segment with nothing, or with dots only, is another route.
    return quote(text.encode(errors="surrogatepass"), safe="") if text.strip(".") else "%20"


_SEGMENTS: dict[str, Callable[[Random, Known], str]] = {
    "{order_id}": lambda dice, known: _one_of(known.orders, dice),
    "{offer_id}": lambda dice, known: _one_of(known.offers, dice),
    "{signal_id}": lambda dice, known: _one_of(known.signals, dice),
    "{artwork_id}": lambda dice, _: str(dice.choice(bodies.SMALL_IDS)),
    "{name}": lambda dice, _: dice.choice(["page.js", "app.js", "index.html", "openapi.json", "__init__.py"]),
}


def _value(name: str, dice: Random, known: Known) -> str:
    if dice.random() < 0.25:
        return draw_text(dice)
    if name == "cursor":
        return _cursor(dice, known)
    if name == "ids":
        return ",".join(_one_of(known.orders, dice) for _ in range(dice.choice([1, 2, 100, 101])))
    choices: dict[str, list[Any]] = {
        **{"limit": [1, 2, 50, 100, 0, 101, -1], "user_id": bodies.SMALL_IDS, "dry_run": ["true", "false", "True"]},
        **{"sort": ["newest", "price_asc", "price_desc", "price"], "status": STATUSES, "queue": bodies.QUEUES},
        **{"user": bodies.USERS, "strategy": bodies.STRATEGIES, "instrument": bodies.INSTRUMENTS},
    }
    return str(dice.choice(choices[name]))


def _cursor(dice: Random, known: Known) -> str:
    """Return a cursor of this list or another, as it was given out or touched up."""
    cursor = _one_of(known.cursors, dice)
    way = dice.randrange(8)
    if way < 4:
        return cursor
    if way == 4:
        return cursor[: dice.randrange(len(cursor) + 1)]
    if way == 5:
        at = dice.randrange(len(cursor) + 1)
        return cursor[:at] + dice.choice("AZaz09-_+/=.%") + cursor[at + 1 :]
    return _forged(cursor, dice)


def _forged(cursor: str, dice: Random) -> str:
    """Return a well-formed cursor with another position in it."""
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        content = None
    if not isinstance(content, list) or len(content) < 2:
        content = ["orders:", "2026-11-21T12:00:00.000000Z", "x"]
    content[dice.randrange(1, len(content))] = draw_text(dice) if dice.random() < 0.8 else dice.choice([None, 1, []])
    text = json.dumps(content, ensure_ascii=dice.random() < 0.5)
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def _one_of(known: list[str], dice: Random) -> str:
    return dice.choice(known) if known else "7b7a8f8e-0000-4000-8000-000000000000"


def _add(known: list[str], value: str) -> None:
    known.append(value)
    if len(known) > REMEMBERED:
        del known[0]
