"""A tiny HTTP exchange on loopback that answers, or fails to answer, as a test tells it."""

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Reply = Callable[["VenueHandler"], None]


class VenueServer(ThreadingHTTPServer):
    """Keeps the requests it got; ``reply`` answers them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), VenueHandler)
        self.requests: list[tuple[str, str, Any]] = []
        self.reply: Reply = answers(200, {"status": "working"})
        self.released = Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about connections that a test broke."""


class VenueHandler(BaseHTTPRequestHandler):
    """Notes the request and replies."""

    server: VenueServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, json.loads(body) if body else None))
        self.server.reply(self)

    do_PUT = do_GET = do_DELETE = do_POST = _handle  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def answers(status: int, content: Any = None) -> Reply:
    """Answer with a status and JSON, or raw bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def reply(handler: VenueHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def resets(handler: VenueHandler) -> None:
    """Read the request, then break the connection."""
    # Linger 0 sends RST instead of FIN.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def hangs(handler: VenueHandler) -> None:
    """Read the request, then say nothing until the test is over."""
    handler.server.released.wait()
    handler.close_connection = True


def stops_half_way(handler: VenueHandler) -> None:
    """Announce more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": "wor')
    handler.close_connection = True


@contextmanager
def running_venue() -> Iterator[VenueServer]:
    """Run the exchange in a thread."""
    with VenueServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
