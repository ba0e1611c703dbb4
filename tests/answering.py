"""An AWS that answers every call at once and knows of nothing: for what must not depend on an emulator."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.environment import NOBODY
from tests.moto_stack import read_resources

NOTHING: dict[str, Any] = {"Items": [], "Count": 0, "ScannedCount": 0, "Responses": {}}
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
EMPTY: dict[str, Any] = {"Attributes": dict.fromkeys(COUNTS, "0")}


@contextmanager
def answering() -> Iterator[str]:
    """Answer on a free port of this machine; yield the endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings(endpoint: str) -> dict[str, str]:
    """Return the environment of the functions, with every default, at this endpoint."""
    template = read_resources()
    defaults = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    named = {
        name: defaults.get(value["Ref"], f"{endpoint}/000000000000/{value['Ref']}")
        for name, value in variables.items()
        if isinstance(value, dict)
    }
    named |= {name: value.rsplit("/", 1)[-1] for name, value in named.items() if name.endswith("_TABLE")}
    return {**variables, **named, **NOBODY, "AWS_ENDPOINT_URL": endpoint}


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_queue = self.headers["X-Amz-Target"].startswith("AmazonSQS.")
        body = json.dumps(EMPTY if is_queue else NOTHING).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep standard error for faults."""
