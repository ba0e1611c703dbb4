"""The front door of a local instance: passes requests on to the REST API in the local cloud, as API Gateway would."""

import io
import json
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from gateway_responses import Answer, kind_of, render
from multidict import CIMultiDict
from yarl import URL

# API Gateway's own limits.
LARGEST_BODY = 10 * 1024 * 1024
LONGEST_WAIT = 29.0

# Requests that the cloud works on at once; the others wait here. Each one more would wake another cold worker, and a
# machine with few cores answers a burst later for it.
CONNECTIONS = 16
# Seconds. LocalStack closes a connection that was idle for 5: a POST that meets this has no answer, and cannot be sent
# again.
LONGEST_IDLE = 2.0
# A compressed body passes as it is, and so does one that only says so: to read it is up to the function.
AUTO_DECOMPRESS = False
# RFC 9110, section 7.6.1. Host stays behind, too: the emulator would choose a service by it.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
HOP_BY_HOP |= {"te", "trailer", "transfer-encoding", "upgrade", "host", "content-length", "expect"}
# The switches of the local exchange for the web page, which talks to its own origin only. AWS has no such route.
EXCHANGE_CONTROL = "/_local/exchange/control"


class Gateway:
    """A reverse proxy for one stage of one REST API."""

    def __init__(self, upstream: str, responses: Mapping[str, Any], exchange: str = "") -> None:
        self._upstream = upstream
        self._responses = responses
        self._exchange = exchange
        self._client: aiohttp.ClientSession | None = None

    async def connect(self, _: web.Application) -> None:
        """Open the connection pool."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=LONGEST_IDLE),
            timeout=aiohttp.ClientTimeout(total=LONGEST_WAIT),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self, _: web.Application) -> None:
        """Close the connection pool."""
        if self._client:
            await self._client.close()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request and print one line about it."""
        start = time.perf_counter()
        response = await self._respond(request)
        milliseconds = (time.perf_counter() - start) * 1000
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{stamp} {request.method} {request.raw_path} {response.status} {milliseconds:.0f} ms", flush=True)
        return response

    async def _respond(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._own("REQUEST_TOO_LARGE")
        try:
            # `encoded` keeps the path and the query byte for byte.
            url = URL(self._upstream + request.raw_path, encoded=True)
            status, headers, content = await self._forward(request, url, body)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return self._own("DEFAULT_5XX")
        kind = kind_of(status, headers, content)
        if kind:
            return self._own(kind, headers.get("x-amzn-requestid", ""))
        return web.Response(status=status, headers=_end_to_end(headers), body=content)

    async def control_exchange(self, request: web.Request) -> web.Response:
        """Pass a request for the exchange's switches on to it."""
        try:
            url = URL(f"{self._exchange}/control")
            status, headers, content = await self._forward(request, url, await request.read())
        except (aiohttp.ClientError, TimeoutError):
            reason = {"code": "exchange_not_running", "detail": "The local exchange does not answer."}
            return web.json_response(reason, status=503, content_type="application/problem+json")
        return web.Response(status=status, headers=_end_to_end(headers), body=content)

    async def _forward(self, request: web.Request, url: URL, body: bytes) -> tuple[int, CIMultiDict[str], bytes]:
        assert self._client  # noqa: S101 - opened at start-up
        headers = _end_to_end(request.headers)
        headers["X-Forwarded-For"] = request.remote or ""
        headers["X-Forwarded-Proto"] = request.scheme
        async with self._client.request(
            request.method, url, headers=headers, data=io.BytesIO(body) if body else None, allow_redirects=False
        ) as response:
            return response.status, CIMultiDict(response.headers), await response.read()

    def _own(self, kind: str, request_id: str = "") -> web.Response:
        answer: Answer = render(self._responses, kind, request_id or str(uuid.uuid4()))
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body.encode())


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    kept = [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named]
    return CIMultiDict(kept)


def make_app(upstream: str, responses: Mapping[str, Any], exchange: str = "") -> web.Application:
    """Return the gateway as an aiohttp application. ``exchange`` is the base URL of a local one, if it is used."""
    gateway = Gateway(upstream, responses, exchange)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.on_startup.append(gateway.connect)
    app.on_cleanup.append(gateway.close)
    if exchange:
        app.router.add_get(EXCHANGE_CONTROL, gateway.control_exchange)
        app.router.add_put(EXCHANGE_CONTROL, gateway.control_exchange)
    app.router.add_route("*", "/{path:.*}", gateway.answer)
    return app


def main(config: Path) -> None:
    """Serve until SIGTERM, as the file says: bind, port, upstream, responses, exchange."""
    settings = json.loads(config.read_text())
    app = make_app(settings["upstream"], settings["responses"], settings["exchange"])
    web.run_app(
        app,
        host=settings["bind"],
        port=settings["port"],
        access_log=None,
        print=None,
        shutdown_timeout=LONGEST_WAIT,
        auto_decompress=AUTO_DECOMPRESS,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
