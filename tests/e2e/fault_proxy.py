"""A proxy between functions and DynamoDB or SQS that throttles, holds calls up, and loses the answers of some."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

THROTTLED = {
    "DynamoDB": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
    "AmazonSQS": "com.amazonaws.sqs#RequestThrottled",
}
"""The name of the error by the first letters of a call's target."""
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}


class FaultProxy:
    """Counts what it did: passed, throttled, lost, held."""

    def __init__(self, upstream: str, seed: int, throttle: float, lose: float) -> None:
        self.transactions: int | None = None
        """Transactions that still pass; those after them are held up until the caller goes away. None: all pass."""
        self.counts: Counter[str] = Counter()
        self.upstream = upstream
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.throttle, self.lose = throttle, lose
        self.http = urllib3.PoolManager(maxsize=32, retries=False, timeout=30)

    def draw(self, target: str) -> str:
        """Return what happens to the next call."""
        with self._lock:
            if self.transactions is not None and target.endswith("TransactWriteItems"):
                self.transactions -= 1
                if self.transactions < 0:
                    self.counts["held"] += 1
                    return "held"
            number = self._random.random()
            lost = number < self.throttle + self.lose
            fault = "throttled" if number < self.throttle else "lost" if lost else "passed"
            self.counts[fault] += 1
            return fault


def _throttled(target: str) -> bytes:
    (name,) = (name for service, name in THROTTLED.items() if target.startswith(service))
    return json.dumps({"__type": name, "message": "Rate of requests exceeds the limit"}).encode()


@contextmanager
def fault_proxy(
    upstream: str, seed: int = 1, throttle: float = 0.1, lose: float = 0.1
) -> Iterator[tuple[FaultProxy, str]]:
    """Run a proxy on a free port; yield it and its address."""
    proxy = FaultProxy(upstream, seed, throttle, lose)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers.get("X-Amz-Target", "")
            fault = proxy.draw(target)
            if fault == "held":
                # Nothing more comes on this connection: this ends when the caller is killed or gives up.
                self.rfile.read(1)
                self.close_connection = True
                return
            if fault == "throttled":
                self._answer(400, _throttled(target), {"Content-Type": "application/x-amz-json-1.0"})
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            answer = proxy.http.request("POST", f"{proxy.upstream}{self.path}", body=body, headers=headers)
            if fault == "lost":
                self.close_connection = True
                self.connection.close()
                return
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            self._answer(answer.status, answer.data, kept)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the counts tell."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A function that was killed leaves its connection; that is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        proxy.http.clear()
