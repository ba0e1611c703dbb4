"""GET /orders and below, and canceling."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.broker.models import accepted_answer
from chalicelib.broker.order import OrderId
from chalicelib.broker.placement import Answer, Outcome, Policy, Purpose, claim, defer, record_outcome
from chalicelib.broker.service import MAX_LOOKED_AT
from chalicelib.broker.wiring import broker
from chalicelib.core.lifecycle import FINAL, OrderStatus
from chalicelib.core.pagination import encode_cursor
from tests.functional.conftest import LIMIT_ORDER, Orders, problem_of
from tests.functional.gateway import REQUEST_ID, UNKNOWN_IDS, Gateway
from tests.unit.broker.orders import new_order, new_signal_order

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_attempt(orders: Orders, order_id: str, answer: Answer, reason: str | None = None) -> None:
    """Take a stored order to an exchange that answers so: claimed after 1 s, answered after 2 s."""
    claimed = broker().store.save(claim(orders.get(order_id), "token", at(1), POLICY))
    outcome = Outcome(Purpose.PLACE, answer, 502, reason)
    broker().store.save(record_outcome(claimed, "token", outcome, at(2), last_chance=False, jitter=1))


def walk(gateway: Gateway, query: str) -> list[list[str]]:
    """Return the ids of every page."""
    pages, cursor = [], ""
    while True:
        content = gateway.get(f"/orders?{query}{cursor}").content
        pages.append([order["id"] for order in content["orders"]])
        if content["next_cursor"] is None:
            return pages
        cursor = f"&cursor={content['next_cursor']}"


class TestOneOrder:
    def test_new_order_waits_in_all_its_quantity(self, gateway: Gateway) -> None:
        accepted = gateway.post("/orders", LIMIT_ORDER).content
        answer = gateway.get(f"/orders/{accepted['id']}")
        assert (answer.status, answer.content) == (200, {**accepted, "cum_qty": 0, "leaves_qty": 3})
        assert answer.headers["Cache-Control"] == "no-store"

    def test_placed_order_tells_since_when(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.WORKING)
        content = gateway.get(f"/orders/{order.order_id}").content
        assert (content["status"], content["placed_at"]) == ("NEW", "2026-03-02T09:30:02.000000Z")

    def test_refused_order_tells_why(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.REJECTED, "not traded here")
        content = gateway.get(f"/orders/{order.order_id}").content
        assert (content["status"], content["reject_reason"]) == ("REJECTED", "not traded here")
        assert content["leaves_qty"] == 0

    def test_filled_order_tells_quantity_and_price(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START, status=OrderStatus.FILLED, cum_qty=3, avg_px=Decimal("10.20"), placed_at=at(1))
        orders.put(order)
        content = gateway.get(f"/orders/{order.order_id}").content
        assert (content["cum_qty"], content["leaves_qty"], content["avg_px"]) == (3, 0, 10.2)

    def test_order_of_a_signal_tells_whose_it_is(self, gateway: Gateway, orders: Orders) -> None:
        order = new_signal_order(START)
        orders.put(order)
        content = gateway.get(f"/orders/{order.order_id}").content
        assert content == {
            **accepted_answer(order),
            "cum_qty": 0,
            "leaves_qty": 1,
            "user": order.user,
            "strategy": order.strategy,
            "signal_id": order.signal_id,
        }
        assert gateway.get("/orders").content["orders"] == [content]

    @pytest.mark.parametrize("order_id", UNKNOWN_IDS)
    @pytest.mark.parametrize(("method", "below"), [("GET", ""), ("GET", "/timeline"), ("POST", "/cancel")])
    def test_unknown_order_is_not_found(self, gateway: Gateway, order_id: str, method: str, below: str) -> None:
        answer = gateway.send(method, f"/orders/{order_id}{below}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_order")
        assert answer.headers["X-Request-Id"] == REQUEST_ID
        assert len(answer.text) < 500


class TestList:
    def test_list_of_nothing_is_empty(self, gateway: Gateway) -> None:
        assert gateway.get("/orders").content == {"orders": [], "next_cursor": None}

    def test_newest_order_comes_first_in_full(self, gateway: Gateway) -> None:
        ids = [gateway.post("/orders", LIMIT_ORDER).content["id"] for _ in range(3)]
        content = gateway.get("/orders").content
        assert [order["id"] for order in content["orders"]] == ids[::-1]
        assert content["orders"][0] == gateway.get(f"/orders/{ids[-1]}").content

    @pytest.mark.parametrize("limit", [1, 2, 7, 22, 23, 100])
    def test_pages_meet_without_gap_or_repetition(self, gateway: Gateway, orders: Orders, limit: int) -> None:
        # Some share a microsecond.
        made = [new_order(at(number // 3)) for number in range(23)]
        orders.put(*made)
        pages = walk(gateway, f"limit={limit}")
        newest_first = sorted(made, key=lambda order: (order.created_at, order.order_id), reverse=True)
        assert [order_id for page in pages for order_id in page] == [order.order_id for order in newest_first]
        assert max(len(page) for page in pages) == min(limit, 23)

    def test_order_that_comes_while_paging_shifts_nothing(self, gateway: Gateway, orders: Orders) -> None:
        made = [new_order(at(number)) for number in range(4)]
        orders.put(*made)
        first = gateway.get("/orders?limit=2").content
        orders.put(new_order(at(60)))
        second = gateway.get(f"/orders?limit=2&cursor={first['next_cursor']}").content
        ids = [order["id"] for page in (first, second) for order in page["orders"]]
        assert ids == [order.order_id for order in made[::-1]]

    def test_default_page_has_50_orders(self, gateway: Gateway, orders: Orders) -> None:
        orders.put(*(new_order(at(number)) for number in range(51)))
        assert [len(page) for page in walk(gateway, "")] == [50, 1]

    def test_filter_finds_every_order_of_the_status(self, gateway: Gateway, orders: Orders) -> None:
        made = [new_order(at(n), status=list(OrderStatus)[n % 8], placed_at=at(n)) for n in range(32)]
        orders.put(*made)
        wanted = [order.order_id for order in made[::-1] if order.status is OrderStatus.REJECTED]
        pages = walk(gateway, "status=REJECTED&limit=3")
        assert [order_id for page in pages for order_id in page] == wanted

    @pytest.mark.no_cover
    def test_page_of_a_filter_looks_at_a_limited_number_of_orders(self, gateway: Gateway, orders: Orders) -> None:
        oldest = new_order(at(-1), status=OrderStatus.REJECTED)
        orders.put(oldest, *(new_order(at(number)) for number in range(MAX_LOOKED_AT)))
        pages = walk(gateway, "status=REJECTED&limit=100")
        assert pages == [[], [oldest.order_id]]


class TestBrokenQueries:
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 1_000])
    def test_limit_out_of_range_is_refused(self, gateway: Gateway, limit: str) -> None:
        answer = gateway.get(f"/orders?limit={limit}")
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "limit"), "limit")})

    @pytest.mark.parametrize("status", ["open", "new", "", "NEW,FILLED", "x" * 1_000])
    def test_unknown_status_is_refused(self, gateway: Gateway, status: str) -> None:
        answer = gateway.get(f"/orders?status={status}")
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "status"), "enum")})

    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "%%%",
            "AAAA",
            "A" * 5_000,
            encode_cursor("orders:", ("yesterday", UNKNOWN_IDS[0])),
            encode_cursor("orders:", ("2026-03-02T09:30:00", UNKNOWN_IDS[0])),
            encode_cursor("orders:", ("0001-01-01T00:00:00+14:00", UNKNOWN_IDS[0])),
            encode_cursor("orders:", ("2026-03-02", UNKNOWN_IDS[0])),
            encode_cursor("orders:", ("2026-03-02T09:30:00.000000Z",)),
            encode_cursor("orders:NEW", ("2026-03-02T09:30:00.000000Z", UNKNOWN_IDS[0])),
            encode_cursor("trades:", ("2026-03-02T09:30:00.000000Z", UNKNOWN_IDS[0])),
        ],
        ids=str.__len__,
    )
    def test_cursor_that_is_broken_or_of_another_list_is_refused(
        self, gateway: Gateway, orders: Orders, cursor: str
    ) -> None:
        orders.put(*(new_order(at(number)) for number in range(3)))
        answer = gateway.get(f"/orders?cursor={cursor}")
        assert (answer.status, answer.content["code"]) == (400, "invalid_cursor")

    def test_parameters_that_are_not_known_are_ignored(self, gateway: Gateway) -> None:
        assert gateway.get("/orders?colour=red&limit=5").status == 200


class TestTimeline:
    def test_timeline_tells_every_attempt(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.UNAVAILABLE)
        an_attempt(orders, order.order_id, Answer.WORKING)
        assert gateway.get(f"/orders/{order.order_id}/timeline").content == {
            "id": order.order_id,
            "status": "NEW",
            "attempts": 2,
            "count": 3,
            "entries": [
                {"at": "2026-03-02T09:30:00.000000Z", "cause": "accepted", "status": "PENDING_NEW"},
                {
                    "at": "2026-03-02T09:30:02.000000Z",
                    "cause": "unavailable",
                    "status": "PENDING_NEW",
                    "attempt": 1,
                    "latency_ms": 502,
                },
                {
                    "at": "2026-03-02T09:30:02.000000Z",
                    "cause": "placed",
                    "status": "NEW",
                    "attempt": 2,
                    "latency_ms": 502,
                },
            ],
        }

    def test_waiting_order_tells_when_it_is_attempted_next(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.UNKNOWN)
        content = gateway.get(f"/orders/{order.order_id}/timeline").content
        assert content["next_attempt_at"] == "2026-03-02T09:30:04.000000Z"

    def test_order_that_comes_after_another_tells_that_it_waits(self, gateway: Gateway, orders: Orders) -> None:
        order = defer(new_signal_order(START, after=OrderId(UNKNOWN_IDS[0])), at(3), at(2))
        orders.put(order)
        content = gateway.get(f"/orders/{order.order_id}/timeline").content
        assert (content["attempts"], content["next_attempt_at"]) == (0, "2026-03-02T09:30:03.000000Z")
        waits = {"at": "2026-03-02T09:30:02.000000Z", "cause": "deferred", "status": "PENDING_NEW"}
        assert content["entries"][1:] == [waits]


class TestCancel:
    @pytest.fixture
    def aws_parameters(self) -> dict[str, str]:
        return {"Exchange": "http", "ExchangeUrl": "http://127.0.0.1:1"}

    def test_order_that_was_never_sent_is_canceled_at_once(self, gateway: Gateway) -> None:
        order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]
        answer = gateway.post(f"/orders/{order_id}/cancel")
        assert (answer.status, answer.content["status"], answer.content["leaves_qty"]) == (200, "CANCELED", 0)
        assert gateway.get(f"/orders/{order_id}").content == answer.content

    def test_order_at_the_exchange_is_pending_until_the_exchange_decides(
        self, gateway: Gateway, orders: Orders
    ) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.WORKING)
        answer = gateway.post(f"/orders/{order.order_id}/cancel")
        assert (answer.status, answer.content["status"]) == (200, "PENDING_CANCEL")

    def test_second_cancel_gets_the_same_answer(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.WORKING)
        first = gateway.post(f"/orders/{order.order_id}/cancel")
        assert gateway.post(f"/orders/{order.order_id}/cancel").text == first.text

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_final_order_is_a_conflict(self, gateway: Gateway, orders: Orders, status: OrderStatus) -> None:
        order = new_order(START, status=status)
        orders.put(order)
        answer = gateway.post(f"/orders/{order.order_id}/cancel")
        assert (answer.status, answer.content["code"]) == (409, "order_final")
        assert answer.content["order_status"] == status
        assert orders.get(order.order_id) == order

    @pytest.mark.parametrize("answer", [None, Answer.UNAVAILABLE, Answer.WORKING])
    def test_order_of_a_signal_is_a_conflict(self, gateway: Gateway, orders: Orders, answer: Answer | None) -> None:
        order = new_signal_order(START)
        orders.put(order)
        if answer is not None:
            an_attempt(orders, order.order_id, answer)
        before = orders.get(order.order_id)
        refusal = gateway.post(f"/orders/{order.order_id}/cancel")
        assert (refusal.status, refusal.content["code"]) == (409, "signal_order")
        assert "closed by a SELL signal, not by canceling" in refusal.content["detail"]
        assert orders.get(order.order_id) == before

    def test_final_order_of_a_signal_is_final(self, gateway: Gateway, orders: Orders) -> None:
        order = new_signal_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.FILLED)
        answer = gateway.post(f"/orders/{order.order_id}/cancel")
        assert (answer.status, answer.content["code"]) == (409, "order_final")

    @pytest.mark.parametrize("body", [None, b"", b"no json", {"reason": "changed my mind"}])
    def test_body_is_not_needed(self, gateway: Gateway, body: Any) -> None:
        order_id = gateway.post("/orders", LIMIT_ORDER).content["id"]
        assert gateway.send("POST", f"/orders/{order_id}/cancel", body, {"content-type": "text/plain"}).status == 200


class TestCancelAtTheGivenExchange:
    @pytest.fixture
    def aws_parameters(self) -> dict[str, str]:
        return {"Exchange": "given"}

    def test_order_that_may_have_been_sent_is_a_conflict(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.WORKING)
        answer = gateway.post(f"/orders/{order.order_id}/cancel")
        assert (answer.status, answer.content["code"]) == (409, "cancel_unsupported")
        assert orders.get(order.order_id).status is OrderStatus.NEW

    def test_order_that_was_never_sent_is_canceled_at_once(self, gateway: Gateway, orders: Orders) -> None:
        order = new_order(START)
        orders.put(order)
        an_attempt(orders, order.order_id, Answer.UNAVAILABLE)
        assert gateway.post(f"/orders/{order.order_id}/cancel").content["status"] == "CANCELED"
