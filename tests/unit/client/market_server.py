"""A tiny art market on loopback, without matching. It does what is asked, and then fails as a test tells it."""

import json
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
Fault = Callable[["MarketHandler", Answer], None]
"""Replies in its own way to a request that was carried out, and would have got this answer."""
MOMENT = "2026-11-21T12:00:00.250000Z"


@dataclass(frozen=True)
class SeenRequest:
    """What came over the wire. ``target`` and ``content`` are path and query, and the body, byte for byte."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    target: str = ""
    content: bytes = b""


class MarketServer(ThreadingHTTPServer):
    """Keeps orders by their idempotency key, and the requests it saw. Each fault spoils one answer."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MarketHandler)
        self.seen: list[SeenRequest] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.filled: set[str] = set()
        self.artworks: dict[int, dict[str, Any]] = {}
        self.lists: dict[str, list[dict[str, Any]]] = {"transactions": [], "artworks": []}
        self.faults: deque[Fault] = deque()
        self.released = Event()
        self.lock = Lock()
        self.connections = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def keys(self) -> list[str]:
        """The idempotency keys that came, in order."""
        return [request.headers["idempotency-key"] for request in self.seen]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Count the connection."""
        self.connections += 1
        return super().verify_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about connections that a test broke."""

    def carry_out(self, request: SeenRequest) -> Answer:
        """Do what the request asks for; return the answer."""
        self.seen.append(request)
        return self.answer(request, [unquote(part) for part in request.path.strip("/").split("/")])

    def answer(self, request: SeenRequest, path: list[str]) -> Answer:
        """Return the answer to a request for the path."""
        answer: Answer
        match request.method, path:
            case "POST", ["market", "orders"]:
                answer = self._submit(request)
            case "POST", ["market", "orders", order_id, "cancel"]:
                answer = self._cancel(order_id)
            case "GET", ["market", "orders"]:
                answer = self.page("orders", self._open_orders(request.query.get("user_id")), request.query)
            case "GET", ["market", "orders", order_id]:
                answer = self._view_order(order_id)
            case "GET", ["market", "artworks", artwork_id]:
                answer = 200, self._book(int(artwork_id))
            case "GET", ["market", name]:
                answer = self.page(name, self.lists[name], request.query)
            case _:
                answer = 403, {"message": "Missing Authentication Token"}
        return answer

    def page(self, name: str, rows: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        """Return a page of the rows."""
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        end = start + limit
        return 200, {name: rows[start:end], "next_cursor": str(end) if end < len(rows) else None}

    def order(self, order_id: str) -> dict[str, Any] | None:
        """Return the order with this id."""
        return next((order for order in self.orders.values() if order["order_id"] == order_id), None)

    def _submit(self, request: SeenRequest) -> Answer:
        if request.body["price"] <= 0:
            error = {"loc": ["body", "price"], "msg": "Input should be greater than 0", "type": "greater_than"}
            return problem(422, "validation_failed", "The request is not valid: body.price.", errors=[error])
        order = {**request.body, "order_id": f"order-{len(self.orders)}", "is_canceled": False}
        return 201, {**self.orders.setdefault(request.headers["idempotency-key"], order), "status": "open"}

    def _cancel(self, order_id: str) -> Answer:
        order = self.order(order_id)
        if order is None:
            return problem(404, "unknown_order", f"There is no order {order_id!r}.")
        if order_id in self.filled:
            return problem(409, "order_filled", "The order was filled.", is_canceled=False)
        order["is_canceled"] = True
        return 200, {"is_canceled": True}

    def _view_order(self, order_id: str) -> Answer:
        order = self.order(order_id)
        if order is None:
            return problem(404, "unknown_order", f"There is no order {order_id!r}.")
        if order_id not in self.filled:
            return 200, self._state(order)
        trades = [one for one in self.lists["transactions"] if order_id in (one["buy_order_id"], one["sell_order_id"])]
        return 200, {**self._state(order), **({"transaction": trades[0]} if trades else {})}

    def _book(self, artwork_id: int) -> dict[str, Any]:
        known = self.artworks.get(artwork_id, {"title": None, "artist": None})
        rows = [order for order in self._open_orders(None) if order["artwork_id"] == artwork_id]
        return {
            "artwork_id": artwork_id,
            **known,
            "asks": sorted((row for row in rows if row["direction"] == "sell"), key=lambda row: row["price"]),
            "bids": sorted((row for row in rows if row["direction"] == "buy"), key=lambda row: -row["price"]),
            "last_transactions": [one for one in self.lists["transactions"] if one["artwork_id"] == artwork_id],
        }

    def _open_orders(self, user_id: str | None) -> list[dict[str, Any]]:
        states = [self._state(order) for order in self.orders.values()]
        return [row for row in states if row["status"] == "open" and user_id in (None, str(row["user_id"]))]

    def _state(self, order: dict[str, Any]) -> dict[str, Any]:
        status = "canceled" if order["is_canceled"] else "filled" if order["order_id"] in self.filled else "open"
        return {**order, "status": status, "created_at": MOMENT}


class MarketHandler(BaseHTTPRequestHandler):
    """Carries out the request, and replies."""

    server: MarketServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = SeenRequest(
            self.command, parts.path, query, json.loads(raw) if raw else None, headers, self.path, raw
        )
        with self.server.lock:
            answer = self.server.carry_out(request)
            fault = self.server.faults.popleft() if self.server.faults else None
        if fault is None:
            self.send(*answer)
        else:
            fault(self, answer)

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - the names that http.server calls

    def send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        """Reply with JSON, or raw bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        if body.startswith(b"retry:"):
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def problem(status: int, code: str, detail: str, **extensions: Any) -> Answer:
    """Return a problem document as an answer."""
    content = {"type": f"urn:rialto:problem:{code}", "title": "T", "status": status, "detail": detail, "code": code}
    return status, {**content, "request_id": "r-1", **extensions}


def answers(status: int, content: Any = None, headers: dict[str, str] | None = None) -> Fault:
    """Answer something else."""
    return lambda handler, _: handler.send(status, {} if content is None else content, headers)


def resets(handler: MarketHandler, _: Answer) -> None:
    """Break the connection. Linger 0 sends RST instead of FIN."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def hangs_up(handler: MarketHandler, _: Answer) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def hangs(handler: MarketHandler, _: Answer) -> None:
    """Say nothing until the test is over."""
    handler.server.released.wait()
    handler.close_connection = True


def stops_half_way(handler: MarketHandler, answer: Answer) -> None:
    """Announce more than comes."""
    body = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
    handler.send(answer[0], body[: len(body) // 2], {"Content-Length": "1000000"})
    handler.close_connection = True


S = TypeVar("S", bound=MarketServer)


@contextmanager
def running(made: S) -> Iterator[S]:
    """Run a server in a thread."""
    with made as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
