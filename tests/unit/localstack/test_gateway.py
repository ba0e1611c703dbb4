"""The gateway between a client and a cloud that is a small server here."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import gateway
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from gateway import AUTO_DECOMPRESS, EXCHANGE_CONTROL, LARGEST_BODY, make_app
from yarl import URL

RESPONSES = {
    "DEFAULT_5XX": {"statusCode": "500", "responseTemplates": {"application/json": '{"message": "Ours"}'}},
    "REQUEST_TOO_LARGE": {"statusCode": "413", "responseTemplates": {"application/json": '{"code": "too_large"}'}},
}
Check = Callable[[aiohttp.ClientSession, URL], Awaitable[None]]


async def cloud_answer(request: web.Request) -> web.Response:
    """Answer as the platform does, with what has arrived."""
    if "crash" in request.path:
        return web.json_response({"message": "Worker process died"}, status=502)
    body = await request.read()
    seen = {"raw_path": request.raw_path, "headers": dict(request.headers), "length": len(body)}
    return web.json_response(
        seen, headers={"X-Request-Id": "r-1", "Keep-Alive": "5"}, status=int(request.query.get("s", 200))
    )


def through_gateway(check: Check, cloud_is_up: bool = True, exchange: str = "") -> None:
    """Run the check against a gateway before the small cloud; the exchange may be a path of that cloud."""

    async def run() -> None:
        cloud = web.Application(client_max_size=2 * LARGEST_BODY)
        cloud.router.add_route("*", "/{path:.*}", cloud_answer)
        upstream = TestServer(cloud)
        await upstream.start_server(auto_decompress=AUTO_DECOMPRESS)
        async with upstream:
            base = str(upstream.make_url("/api/rialto")) if cloud_is_up else "http://127.0.0.1:1/api"
            venue = str(upstream.make_url(exchange)) if exchange.startswith("/") else exchange
            server = TestServer(make_app(base, RESPONSES, venue))
            await server.start_server(auto_decompress=AUTO_DECOMPRESS)
            async with server, aiohttp.ClientSession() as client:
                await check(client, server.make_url("/"))

    asyncio.run(run())


async def get(client: aiohttp.ClientSession, url: Any, **options: Any) -> tuple[int, Any, Any]:
    async with client.get(url, **options) as response:
        return response.status, await response.json(content_type=None), response.headers


def test_the_path_and_the_query_arrive_as_they_were_sent() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        raw = "/orders/a%2Fb%20c/%E2%82%AC?x=%C3%A4&x=2&y=a%2Bb+c&z"
        _, seen, _ = await get(client, URL(str(url.origin()) + raw, encoded=True))
        assert seen["raw_path"] == "/api/rialto" + raw

    through_gateway(check)


def test_hop_by_hop_headers_and_the_host_stay_behind() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        sent = {"Host": "x.s3.amazonaws.com", "Connection": "close, X-Private", "X-Private": "1", "X-Mine": "2"}
        _, seen, headers = await get(client, url, headers=sent)
        assert "X-Private" not in seen["headers"]
        assert seen["headers"]["X-Mine"] == "2"
        assert seen["headers"]["Host"].startswith("127.0.0.1")
        assert "Keep-Alive" not in headers

    through_gateway(check)


def test_an_answer_of_ours_passes_whatever_its_status() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        status, seen, headers = await get(client, url.with_query(s=503))
        assert (status, headers["X-Request-Id"]) == (503, "r-1")
        assert seen["length"] == 0

    through_gateway(check)


def test_a_crash_in_the_cloud_is_the_gateways_answer() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        status, body, _ = await get(client, url / "crash")
        assert (status, body) == (500, {"message": "Ours"})

    through_gateway(check)


def test_a_cloud_that_is_down_is_the_gateways_answer() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        status, body, _ = await get(client, url)
        assert (status, body) == (500, {"message": "Ours"})

    through_gateway(check, cloud_is_up=False)


def test_bodies_pass_up_to_the_limit() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        async with client.post(url, data=io.BytesIO(b"x" * LARGEST_BODY)) as response:
            assert (await response.json())["length"] == LARGEST_BODY
        async with client.post(url, data=io.BytesIO(b"x" * (LARGEST_BODY + 1))) as response:
            assert (response.status, await response.text()) == (413, '{"code": "too_large"}')

    through_gateway(check)


def test_a_body_that_is_not_compressed_as_it_says_passes_as_it_is() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        async with client.post(url / "orders", data=b"no gzip", headers=headers) as response:
            seen = await response.json()
        assert (response.status, seen["length"]) == (200, len(b"no gzip"))
        assert seen["headers"]["Content-Encoding"] == "gzip"

    through_gateway(check)


def test_the_switches_of_the_exchange_are_passed_on_to_it() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        _, seen, _ = await get(client, url.join(URL(EXCHANGE_CONTROL)))
        assert seen["raw_path"] == "/exchange/control"
        async with client.put(url.join(URL(EXCHANGE_CONTROL)), json={"mode": "down"}) as response:
            assert (await response.json())["length"] == len('{"mode": "down"}')

    through_gateway(check, exchange="/exchange")


def test_an_exchange_that_does_not_run_is_a_problem() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        status, body, headers = await get(client, url.join(URL(EXCHANGE_CONTROL)))
        assert (status, body["code"]) == (503, "exchange_not_running")
        assert headers["Content-Type"].startswith("application/problem+json")

    through_gateway(check, exchange="http://127.0.0.1:1")


def test_without_an_exchange_its_switches_are_a_route_like_any_other() -> None:
    async def check(client: aiohttp.ClientSession, url: URL) -> None:
        _, seen, _ = await get(client, url.join(URL(EXCHANGE_CONTROL)))
        assert seen["raw_path"] == "/api/rialto/_local/exchange/control"

    through_gateway(check)


def test_an_idle_connection_is_closed_before_the_cloud_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is sent just when the other side closes has no answer."""
    monkeypatch.setattr(gateway, "LONGEST_IDLE", 0.05)

    async def run() -> None:
        closed = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            assert await reader.read() == b""
            closed.set()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as cloud:
            port = cloud.sockets[0].getsockname()[1]
            server = TestServer(make_app(f"http://127.0.0.1:{port}", RESPONSES))
            async with server, aiohttp.ClientSession() as client:
                assert (await get(client, server.make_url("/")))[0] == 200
                # aiohttp itself would keep it for 15 seconds.
                await asyncio.wait_for(closed.wait(), 12)

    asyncio.run(run())
