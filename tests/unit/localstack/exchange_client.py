"""The local exchange to talk to: in this process where that is enough, as a process where it matters."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pytest
import urllib3
from aiohttp import web
from exchange_server import build_app

SERVER = Path(__file__).parents[3] / "localstack" / "exchange_server.py"
LIMIT_ORDER = {"type": "limit", "side": "buy", "instrument": "US19260Q1076", "quantity": 3, "limit_price": 101.25}
MARKET_ORDER = {"type": "market", "side": "sell", "instrument": "US19260Q1076", "quantity": 1, "limit_price": None}
Found = TypeVar("Found")


@dataclass(frozen=True)
class Reply:
    status: int
    content: dict[str, Any]
    headers: urllib3.HTTPHeaderDict


class Client:
    """Talks to the exchange and never repeats a request on its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._http = urllib3.PoolManager(retries=False, maxsize=32)

    def request(self, method: str, path: str, content: Any = None, timeout: float = 10.0) -> Reply:
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        response = self._http.request(method, url, body=body, timeout=timeout)
        return Reply(response.status, json.loads(response.data), response.headers)

    def place(self, order_id: str, content: Any = LIMIT_ORDER, timeout: float = 10.0) -> Reply:
        return self.request("PUT", f"/orders/{order_id}", content, timeout)

    def cancel(self, order_id: str) -> Reply:
        return self.request("DELETE", f"/orders/{order_id}")

    def find(self, order_id: str) -> Reply:
        return self.request("GET", f"/orders/{order_id}")

    def listing(self) -> dict[str, Any]:
        return self.request("GET", "/orders").content

    def control(self, **control: Any) -> Reply:
        return self.request("PUT", "/control", control)

    def has_begun_faulty_request(self) -> bool:
        """Tell whether a control with count 1 has met its request."""
        return bool(self.request("GET", "/control").content["mode"] == "normal")

    def close(self) -> None:
        self._http.clear()


@contextmanager
def exchange_on(journal: Path, seed: int = 0, **how: Any) -> Iterator[Client]:
    """Run the exchange in a thread, closed unless told; its handlers are cancelled when their client goes away."""
    loop = asyncio.new_event_loop()
    app = build_app(journal, seed, **{"is_open": False, **how})
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    listener = socket.create_server(("127.0.0.1", 0))
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.SockSite(runner, listener).start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    client = Client(listener.getsockname()[1])
    try:
        yield client
    finally:
        client.close()
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def exchange_process(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """Run the exchange as a process on a free port; it logs to the file ``log``, journals to ``journal``."""
    log = directory / "log"
    command = [sys.executable, str(SERVER), "--port", "0", "--journal", str(directory / "journal")]
    command += options or ["--trading", "closed"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr)
    try:
        found = eventually(lambda: re.search(r"listening on 127\.0\.0\.1:(\d+)\n", log.read_text()), within=15)
        client = Client(int(found[1]))
        yield process, client
        client.close()
    finally:
        process.kill()
        process.wait()


def eventually(look: Callable[[], Found | None], within: float = 5.0) -> Found:
    """Return the first truthy thing that is seen."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    pytest.fail(f"not seen within {within} s")
