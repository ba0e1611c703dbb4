"""The local exchange over real connections: in this process where that is enough, as a process where it matters."""

import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import exchange_faults
import pytest
import urllib3
from exchange_journal import CorruptJournalError
from exchange_server import build_app

from tests.unit.localstack.exchange_client import (
    LIMIT_ORDER,
    MARKET_ORDER,
    Client,
    Reply,
    eventually,
    exchange_on,
    exchange_process,
)

UNTRADED = {"order_seq": 0, "cum_qty": 0, "leaves_qty": 0, "avg_px": None}
UNKNOWN = {"exchange_order_id": None, "accepted_at": None, "reason": None} | dict.fromkeys(LIMIT_ORDER) | UNTRADED
CANCELED = {"status": "canceled", "order_seq": 2, "leaves_qty": 0}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal"


@pytest.fixture
def exchange(journal: Path) -> Iterator[Client]:
    with exchange_on(journal) as client:
        yield client


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


# Placing


@pytest.mark.parametrize("content", [LIMIT_ORDER, MARKET_ORDER])
def test_accepts_a_new_order(exchange: Client, content: dict[str, Any]) -> None:
    reply = exchange.place("a", content)

    assert reply.status == 201
    accepted_at = reply.content.pop("accepted_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", accepted_at)
    identity = {"client_order_id": "a", "exchange_order_id": "X00000001", "status": "working", "reason": None}
    assert reply.content == identity | content | UNTRADED | {"order_seq": 1, "leaves_qty": content["quantity"]}


def test_the_same_order_again_is_answered_with_its_current_state(exchange: Client) -> None:
    first = exchange.place("a")
    again = exchange.place("a", LIMIT_ORDER | {"limit_price": 101.250})
    exchange.cancel("a")
    after_cancel = exchange.place("a")

    assert (again.status, again.content) == (200, first.content)
    assert (after_cancel.status, after_cancel.content) == (200, first.content | CANCELED)
    assert [order["place_requests"] for order in exchange.listing()["orders"]] == [3]


def test_a_limit_price_may_be_an_integer(exchange: Client) -> None:
    assert exchange.place("a", LIMIT_ORDER | {"limit_price": 100}).status == 201
    assert exchange.place("a", LIMIT_ORDER | {"limit_price": 100.0}).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"side": "sell"},
        {"instrument": "US0378331005"},
        {"quantity": 4},
        {"limit_price": 101.26},
        {"type": "market", "limit_price": None},
    ],
)
def test_refuses_other_content_under_a_known_id(exchange: Client, change: dict[str, Any]) -> None:
    first = exchange.place("a")
    reply = exchange.place("a", LIMIT_ORDER | change)

    assert (reply.status, reply.content["code"]) == (409, "conflicting_order")
    assert reply.content["reason"]
    assert exchange.find("a").content == first.content


def test_places_one_order_however_many_requests_come_at_once(exchange: Client, background: ThreadPoolExecutor) -> None:
    replies = list(background.map(exchange.place, ["a"] * 40))

    assert sorted(reply.status for reply in replies) == [200] * 39 + [201]
    assert len({reply.content["exchange_order_id"] for reply in replies}) == 1
    listing = exchange.listing()
    assert (listing["count"], listing["alive"], listing["orders"][0]["place_requests"]) == (1, 1, 40)


def test_a_refusal_is_remembered(exchange: Client) -> None:
    exchange.control(refuse=["US19260Q1076"])
    refused = exchange.place("a")
    exchange.control()
    again = exchange.place("a")

    assert (refused.status, refused.content) == (422, {"code": "refused", "reason": "instrument is not traded here"})
    assert (again.status, again.content) == (refused.status, refused.content)
    state = {"client_order_id": "a", "status": "rejected", "reason": "instrument is not traded here", "order_seq": 1}
    assert exchange.find("a").content == UNKNOWN | LIMIT_ORDER | state
    assert exchange.place("a", MARKET_ORDER).status == 409
    assert exchange.place("b").status == 201


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        {},
        MARKET_ORDER | {"type": "stop"},
        MARKET_ORDER | {"side": "BUY"},
        MARKET_ORDER | {"instrument": ""},
        MARKET_ORDER | {"instrument": 7},
        MARKET_ORDER | {"quantity": 0},
        MARKET_ORDER | {"quantity": 1.5},
        MARKET_ORDER | {"quantity": True},
        MARKET_ORDER | {"quantity": "1"},
        MARKET_ORDER | {"limit_price": 1},
        MARKET_ORDER | {"colour": "red"},
        LIMIT_ORDER | {"limit_price": None},
        LIMIT_ORDER | {"limit_price": 0},
        LIMIT_ORDER | {"limit_price": "1"},
        LIMIT_ORDER | {"limit_price": True},
        LIMIT_ORDER | {"limit_price": float("nan")},
        LIMIT_ORDER | {"limit_price": float("inf")},
        LIMIT_ORDER | {"limit_price": 0.1 + 0.2},
    ],
)
def test_malformed_content_is_answered_400_and_changes_nothing(exchange: Client, content: Any) -> None:
    reply = exchange.place("a", content)

    assert (reply.status, reply.content["code"]) == (400, "malformed")
    assert reply.content["reason"]
    assert exchange.find("a").status == 404


def test_an_id_has_at_most_64_characters(exchange: Client, journal: Path) -> None:
    assert exchange.place("x" * 64).status == 201
    for reply in (exchange.place("x" * 65), exchange.cancel("x" * 65)):
        assert (reply.status, reply.content["code"]) == (400, "malformed")
    assert exchange.listing()["count"] == 1
    assert "x" * 65 not in journal.read_text()


# Canceling


def test_cancels_a_working_order_once_and_for_all(exchange: Client) -> None:
    placed = exchange.place("a").content
    first, again = exchange.cancel("a"), exchange.cancel("a")

    assert (first.status, first.content) == (200, placed | CANCELED)
    assert (again.status, again.content) == (200, first.content)


def test_an_order_canceled_in_advance_never_comes_alive(exchange: Client) -> None:
    first, again = exchange.cancel("a"), exchange.cancel("a")
    late = exchange.place("a")

    canceled = UNKNOWN | {"client_order_id": "a", "status": "canceled"}
    assert (first.status, first.content) == (again.status, again.content) == (200, canceled)
    assert (late.status, late.content) == (200, canceled | LIMIT_ORDER)
    assert exchange.find("a").content == late.content
    assert exchange.place("a", MARKET_ORDER).status == 409
    assert exchange.listing()["alive"] == 0


def test_a_refused_order_stays_rejected_when_it_is_canceled(exchange: Client) -> None:
    exchange.control(refuse=["US19260Q1076"])
    exchange.place("a")
    reply = exchange.cancel("a")

    assert (reply.status, reply.content["status"]) == (200, "rejected")


def test_a_filled_order_stays_filled_when_it_is_canceled(journal: Path) -> None:
    with exchange_on(journal) as exchange:
        exchange.place("a")
    journal.write_text(journal.read_text().replace('"working"', '"filled"'))

    with exchange_on(journal) as exchange:
        reply = exchange.cancel("a")
        assert (reply.status, reply.content["status"]) == (200, "filled")
        assert exchange.listing()["alive"] == 0


# Looking


def test_an_unknown_order_is_answered_404(exchange: Client) -> None:
    reply = exchange.find("a")

    assert (reply.status, reply.content["code"]) == (404, "unknown_order")


def test_lists_orders_in_order_of_acceptance(exchange: Client) -> None:
    for order_id in ("b", "a", "c"):
        exchange.place(order_id)
    exchange.place("b")
    exchange.cancel("a")
    listing = exchange.listing()

    expected = [("b", "working", 2), ("a", "canceled", 1), ("c", "working", 1)]
    summary = [(order["client_order_id"], order["status"], order["place_requests"]) for order in listing["orders"]]
    assert summary == expected
    assert (listing["count"], listing["alive"]) == (3, 2)
    first = exchange.find("b").content
    assert listing["orders"][0] == first | {"place_requests": 2}


def test_there_is_no_way_to_reset_the_orders(exchange: Client) -> None:
    exchange.place("a")
    url = f"http://127.0.0.1:{exchange.port}/orders/reset"

    assert urllib3.request("POST", url, retries=False).status == 405
    assert exchange.listing()["count"] == 1


# Control

DEFAULTS = {
    "mode": "normal",
    "probability": 1.0,
    "delay": 5.0,
    "count": None,
    "refuse": [],
    "operations": ["place", "cancel", "find"],
}


def test_control_is_replaced_as_a_whole(exchange: Client) -> None:
    assert exchange.request("GET", "/control").content == DEFAULTS

    first = {"mode": "down", "probability": 0.5, "delay": 1.0, "count": 3, "refuse": ["X"], "operations": ["find"]}
    reply = exchange.control(**first)
    assert (reply.status, reply.content) == (200, first)

    exchange.control(mode="fail_after")
    assert exchange.request("GET", "/control").content == DEFAULTS | {"mode": "fail_after"}


@pytest.mark.parametrize(
    "control",
    [
        b"no json",
        [],
        {"mode": "broken"},
        {"probability": 1.1},
        {"probability": -0.1},
        {"probability": True},
        {"delay": -1},
        {"delay": float("inf")},
        {"count": 0},
        {"count": 1.5},
        {"refuse": "X"},
        {"operations": ["list"]},
        {"speed": 1},
    ],
)
def test_an_invalid_control_changes_nothing(exchange: Client, control: Any) -> None:
    exchange.control(refuse=["X"])
    reply = exchange.request("PUT", "/control", control)

    assert (reply.status, reply.content["code"]) == (422, "invalid_control")
    assert reply.content["reason"]
    assert exchange.request("GET", "/control").content == DEFAULTS | {"refuse": ["X"]}


def test_count_limits_the_fault_to_the_next_requests(exchange: Client) -> None:
    exchange.control(mode="down", count=2, refuse=["X"])

    assert [exchange.find("a").status for _ in range(4)] == [503, 503, 404, 404]
    assert exchange.request("GET", "/control").content == DEFAULTS | {"refuse": ["X"]}


def test_only_the_named_operations_are_affected(exchange: Client) -> None:
    exchange.control(mode="down", operations=["cancel"], count=1)

    assert exchange.place("a").status == 201
    assert exchange.find("a").status == 200
    assert exchange.cancel("a").status == 503
    assert exchange.cancel("a").status == 200


def test_runs_with_the_same_seed_repeat(tmp_path: Path) -> None:
    def statuses(seed: int) -> list[int]:
        with exchange_on(tmp_path / "journal", seed) as exchange:
            exchange.control(mode="down", probability=0.5)
            return [exchange.find("a").status for _ in range(40)]

    first = statuses(7)
    assert set(first) == {503, 404}
    assert statuses(7) == first
    assert statuses(8) != first


def test_probability_0_spares_every_request(exchange: Client) -> None:
    exchange.control(mode="down", probability=0)

    assert {exchange.find("a").status for _ in range(40)} == {404}


@pytest.mark.parametrize("mode", ["normal", "down", "fail_before", "fail_after", "slow_before", "slow_after"])
def test_health_and_the_listing_answer_in_every_mode(exchange: Client, mode: str) -> None:
    exchange.control(mode=mode, delay=60)
    reply = exchange.request("GET", "/health")

    assert (reply.status, reply.content) == (200, {"status": "ok"})
    assert exchange.listing() == {"orders": [], "count": 0, "alive": 0}


# Faults


def test_when_down_it_says_so_and_takes_nothing(exchange: Client) -> None:
    exchange.place("known")
    exchange.control(mode="down")

    for reply in (exchange.place("a"), exchange.cancel("known"), exchange.find("known")):
        assert (reply.status, reply.content["code"]) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    exchange.control()
    assert exchange.find("a").status == 404
    assert exchange.find("known").content["status"] == "working"


def test_fail_before_has_done_nothing(exchange: Client) -> None:
    exchange.place("known")
    exchange.control(mode="fail_before")

    assert [exchange.place("a").status, exchange.cancel("known").status, exchange.find("known").status] == [500] * 3
    exchange.control()
    assert exchange.find("a").status == 404
    assert exchange.find("known").content["status"] == "working"


def test_fail_after_has_done_it_and_breaks_the_connection(exchange: Client) -> None:
    exchange.control(mode="fail_after", count=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        exchange.place("a")

    listing = exchange.listing()
    assert (listing["count"], listing["alive"], listing["orders"][0]["place_requests"]) == (1, 1, 1)
    assert exchange.place("a").status == 200

    exchange.control(mode="fail_after", count=2)
    for request in (exchange.cancel, exchange.find):
        with pytest.raises(urllib3.exceptions.ProtocolError):
            request("a")
    assert exchange.find("a").content["status"] == "canceled"


@pytest.mark.parametrize("mode", ["down", "fail_before"])
def test_requests_made_to_fail_are_counted(exchange: Client, mode: str) -> None:
    exchange.control(mode=mode, count=2)

    assert [exchange.place("a").status >= 500 for _ in range(3)] == [True, True, False]
    assert exchange.listing()["orders"][0]["place_requests"] == 3


def begin(exchange: Client, background: ThreadPoolExecutor, request: Callable[..., Reply]) -> Future[Reply]:
    """Start the one request that the control affects, and return once the exchange has it."""
    reply = background.submit(request, "a")
    eventually(exchange.has_begun_faulty_request)
    return reply


@pytest.mark.parametrize("mode", ["slow_before", "slow_after"])
def test_a_slow_answer_takes_the_delay(exchange: Client, mode: str) -> None:
    exchange.control(mode=mode, delay=1, count=1)
    started = time.monotonic()

    assert exchange.place("a").status == 201
    assert time.monotonic() - started >= 1


class Delays:
    """Delays that last until they are ended, for however long they were asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        while not self._over.is_set():
            await asyncio.sleep(0.01)

    def end(self) -> None:
        self._over.set()


@pytest.fixture
def delays(exchange: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Delays]:
    held = Delays()
    monkeypatch.setattr(exchange_faults, "asyncio", held)
    yield held
    held.end()


def test_slow_before_acts_after_the_delay(exchange: Client, background: ThreadPoolExecutor, delays: Delays) -> None:
    exchange.control(mode="slow_before", delay=7, count=1)
    reply = background.submit(exchange.place, "a")

    assert eventually(lambda: delays.asked) == [7]
    assert exchange.listing()["count"] == 0
    delays.end()
    assert reply.result().status == 201
    assert exchange.listing()["alive"] == 1


def test_slow_after_acts_at_once_and_answers_after_the_delay(
    exchange: Client, background: ThreadPoolExecutor, delays: Delays
) -> None:
    exchange.control(mode="slow_after", delay=7, count=1)
    reply = background.submit(exchange.place, "a")

    assert eventually(lambda: delays.asked) == [7]
    assert exchange.listing()["alive"] == 1
    assert not reply.done()
    delays.end()
    assert reply.result().status == 201


def test_a_cancel_overtakes_a_slow_order(exchange: Client, background: ThreadPoolExecutor, delays: Delays) -> None:
    exchange.control(mode="slow_before", count=1)
    placing = background.submit(exchange.place, "a")

    assert eventually(lambda: delays.asked)
    assert exchange.cancel("a").content["status"] == "canceled"
    delays.end()
    assert (placing.result().status, placing.result().content["status"]) == (200, "canceled")
    assert exchange.listing()["alive"] == 0


def test_slow_before_still_accepts_when_the_client_gives_up(exchange: Client, delays: Delays) -> None:
    exchange.control(mode="slow_before", count=1)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        exchange.place("a", timeout=0.4)

    assert eventually(lambda: delays.asked)
    assert exchange.listing()["count"] == 0
    delays.end()
    assert eventually(lambda: exchange.listing()["alive"]) == 1


# Journal


def test_a_restart_keeps_orders_but_not_control(journal: Path) -> None:
    with exchange_on(journal) as exchange:
        exchange.control(refuse=["X"])
        exchange.place("b")
        exchange.place("b")
        exchange.place("a", MARKET_ORDER)
        exchange.place("refused", MARKET_ORDER | {"instrument": "X"})
        exchange.cancel("a")
        exchange.cancel("early")
        before = exchange.listing()
    with exchange_on(journal) as exchange:
        assert exchange.listing() == before
        assert exchange.request("GET", "/control").content == DEFAULTS
        assert exchange.place("b").status == 200
        assert exchange.place("refused", MARKET_ORDER | {"instrument": "X"}).status == 422
        assert exchange.place("early").content["status"] == "canceled"
        assert exchange.place("new").content["exchange_order_id"] == "X00000003"


def test_the_journal_has_one_line_per_change(exchange: Client, journal: Path) -> None:
    def changes() -> list[str]:
        session, *changes = [json.loads(line)["change"] for line in journal.read_text().splitlines()]
        assert session == "session_opened"
        return changes

    exchange.place("a")
    exchange.place("a")
    exchange.cancel("a")
    exchange.cancel("a")
    exchange.find("a")

    assert changes() == ["place_requested", "order_changed", "place_requested", "order_changed"]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_torn_last_line_is_ignored(journal: Path, kept: int) -> None:
    with exchange_on(journal) as exchange:
        exchange.place("a")
        whole = journal.read_bytes()
        exchange.cancel("a")
        last_line = journal.read_bytes()[len(whole) :]
    journal.write_bytes(whole + last_line[:kept])

    with exchange_on(journal) as exchange:
        assert exchange.find("a").content["status"] == "working"
        exchange.place("b")
    with exchange_on(journal) as exchange:
        assert exchange.listing()["alive"] == 2


def test_refuses_to_start_when_another_line_is_broken(journal: Path) -> None:
    with exchange_on(journal) as exchange:
        exchange.place("a")
    journal.write_bytes(b'{"change": "ord\n' + journal.read_bytes())

    with pytest.raises(CorruptJournalError, match="line 1"):
        build_app(journal, seed=0)


# The process


def test_what_it_has_answered_survives_a_kill(tmp_path: Path) -> None:
    with exchange_process(tmp_path) as (process, exchange):
        placed = exchange.place("a").content
        process.kill()
        process.wait()
    with exchange_process(tmp_path) as (_, exchange):
        assert exchange.find("a").content == placed


@pytest.mark.parametrize(("mode", "orders"), [("slow_before", 0), ("slow_after", 1)])
def test_sigterm_stops_it_within_2_seconds_despite_slow_requests(
    tmp_path: Path, background: ThreadPoolExecutor, mode: str, orders: int
) -> None:
    with exchange_process(tmp_path) as (process, exchange):
        exchange.control(mode=mode, delay=60, count=1)
        slow = begin(exchange, background, exchange.place)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=2) == 0
        with pytest.raises(urllib3.exceptions.ProtocolError):
            slow.result()
    assert "Traceback" not in (tmp_path / "log").read_text()
    with exchange_process(tmp_path) as (_, exchange):
        assert exchange.listing()["count"] == orders


def test_a_client_that_gives_up_has_its_order_accepted_by_the_process_too(tmp_path: Path) -> None:
    with exchange_process(tmp_path) as (_, exchange):
        exchange.control(mode="slow_before", delay=1, count=1)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            exchange.place("a", timeout=0.4)
        assert eventually(lambda: exchange.listing()["alive"]) == 1


def test_listens_on_127_0_0_1_only(tmp_path: Path) -> None:
    with exchange_process(tmp_path) as (_, exchange), socket.socket() as other:
        assert exchange.request("GET", "/health").status == 200
        # Bound to all addresses, it would answer here as well.
        assert other.connect_ex(("127.0.0.2", exchange.port)) != 0


def test_logs_one_line_per_order_request(tmp_path: Path) -> None:
    with exchange_process(tmp_path) as (_, exchange):
        exchange.place("a")
        exchange.request("GET", "/health")
        exchange.listing()
        exchange.control(mode="fail_after", count=1)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            exchange.cancel("a")
        exchange.control(mode="down", count=1)
        exchange.find("a%0Ab")
    lines = (tmp_path / "log").read_text().splitlines()[1:]

    assert [re.sub(r"^.* exchange (.*) ms=\d+\.\d$", r"\1", line) for line in lines] == [
        "PUT id='a' mode=normal status=201",
        "DELETE id='a' mode=fail_after status=cut",
        r"GET id='a\nb' mode=down status=503",
    ]
