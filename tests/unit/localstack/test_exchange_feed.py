"""The feed of the local exchange over real WebSockets."""

import asyncio
import json
import signal
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import exchange_feed
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.localstack.exchange_client import LIMIT_ORDER, Client, eventually, exchange_on, exchange_process
from tests.unit.localstack.feed_reader import FeedReader, Frame, reading

BUY_AT_ANY_PRICE = LIMIT_ORDER | {"limit_price": 1_000, "quantity": 90}
AT_ONCE = {"slices": 9, "interval": 0}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Client]:
    with exchange_on(tmp_path / "journal") as client:
        yield client


def read(exchange: Client, story: Callable[[FeedReader], Awaitable[Any]]) -> Any:
    """Let a reader do something over one connection."""

    async def run() -> Any:
        async with reading(exchange.port) as reader:
            return await story(reader)

    return asyncio.run(run())


def place_and_cancel(exchange: Client, *order_ids: str) -> None:
    for order_id in order_ids:
        exchange.place(order_id)
        exchange.cancel(order_id)


def trade(exchange: Client, **trading: Any) -> None:
    reply = exchange.request("PUT", "/trading", trading)
    assert (reply.status, reply.content["open"]) == (200, trading.get("open", True))


def standing(report: Frame) -> dict[str, Any]:
    names = ("client_order_id", "exchange_order_id", "order_seq", "cum_qty", "leaves_qty", "avg_px")
    status = "working" if report["status"] in ("NEW", "PARTIALLY_FILLED") else report["status"].lower()
    return {name: report[name] for name in names} | {"status": status}


def record(exchange: Client) -> dict[str, dict[str, Any]]:
    """Return the exchange's own record of every order that has a report."""
    names = ("client_order_id", "exchange_order_id", "order_seq", "cum_qty", "leaves_qty", "avg_px", "status")
    orders = [order for order in exchange.listing()["orders"] if order["order_seq"]]
    return {order["client_order_id"]: {name: order[name] for name in names} for order in orders}


def told(reports: list[Frame]) -> dict[str, dict[str, Any]]:
    """Return how orders stand by their reports, in whatever order these came."""
    ordered = sorted(reports, key=lambda report: int(report["order_seq"]))
    return {report["client_order_id"]: standing(report) for report in ordered}


# Resuming


def test_a_first_reader_gets_everything_and_then_what_comes(exchange: Client) -> None:
    place_and_cancel(exchange, "a")

    async def story(reader: FeedReader) -> None:
        welcome = await reader.resume()
        assert (welcome["type"], welcome["first"], welcome["last"]) == ("welcome", 1, 2)
        await reader.until(lambda: 2 in reader.reports)
        await asyncio.to_thread(exchange.place, "b")
        await reader.until(lambda: 3 in reader.reports)
        assert reader.arrivals == [1, 2, 3]
        assert {frame["session"] for frame in reader.frames} == {welcome["session"]}

    read(exchange, story)


def test_a_reader_goes_on_where_it_was(exchange: Client) -> None:
    place_and_cancel(exchange, "a", "b", "c")
    session = read(exchange, lambda reader: reader.resume())["session"]

    async def story(reader: FeedReader) -> None:
        assert (await reader.resume(session, after=4))["type"] == "welcome"
        await reader.until(lambda: 6 in reader.reports)
        assert reader.arrivals == [5, 6]
        await reader.resume(session, after=5)  # Once more on the same connection.
        await reader.until(lambda: len(reader.arrivals) > 2)
        assert reader.arrivals == [5, 6, 6]

    read(exchange, story)


@pytest.mark.parametrize(("after", "reason"), [(3, "trimmed"), (7, "unknown_session")])
def test_after_a_failed_resume_nothing_follows_until_it_is_mended(exchange: Client, after: int, reason: str) -> None:
    place_and_cancel(exchange, "a", "b", "c")
    trimmed = exchange.request("POST", "/feed/trim", {"keep": 2})
    assert (trimmed.content["first"], trimmed.content["last"]) == (5, 6)
    session = trimmed.content["session"]

    async def story(reader: FeedReader) -> None:
        failed = await reader.resume(session, after)
        assert failed == {
            "type": "resume_failed",
            "session": session,
            "first": 5,
            "last": 6,
            "reason": reason,
        }
        other = await reader.resume("of another day", 6)
        assert other["reason"] == "unknown_session"
        await asyncio.to_thread(exchange.place, "d")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.next("heartbeat", "reports"), 1.3)
        assert (await reader.resume(session, after=6))["type"] == "welcome"
        await reader.until(lambda: 7 in reader.reports)

    read(exchange, story)


# Asking for what is missing


def test_sends_again_what_is_asked_for(exchange: Client) -> None:
    place_and_cancel(exchange, *(str(number) for number in range(300)))

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await reader.until(lambda: 600 in reader.reports)
        first = dict(reader.reports)
        await reader.ask("resend", **{"from": 2, "to": 599})
        await reader.until(lambda: len(reader.arrivals) == 600 + 598)
        assert reader.arrivals[600:] == list(range(2, 600))
        assert reader.reports == first
        assert max(len(frame.get("reports", [])) for frame in reader.frames) <= 500

    read(exchange, story)


def test_what_is_trimmed_cannot_be_sent_again(exchange: Client) -> None:
    place_and_cancel(exchange, "a", "b", "c")
    exchange.request("POST", "/feed/trim", {"keep": 2})

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await reader.ask("resend", **{"from": 3, "to": 6})
        failed = await reader.next("resend_failed")
        assert failed == {"type": "resend_failed", "from": 3, "to": 6, "first": 5}
        await reader.ask("resend", **{"from": 5, "to": 6})
        await reader.until(lambda: reader.arrivals.count(5) == 2)

    read(exchange, story)


def test_a_snapshot_tells_how_every_order_stands_and_then_goes_on(exchange: Client) -> None:
    trade(exchange, **AT_ONCE)
    exchange.place("filled", BUY_AT_ANY_PRICE)
    eventually(lambda: exchange.find("filled").content["status"] == "filled")
    trade(exchange, open=False)
    exchange.control(refuse=["X"])
    exchange.place("refused", LIMIT_ORDER | {"instrument": "X"})
    place_and_cancel(exchange, "canceled")
    exchange.cancel("in advance")
    exchange.request("POST", "/feed/trim", {"keep": 0})

    async def story(reader: FeedReader) -> None:
        assert (await reader.resume("of another day"))["type"] == "resume_failed"
        await reader.ask("snapshot")
        begin = await reader.next("snapshot_begin")
        end = await reader.next("snapshot_end")
        assert (begin["seq"], end["seq"]) == (13, 13)
        reports = [report for frame in reader.frames if frame["type"] == "snapshot" for report in frame["reports"]]
        assert all(report["snapshot"] and "seq" not in report and "last_qty" not in report for report in reports)
        assert told(reports) == await asyncio.to_thread(record, exchange)
        assert [report["status"] for report in reports] == ["FILLED", "REJECTED", "CANCELED"]
        assert [report["exec_id"] for report in reports] == ["E00000010", "E00000011", "E00000013"]
        await asyncio.to_thread(exchange.place, "next")
        await reader.until(lambda: 14 in reader.reports)
        assert reader.arrivals == [14]

    read(exchange, story)


@pytest.mark.parametrize(
    "frame",
    [
        b"binary",
        "no json",
        "[]",
        '{"type": "resend", "from": 2, "to": 1}',
        '{"type": "resend", "from": 0, "to": 1}',
        '{"type": "resend", "from": 1, "to": 3}',
        '{"type": "resend", "from": "1", "to": 2}',
        '{"type": "stop"}',
        '{"type": "resume", "session": 7}',
        '{"type": "resume", "session": null, "after": -1}',
    ],
)
def test_a_frame_that_makes_no_sense_ends_the_connection(exchange: Client, frame: str | bytes) -> None:
    place_and_cancel(exchange, "a")

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await (reader.socket.send_bytes(frame) if isinstance(frame, bytes) else reader.socket.send_str(frame))
        await reader.until_closed()
        assert reader.frames[-1]["type"] == "error"
        assert reader.frames[-1]["reason"]

    read(exchange, story)
    read(exchange, lambda reader: reader.resume())


def test_the_first_frame_is_a_resume(exchange: Client) -> None:
    async def story(reader: FeedReader) -> None:
        await reader.ask("snapshot")
        await reader.until_closed()
        assert reader.frames == [{"type": "error", "reason": "the first frame is a resume"}]

    read(exchange, story)


# Faults


def test_a_heartbeat_tells_of_a_dropped_tail(exchange: Client) -> None:
    faults = exchange.request("PUT", "/feed/faults", {"drop": 1.0})
    assert faults.content == {"duplicate": 0, "reorder": 0, "drop": 1.0, "delay": 0, "burst": 1, "seed": 0}
    place_and_cancel(exchange, "a")

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await reader.until_heartbeat(2)
        assert not reader.reports
        await reader.ask("resend", **{"from": 1, "to": 2})
        await reader.until(lambda: len(reader.reports) == 2)

    read(exchange, story)


def test_faults_hold_for_readers_that_are_connected_already(exchange: Client) -> None:
    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await reader.until_heartbeat(0)
        await asyncio.to_thread(exchange.request, "PUT", "/feed/faults", {"drop": 1.0})
        await asyncio.to_thread(exchange.place, "a")
        await reader.until_heartbeat(1)
        assert not reader.reports

    read(exchange, story)


def test_a_heartbeat_says_nothing_of_what_is_still_to_be_sent(exchange: Client) -> None:
    exchange.request("PUT", "/feed/faults", {"delay": 60})
    exchange.place("a")

    async def story(reader: FeedReader) -> None:
        assert (await reader.resume())["last"] == 1
        assert (await reader.next("heartbeat"))["last"] == 0

    read(exchange, story)


def test_reports_are_gathered_to_a_burst(exchange: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_feed, "GATHERING", 60)
    exchange.request("PUT", "/feed/faults", {"burst": 10})

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await asyncio.to_thread(place_and_cancel, exchange, *"abcde")
        assert len((await reader.next("reports"))["reports"]) == 10

    read(exchange, story)


def test_a_burst_that_is_never_full_comes_all_the_same(exchange: Client) -> None:
    exchange.request("PUT", "/feed/faults", {"burst": 500})
    exchange.place("a")

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        assert len((await reader.next("reports"))["reports"]) == 1

    read(exchange, story)


def test_frames_are_delayed(exchange: Client) -> None:
    exchange.request("PUT", "/feed/faults", {"delay": 0.5})
    exchange.place("a")

    async def story(reader: FeedReader) -> None:
        before = asyncio.get_running_loop().time()
        await reader.resume()
        await reader.next("reports")
        assert asyncio.get_running_loop().time() - before >= 0.5

    read(exchange, story)


def test_a_report_that_is_held_back_comes_even_if_no_other_does(exchange: Client) -> None:
    exchange.request("PUT", "/feed/faults", {"reorder": 1.0})
    exchange.place("a")

    async def story(reader: FeedReader) -> None:
        await reader.resume()
        await reader.next("reports")
        assert reader.arrivals == [1]

    read(exchange, story)


def test_every_connection_is_cut(exchange: Client) -> None:
    async def story(reader: FeedReader) -> None:
        async with reading(exchange.port) as other:
            await reader.resume()
            await other.resume()
            reply = await asyncio.to_thread(exchange.request, "POST", "/feed/disconnect")
            assert reply.content == {"connections": 2}
            for cut in (reader, other):
                async with asyncio.timeout(5):
                    while (await cut.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                        pass

    read(exchange, story)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("PUT", "/trading", {"slices": 0}),
        ("PUT", "/trading", b"no json"),
        ("PUT", "/feed/faults", {"drop": 2}),
        ("POST", "/feed/trim", {}),
        ("POST", "/feed/trim", {"keep": -1}),
    ],
)
def test_an_instruction_that_makes_no_sense_changes_nothing(
    exchange: Client, method: str, path: str, content: Any
) -> None:
    def instructions() -> list[dict[str, Any]]:
        return [exchange.request("GET", shown).content for shown in ("/trading", "/feed/faults")]

    before = instructions()
    reply = exchange.request(method, path, content)
    assert (reply.status, reply.content["code"][:8]) == (422, "invalid_")
    assert instructions() == before


@pytest.fixture(scope="module")
def busy_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An exchange where 40 orders were filled, canceled, refused, or rest."""
    with exchange_on(tmp_path_factory.mktemp("exchange") / "journal", is_open=True) as client:
        trade(client, **AT_ONCE)
        client.control(refuse=["X"])
        for number in range(40):
            client.place(
                str(number), (BUY_AT_ANY_PRICE, LIMIT_ORDER, BUY_AT_ANY_PRICE | {"instrument": "X"})[number % 3]
            )
            if number % 2:
                client.cancel(str(number))
        eventually(lambda: all(order["order_seq"] for order in client.listing()["orders"]))
        trade(client, open=False)
        yield client


odds = st.floats(0, 1)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.fixed_dictionaries({"duplicate": odds, "reorder": odds, "drop": odds, "seed": st.integers(0, 9)}))
def test_whatever_the_faults_who_asks_for_what_is_missing_ends_with_the_exchanges_record(
    busy_exchange: Client, faults: dict[str, Any]
) -> None:
    busy_exchange.request("PUT", "/feed/faults", faults)

    async def story(reader: FeedReader) -> list[Frame]:
        last = (await reader.resume())["last"]
        await reader.until_heartbeat(last)
        missing = sorted(set(range(1, last + 1)) - set(reader.reports))
        for seq in missing:
            await reader.ask("resend", **{"from": seq, "to": seq})
        await reader.until(lambda: len(reader.reports) == last)
        return list(reader.reports.values())

    assert told(read(busy_exchange, story)) == record(busy_exchange)


# Volume


def test_a_reader_that_does_not_read_costs_no_memory_and_then_gets_all(tmp_path: Path) -> None:
    with exchange_process(tmp_path, "--trading", "open") as (process, exchange):
        trade(exchange, slices=1_000, interval=0)
        order = BUY_AT_ANY_PRICE | {"quantity": 1_000}
        exchange.place("first", order)
        eventually(lambda: exchange.find("first").content["status"] == "filled")
        server = psutil.Process(process.pid)

        def filled() -> int:
            return sum(order["status"] == "filled" for order in exchange.listing()["orders"])

        async def story(reader: FeedReader) -> None:
            await reader.resume()
            stalled = [_stalled(exchange.port) for _ in range(20)]
            before = server.memory_info().rss
            for number in range(20):
                await asyncio.to_thread(exchange.place, str(number), order)
            await asyncio.to_thread(eventually, lambda: filled() == 21, 20)
            # 20,000 reports in the log are 8 MB. Buffered for each of the 20 readers they would be 150 MB more.
            assert server.memory_info().rss - before < 60_000_000
            for connection in stalled:
                connection.close()
            await reader.until(lambda: 21 * 1_001 in reader.reports)
            assert reader.arrivals == list(range(1, 21 * 1_001 + 1))

        read(exchange, story)


def _stalled(port: int) -> socket.socket:
    """Connect as a reader that asks for everything and reads nothing."""
    connection = socket.create_connection(("127.0.0.1", port))
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    connection.sendall(f"GET /feed HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n{key}\r\n\r\n".encode())
    demand = json.dumps({"type": "resume", "session": None}).encode()
    # A masked text frame (RFC 6455, section 5.2); masked with zeros it reads as it is.
    connection.sendall(struct.pack("!BB4x", 0x81, 0x80 | len(demand)) + demand)
    return connection


def test_a_reader_that_is_too_slow_for_what_is_kept_learns_of_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_feed, "GATHERING", 60)
    with exchange_on(tmp_path / "journal", keep=4) as exchange:
        exchange.request("PUT", "/feed/faults", {"burst": 11})
        exchange.place("a")

        async def story(reader: FeedReader) -> None:
            await reader.resume()
            await asyncio.to_thread(place_and_cancel, exchange, *"bcdef")
            await reader.until_heartbeat(11)
            missing = min(set(range(1, 12)) - set(reader.reports))
            assert missing == 1
            await reader.ask("resend", **{"from": missing, "to": 11})
            assert (await reader.next("resend_failed"))["first"] == 8
            await reader.ask("snapshot")
            await reader.next("snapshot_end")
            reports = [report for frame in reader.frames if frame["type"] == "snapshot" for report in frame["reports"]]
            assert told(reports) == await asyncio.to_thread(record, exchange)

        read(exchange, story)


def test_orders_are_answered_while_others_trade_in_great_numbers(tmp_path: Path) -> None:
    with exchange_on(tmp_path / "journal", is_open=True) as exchange:
        trade(exchange, **AT_ONCE)
        replies = [exchange.place(str(number), BUY_AT_ANY_PRICE) for number in range(300)]
        assert {(reply.status, reply.content["status"], reply.content["order_seq"]) for reply in replies} == {
            (201, "working", 1)
        }

        async def story(reader: FeedReader) -> None:
            await reader.resume()
            await reader.until(lambda: len(reader.reports) == 3_000)

        read(exchange, story)
        assert {(order["status"], order["order_seq"]) for order in exchange.listing()["orders"]} == {("filled", 10)}


# The restart


def test_a_restart_keeps_the_session_and_goes_on_trading(tmp_path: Path) -> None:
    with exchange_process(tmp_path, "--trading", "open") as (process, exchange):
        trade(exchange, slices=2, interval=3_600)
        exchange.place("a", BUY_AT_ANY_PRICE)
        eventually(lambda: exchange.find("a").content["cum_qty"] == 45)
        session = read(exchange, lambda reader: reader.resume())["session"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with exchange_process(tmp_path, "--trading", "open") as (process, exchange):

        async def story(reader: FeedReader) -> list[Frame]:
            assert (await reader.resume(session, after=1))["type"] == "welcome"
            await reader.until(lambda: any(report["status"] == "FILLED" for report in reader.reports.values()))
            return [reader.reports[seq] for seq in sorted(reader.reports)]

        reports = read(exchange, story)
        assert [report["order_seq"] for report in reports] == list(range(2, 2 + len(reports)))
        assert [report["cum_qty"] for report in reports] == [45, 67, 90]

        async def be_connected(reader: FeedReader) -> None:
            await reader.resume()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 3) == 0

        read(exchange, be_connected)
    assert "Traceback" not in (tmp_path / "log").read_text()
