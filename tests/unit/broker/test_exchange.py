"""What an exchange answers, or fails to answer, becomes the right one of six answers."""

import inspect
import json
import os
import random
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import urllib3

from chalicelib.broker.exchange import Exchange, GivenExchange, HttpExchange, VenueAnswer, exchange_from
from chalicelib.broker.execution import ExecutionReport
from chalicelib.broker.placement import Answer
from chalicelib.broker.stock_exchange import OrderPlacementError, place_order
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.settings import SettingsError, read_settings
from tests.unit.broker.orders import new_order
from tests.unit.broker.venue_server import Reply, VenueServer, answers, hangs, resets, running_venue, stops_half_way
from tests.unit.core.environment import ENVIRONMENT

EXCHANGE_SERVER = Path(__file__).parents[3] / "localstack" / "exchange_server.py"
ORDER = new_order(order_id="7b7a8f8e-0000-4000-8000-000000000000")
MARKET_ORDER = replace(ORDER, type="market", side="sell", limit_price=None)


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with running_venue() as server:
        yield server


@pytest.fixture
def exchange(venue: VenueServer) -> HttpExchange:
    return HttpExchange(venue.url + "/", timeout=2)


class TestGivenFunction:
    @pytest.mark.parametrize("order", [None, "", {}, 0])
    def test_no_order_is_a_value_error(self, order: object) -> None:
        with pytest.raises(ValueError, match=r"^Required order parameter not provided$"):
            place_order(order)

    def test_failure_has_the_given_text(self) -> None:
        with pytest.raises(OrderPlacementError) as raised:
            place_order(ORDER, failure_rate=1)
        assert str(raised.value) == "Failed to place order at stock exchange. Connection not available"

    def test_it_can_be_called_with_an_order_alone(self) -> None:
        order, failure_rate, latency = inspect.signature(place_order).parameters.values()
        assert order.name == "order"
        assert (failure_rate.default, latency.default) == (0.1, 0.5)

    def test_it_fails_at_a_random_number_of_0_9_or_more(self) -> None:
        random.seed(20)
        drawn = [random.random() for _ in range(200)]
        random.seed(20)
        failed = []
        for _ in drawn:
            try:
                place_order(ORDER, latency=0)
                failed.append(False)
            except OrderPlacementError:
                failed.append(True)
        assert failed == [number >= 0.9 for number in drawn]
        assert any(failed)


class TestGivenExchange:
    def test_placed_order_works(self) -> None:
        assert GivenExchange(failure_rate=0, latency=0).place(ORDER) == VenueAnswer(Answer.WORKING)

    def test_failed_connection_took_nothing(self) -> None:
        answer = GivenExchange(failure_rate=1, latency=0).place(ORDER)
        reason = "Failed to place order at stock exchange. Connection not available"
        assert answer == VenueAnswer(Answer.UNAVAILABLE, reason)

    def test_it_can_neither_cancel_nor_be_asked(self) -> None:
        exchange = GivenExchange(failure_rate=0, latency=0)
        assert not exchange.can_cancel
        assert not exchange.can_find
        assert exchange.cancel(ORDER).answer is Answer.WORKING
        assert exchange.find(ORDER) is None


class TestHttpRequests:
    def test_order_is_put_under_its_id(self, venue: VenueServer, exchange: HttpExchange) -> None:
        exchange.place(ORDER)
        terms = {"type": "limit", "side": "buy", "instrument": "DE0007664039", "quantity": 3, "limit_price": 10.25}
        assert venue.requests == [("PUT", f"/orders/{ORDER.order_id}", terms)]

    def test_market_order_has_no_price(self, venue: VenueServer, exchange: HttpExchange) -> None:
        exchange.place(MARKET_ORDER)
        assert venue.requests[0][2]["limit_price"] is None

    @pytest.mark.parametrize("price", ["0.01", "1000000000000.00", "999999999999.99", "0.10"])
    def test_price_arrives_exactly(self, venue: VenueServer, exchange: HttpExchange, price: str) -> None:
        exchange.place(replace(ORDER, limit_price=Decimal(price)))
        assert Decimal(str(venue.requests[0][2]["limit_price"])) == Decimal(price)

    def test_cancel_deletes_and_find_gets_the_same_id(self, venue: VenueServer, exchange: HttpExchange) -> None:
        exchange.cancel(ORDER)
        exchange.find(ORDER)
        path = f"/orders/{ORDER.order_id}"
        assert venue.requests == [("DELETE", path, None), ("GET", path, None)]

    def test_request_is_sent_once_whatever_comes_of_it(self, venue: VenueServer, exchange: HttpExchange) -> None:
        for reply in (answers(503), answers(500), resets):
            venue.reply = reply
            exchange.place(ORDER)
        assert len(venue.requests) == 3


ANSWERS = [
    (answers(200, {"status": "working"}), Answer.WORKING, None),
    (answers(201, {"status": "working"}), Answer.WORKING, None),
    (answers(200, {"status": "canceled"}), Answer.CANCELED, None),
    (answers(200, {"status": "filled"}), Answer.FILLED, None),
    (answers(200, {"status": "expired"}), Answer.EXPIRED, None),
    (answers(200, {"status": "rejected", "reason": "not traded"}), Answer.REJECTED, "not traded"),
    (answers(422, {"code": "refused", "reason": "not traded"}), Answer.REJECTED, "not traded"),
    (answers(422, {"code": "refused"}), Answer.REJECTED, "refused"),
    (answers(422, b""), Answer.REJECTED, "HTTP 422"),
    (answers(503, {"code": "unavailable"}), Answer.UNAVAILABLE, "unavailable"),
    (answers(503, b"<html>"), Answer.UNAVAILABLE, "HTTP 503"),
    (answers(429, {}), Answer.UNAVAILABLE, "HTTP 429"),
    (answers(500, {"code": "internal_error"}), Answer.UNKNOWN, "internal_error"),
    (answers(502, b""), Answer.UNKNOWN, "HTTP 502"),
    (answers(504, b""), Answer.UNKNOWN, "HTTP 504"),
    (answers(409, {"code": "conflicting_order"}), Answer.UNKNOWN, "conflicting_order"),
    (answers(400, {"code": "malformed"}), Answer.UNKNOWN, "malformed"),
    (answers(404, {"code": "unknown_order"}), Answer.UNKNOWN, "unknown_order"),
    (answers(302, b""), Answer.UNKNOWN, "HTTP 302"),
    (answers(200, {"status": "resting"}), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, {}), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, {"status": ["working"]}), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, {"status": {"a": 1}}), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, [1]), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, b"working"), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, b"\xff\xfe\x00"), Answer.UNKNOWN, "HTTP 200"),
    (answers(200, b"[" * 100_000), Answer.UNKNOWN, "HTTP 200"),
    (resets, Answer.UNKNOWN, "ProtocolError"),
    (stops_half_way, Answer.UNKNOWN, None),
]


class TestHttpAnswers:
    @pytest.mark.parametrize(("reply", "answer", "reason"), ANSWERS)
    def test_reply_becomes_an_answer(
        self, venue: VenueServer, exchange: HttpExchange, reply: Reply, answer: Answer, reason: str | None
    ) -> None:
        venue.reply = reply
        for call in (exchange.place, exchange.cancel):
            got = call(ORDER)
            assert got.answer is answer
            assert reason in (None, got.reason)

    def test_working_order_has_no_reason_to_reject(self, exchange: HttpExchange) -> None:
        assert exchange.place(ORDER) == VenueAnswer(Answer.WORKING)

    @pytest.mark.parametrize(
        ("code", "status", "cum_qty", "reported"),
        [
            (201, "working", 0, OrderStatus.NEW),
            (200, "working", 1, OrderStatus.PARTIALLY_FILLED),
            (200, "filled", 3, OrderStatus.FILLED),
            (200, "canceled", 1, OrderStatus.CANCELED),
            (200, "expired", 0, OrderStatus.EXPIRED),
            (200, "rejected", 0, OrderStatus.REJECTED),
            (422, "rejected", 0, OrderStatus.REJECTED),
        ],
    )
    def test_standing_comes_with_the_answer(
        self, venue: VenueServer, exchange: HttpExchange, code: int, status: str, cum_qty: int, reported: OrderStatus
    ) -> None:
        price = 10.2 if cum_qty else None
        venue.reply = answers(code, {"status": status, "order_seq": 4, "cum_qty": cum_qty, "avg_px": price})
        for call in (exchange.place, exchange.cancel, exchange.find):
            answer = call(ORDER)
            assert answer is not None
            assert answer.standing == ExecutionReport(
                ORDER.order_id, 4, reported, cum_qty, None if price is None else Decimal("10.2"), snapshot=True
            )

    @pytest.mark.parametrize("content", [{}, {"order_seq": 0, "cum_qty": 0}, {"order_seq": "4"}, {"order_seq": 2}])
    def test_exchange_that_does_not_report_tells_no_standing(
        self, venue: VenueServer, exchange: HttpExchange, content: dict[str, object]
    ) -> None:
        venue.reply = answers(200, {"status": "working", **content})
        assert exchange.place(ORDER) == VenueAnswer(Answer.WORKING)

    def test_silence_is_unknown(self, venue: VenueServer) -> None:
        venue.reply = hangs
        assert HttpExchange(venue.url, timeout=0.1).place(ORDER) == VenueAnswer(Answer.UNKNOWN, "ReadTimeoutError")

    def test_refused_connection_took_nothing(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # Bound and not listening: refused.
            answer = HttpExchange(f"http://127.0.0.1:{taken.getsockname()[1]}", timeout=1).place(ORDER)
        assert answer == VenueAnswer(Answer.UNAVAILABLE, "NewConnectionError")

    def test_unknown_host_took_nothing(self) -> None:
        answer = HttpExchange("http://exchange.invalid", timeout=1).place(ORDER)
        assert answer.answer is Answer.UNAVAILABLE

    def test_connection_that_the_exchange_closed_meanwhile_is_unknown_or_opened_anew(self, venue: VenueServer) -> None:
        exchange = HttpExchange(venue.url, timeout=1)
        venue.reply = resets
        exchange.place(ORDER)
        venue.reply = answers(201, {"status": "working"})
        assert exchange.place(ORDER).answer is Answer.WORKING


class TestFind:
    def test_known_order_is_found(self, exchange: HttpExchange) -> None:
        assert exchange.find(ORDER) == VenueAnswer(Answer.WORKING)

    def test_unknown_order_is_none(self, venue: VenueServer, exchange: HttpExchange) -> None:
        venue.reply = answers(404, {"code": "unknown_order"})
        assert exchange.find(ORDER) is None

    @pytest.mark.parametrize(
        ("reply", "answer"),
        [(answers(503), Answer.UNAVAILABLE), (answers(500), Answer.UNKNOWN), (resets, Answer.UNKNOWN)],
    )
    def test_exchange_that_cannot_tell_is_no_proof_that_it_knows_nothing(
        self, venue: VenueServer, exchange: HttpExchange, reply: Reply, answer: Answer
    ) -> None:
        venue.reply = reply
        found = exchange.find(ORDER)
        assert found is not None
        assert found.answer is answer


class TestChoice:
    def test_settings_name_the_exchange(self) -> None:
        assert isinstance(exchange_from(read_settings(ENVIRONMENT)), HttpExchange)
        assert isinstance(exchange_from(read_settings({**ENVIRONMENT, "EXCHANGE": "given"})), GivenExchange)

    def test_other_exchange_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="nasdaq"):
            exchange_from(read_settings({**ENVIRONMENT, "EXCHANGE": "nasdaq"}))


@pytest.fixture
def local_exchange(tmp_path: Path) -> Iterator[str]:
    """The exchange of the local cloud, in a process of its own."""
    command = [sys.executable, str(EXCHANGE_SERVER), "--port", "0", "--journal", str(tmp_path / "journal")]
    command += ["--trading", "closed"]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stderr is not None
        try:
            ready, _, _ = select.select([process.stderr], [], [], 30)
            assert ready, "the exchange did not start"
            yield f"http://127.0.0.1:{process.stderr.readline().strip().rpartition(':')[2]}"
        finally:
            process.terminate()


def test_local_exchange_understands_every_call(local_exchange: str) -> None:
    exchange: Exchange = HttpExchange(local_exchange, timeout=5)
    assert exchange.find(ORDER) is None
    assert exchange.place(ORDER).answer is Answer.WORKING
    assert exchange.place(ORDER).answer is Answer.WORKING
    known = exchange.find(ORDER)
    assert known is not None
    assert known.answer is Answer.WORKING
    assert known.standing is not None
    assert (known.standing.order_seq, known.standing.status, known.standing.cum_qty) == (1, OrderStatus.NEW, 0)
    assert exchange.cancel(ORDER).answer is Answer.CANCELED
    assert exchange.place(ORDER).answer is Answer.CANCELED
    other = replace(MARKET_ORDER, order_id=new_order().order_id)
    assert exchange.cancel(other).answer is Answer.CANCELED
    assert exchange.place(other).answer is Answer.CANCELED
    control = json.dumps({"mode": "fail_after", "count": 1})
    urllib3.request("PUT", f"{local_exchange}/control", body=control)
    third = new_order()
    assert exchange.place(third).answer is Answer.UNKNOWN
    found = exchange.find(third)
    assert found is not None
    assert found.answer is Answer.WORKING
    urllib3.request("PUT", f"{local_exchange}/control", body=json.dumps({"refuse": ["DE0007664039"]}))
    assert exchange.place(new_order()).answer is Answer.REJECTED
