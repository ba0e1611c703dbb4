"""Orders of the art market: what an accepted one looks like, repeated requests, looking at one, canceling."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.clock import parse_timestamp, utc_now
from chalicelib.core.errors import KeyReusedError
from chalicelib.core.ids import is_id
from chalicelib.market.models import OrderRequest
from chalicelib.market.service import TRIES, submit_order
from chalicelib.market.wiring import market
from tests.client_faults import ClientFaults, Fault, connection_closed
from tests.functional.gateway import REQUEST_ID
from tests.functional.market import BUY, SELL, UNKNOWN, ArtMarket
from tests.unit.market.tables import refused

PUT, UPDATE = "dynamodb.PutItem", "dynamodb.UpdateItem"
UUID = "7b7a8f8e-0000-4000-8000-000000000000"
UNKNOWN_IDS = [
    UNKNOWN,
    UUID,
    "1",
    "7-",
    "-7",
    f"-{UUID}",
    f"-1-{UUID}",
    f"07-{UUID}",
    f"+7-{UUID}",
    f"7.0-{UUID}",
    f"7-{UUID.upper()}",
    f"7-{UUID}-7",
    f"7--{UUID[1:]}",
    f"7-{'x' * 36}",
    f"7-{'%00' * 36}",
    f"7-{quote('😀') * 36}",
    f"{quote('²')}-{UUID}",
    f"{'9' * 16}-{UUID}",
    f"{10**30}-{UUID}",
    "%00",
    quote("ü"),
    quote("' OR 1=1"),
    "x" * 10_000,
    f"7-{'x' * 10_000}",
    f"{'7' * 10_000}-{UUID}",
]


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


def short(text: str) -> str:
    return text[:40]


class TestAccepted:
    @pytest.mark.parametrize(("body", "price"), [(SELL, 10.25), (BUY, 10.5), ({**SELL, "price": 10}, 10)])
    def test_accepted_order_has_exactly_these_members(self, art: ArtMarket, body: Any, price: float) -> None:
        answer = art.post(body)
        order_id, created_at = answer.content["order_id"], answer.content["created_at"]
        assert answer.status == 201
        assert answer.content == {
            "order_id": order_id,
            "user_id": body["user_id"],
            "artwork_id": 7,
            "price": price,
            "direction": body["direction"],
            "is_canceled": False,
            "status": "open",
            "created_at": created_at,
        }
        assert parse_timestamp(created_at).tzinfo is not None
        assert is_id(order_id.removeprefix("7-"))

    def test_accepted_order_tells_where_it_is_found(self, art: ArtMarket) -> None:
        answer = art.post(SELL)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Request-Id"] == REQUEST_ID
        assert answer.headers["Location"] == f"/market/orders/{answer.content['order_id']}"
        assert art.gateway.get(answer.headers["Location"]).content == answer.content
        assert "Idempotency-Replayed" not in answer.headers

    def test_accepting_writes_once_and_calls_nothing_else(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        art.post(SELL)
        assert [call for call in client_faults.calls if "DescribeTable" not in call] == [PUT]

    def test_fields_that_are_not_known_are_ignored(self, art: ArtMarket) -> None:
        content = art.post({**SELL, "order_id": "mine", "status": "filled", "is_canceled": True, "rank": "A"}).content
        assert (content["status"], content["is_canceled"], content["order_id"] == "mine") == ("open", False, False)

    def test_same_order_without_key_is_another_order(self, art: ArtMarket) -> None:
        assert art.offer(SELL) != art.offer(SELL)
        assert art.stored() == 2


class TestIdempotency:
    def test_repeated_request_gets_the_first_answer(self, art: ArtMarket) -> None:
        first = art.post(SELL, Idempotency_Key="a-key")
        again = art.post(SELL, Idempotency_Key="a-key")
        assert "Idempotency-Replayed" not in first.headers
        assert (again.status, again.text) == (201, first.text)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
        assert art.stored() == 1

    def test_repeated_request_gets_the_first_answer_though_the_order_was_canceled(self, art: ArtMarket) -> None:
        first = art.post(SELL, Idempotency_Key="a-key")
        art.cancel(first.content["order_id"])
        again = art.post(SELL, Idempotency_Key="a-key")
        assert (again.status, again.text, again.headers["Idempotency-Replayed"]) == (201, first.text, "true")
        assert art.order(first.content["order_id"])["status"] == "canceled"

    def test_repeated_request_gets_the_first_answer_though_the_order_was_filled(self, art: ArtMarket) -> None:
        first = art.post(SELL, Idempotency_Key="a-key")
        art.offer(BUY)
        assert art.match() == 1
        again = art.post(SELL, Idempotency_Key="a-key")
        assert (again.status, again.text, again.headers["Idempotency-Replayed"]) == (201, first.text, "true")
        assert art.order(first.content["order_id"])["status"] == "filled"

    def test_price_written_in_another_way_is_the_same_order(self, art: ArtMarket) -> None:
        art.post(SELL, Idempotency_Key="a-key")
        body = b'{"user_id": 1, "artwork_id": 7, "price": 1.025e1, "direction": "sell", "note": 1}'
        assert art.post(body, Idempotency_Key="a-key").headers["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize("changes", [{"price": 10.26}, {"direction": "buy"}])
    def test_key_with_another_order_is_refused(self, art: ArtMarket, changes: dict[str, Any]) -> None:
        first = art.post(SELL, Idempotency_Key="a-key").content
        answer = art.post({**SELL, **changes}, Idempotency_Key="a-key")
        assert (answer.status, answer.content["code"]) == (422, "idempotency_key_reused")
        assert art.order(first["order_id"]) == first
        assert art.stored() == 1

    @pytest.mark.parametrize("changes", [{"user_id": 2}, {"artwork_id": 8}, {"user_id": 17}, {"artwork_id": 17}])
    def test_key_of_another_user_or_artwork_is_another_key(self, art: ArtMarket, changes: dict[str, Any]) -> None:
        first = art.post(SELL, Idempotency_Key="a-key")
        other = art.post({**SELL, **changes}, Idempotency_Key="a-key")
        assert other.status == 201
        assert "Idempotency-Replayed" not in other.headers
        # Not only its front part, which names the artwork.
        assert other.content["order_id"][-36:] != first.content["order_id"][-36:]
        assert art.stored() == 2

    def test_user_and_artwork_do_not_run_together(self, art: ArtMarket) -> None:
        ids = {
            art.post({**SELL, "user_id": user, "artwork_id": artwork}, Idempotency_Key=key).content["order_id"][-36:]
            for user, artwork, key in [(1, 11, "1"), (11, 1, "1"), (1, 1, "11"), (1, 1, "1:1"), (1, 11, "")]
            if key
        }
        assert len(ids) == 4

    def test_key_is_none_of_the_brokers(self, art: ArtMarket) -> None:
        art.post(SELL, Idempotency_Key="a-key")
        order = {"type": "market", "side": "sell", "instrument": "DE0007664039", "quantity": 3}
        answer = art.gateway.post("/orders", order, Idempotency_Key="a-key")
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (201, False)

    def test_refused_request_does_not_use_up_its_key(self, art: ArtMarket) -> None:
        art.post({**SELL, "price": 0}, Idempotency_Key="a-key")
        assert art.post(SELL, Idempotency_Key="a-key").status == 201

    def test_name_of_the_header_is_not_case_sensitive(self, art: ArtMarket) -> None:
        art.post(SELL, idempotency_key="a-key")
        art.post(SELL, IDEMPOTENCY_KEY="a-key")
        assert art.stored() == 1

    def test_longest_key_is_taken(self, art: ArtMarket) -> None:
        assert art.post(SELL, Idempotency_Key="0" * 255).status == 201

    def test_of_many_requests_at_once_with_one_key_one_creates_the_order(self, art: ArtMarket) -> None:
        # One level below the routes: a function instance of Lambda handles one request at a time.
        barrier, store = Barrier(8), market().store
        requests = [OrderRequest(**{**SELL, "price": 10 + number % 2}) for number in range(8)]

        def submit(request: OrderRequest) -> str:
            barrier.wait()
            try:
                submission = submit_order(store, request, "a-key", utc_now)
            except KeyReusedError:
                return "refused"
            return "replayed" if submission.replayed else "created"

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(submit, requests))
        assert (results.count("created"), results.count("replayed"), results.count("refused")) == (1, 3, 4)
        assert art.stored() == 1


class TestLostWrites:
    @pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "a-key"}])
    def test_order_whose_write_was_not_confirmed_is_created_once(
        self, art: ArtMarket, client_faults: ClientFaults, headers: dict[str, str]
    ) -> None:
        client_faults.loses_answer(PUT)
        answer = art.post(SELL, **headers)
        assert answer.status == 201
        assert "Idempotency-Replayed" not in answer.headers
        assert art.order(answer.content["order_id"]) == answer.content
        assert art.stored() == 1

    def test_order_that_was_canceled_before_its_write_was_confirmed_is_created_all_the_same(
        self, art: ArtMarket, client_faults: ClientFaults
    ) -> None:
        def cancel() -> None:
            (item,) = art.tables.items(art.tables.orders)
            assert art.cancel(item["order_id"]["S"]).status == 200

        client_faults.loses_answer(PUT, then=cancel)
        answer = art.post(SELL)
        assert (answer.status, answer.content["status"]) == (201, "open")
        assert art.order(answer.content["order_id"])["status"] == "canceled"

    def test_client_that_got_a_fault_asks_again_with_its_key(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        client_faults.loses_answer(PUT, times=3)
        fault = art.post(SELL, Idempotency_Key="a-key")
        assert (fault.status, fault.content["code"]) == (500, "internal_error")
        answer = art.post(SELL, Idempotency_Key="a-key")
        assert (answer.status, answer.headers["Idempotency-Replayed"]) == (201, "true")
        assert art.stored() == 1

    def test_key_of_an_order_that_is_just_being_matched_is_replayed(
        self, art: ArtMarket, client_faults: ClientFaults
    ) -> None:
        first = art.post(SELL, Idempotency_Key="a-key")
        client_faults.never_arrives(PUT, error=lambda: conflict("PutItem"))
        again = art.post(SELL, Idempotency_Key="a-key")
        assert (again.status, again.text) == (201, first.text)


def conflict(operation: str) -> ClientError:
    return refused(operation, "TransactionConflictException")


class TestOneOrder:
    def test_open_order_is_shown_as_it_was_accepted(self, art: ArtMarket) -> None:
        accepted = art.post(SELL).content
        answer = art.get(f"/orders/{accepted['order_id']}")
        assert (answer.status, answer.content) == (200, accepted)
        assert answer.headers["Cache-Control"] == "no-store"

    def test_canceled_order_says_so_and_has_no_transaction(self, art: ArtMarket) -> None:
        accepted = art.post(SELL).content
        art.cancel(accepted["order_id"])
        assert art.order(accepted["order_id"]) == {**accepted, "is_canceled": True, "status": "canceled"}

    def test_filled_orders_have_their_transaction(self, art: ArtMarket) -> None:
        sell, buy = art.post(SELL).content, art.post(BUY).content
        art.match()
        shown = art.order(buy["order_id"])
        transaction = shown["transaction"]
        assert shown == {**buy, "status": "filled", "transaction": transaction}
        assert art.order(sell["order_id"]) == {**sell, "status": "filled", "transaction": transaction}
        assert transaction == {
            "transaction_id": f"{buy['created_at']}#{buy['order_id']}#{sell['order_id']}",
            "artwork_id": 7,
            "price": 10.25,
            "buy_order_id": buy["order_id"],
            "sell_order_id": sell["order_id"],
            "executed_at": transaction["executed_at"],
        }
        assert parse_timestamp(transaction["executed_at"]) >= parse_timestamp(buy["created_at"])

    @pytest.mark.parametrize("order_id", UNKNOWN_IDS, ids=short)
    @pytest.mark.parametrize(("method", "below"), [("GET", ""), ("POST", "/cancel")])
    def test_unknown_order_is_not_found(self, art: ArtMarket, order_id: str, method: str, below: str) -> None:
        art.offer(SELL)
        before = art.tables.everything()
        answer = art.gateway.send(method, f"/market/orders/{order_id}{below}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_order")
        assert len(answer.text) < 700
        assert art.tables.everything() == before

    def test_id_under_another_artwork_is_not_found(self, art: ArtMarket) -> None:
        unique = art.offer(SELL).removeprefix("7-")
        for artwork in (0, 1, 8, 77, 2**53 - 1):
            assert art.get(f"/orders/{artwork}-{unique}").status == 404
            assert art.cancel(f"{artwork}-{unique}").status == 404
        assert art.order(f"7-{unique}")["status"] == "open"


class TestCancel:
    def test_canceled_order_is_canceled_however_often_one_asks(self, art: ArtMarket) -> None:
        order_id = art.offer(SELL)
        for _ in range(3):
            answer = art.cancel(order_id)
            assert (answer.status, answer.content) == (200, {"is_canceled": True})
        assert art.order(order_id)["is_canceled"] is True

    def test_filled_order_is_a_conflict(self, art: ArtMarket) -> None:
        ids = [art.offer(SELL), art.offer(BUY)]
        art.match()
        before = art.tables.everything()
        for order_id in ids:
            answer = art.cancel(order_id)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.content == {
                "type": "urn:rialto:problem:order_filled",
                "title": "Conflict",
                "status": 409,
                "detail": "The order was filled and cannot be canceled any more.",
                "code": "order_filled",
                "request_id": REQUEST_ID,
                "is_canceled": False,
            }
            assert answer.status == 409
        assert art.tables.everything() == before

    def test_canceled_order_never_matches(self, art: ArtMarket) -> None:
        sell, buy = art.offer(SELL), art.offer(BUY)
        art.cancel(sell)
        assert art.match() == 0
        assert (art.order(sell)["status"], art.order(buy)["status"]) == ("canceled", "open")

    def test_cancel_whose_answer_was_lost_is_done(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        order_id = art.offer(SELL)
        client_faults.loses_answer(UPDATE)
        answer = art.cancel(order_id)
        assert (answer.status, answer.content) == (200, {"is_canceled": True})
        assert client_faults.calls.count(UPDATE) == 2

    def test_cancel_that_a_match_overtakes_is_told_so(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        sell, buy = art.offer(SELL), art.offer(BUY)

        def match() -> None:
            assert art.match() == 1

        client_faults.before.append(Fault(UPDATE, 1, connection_closed, match))
        answer = art.cancel(sell)
        assert (answer.status, answer.content["is_canceled"]) == (409, False)
        assert [art.order(order_id)["status"] for order_id in (sell, buy)] == ["filled", "filled"]

    def test_cancel_that_another_cancel_overtakes_is_done(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        order_id = art.offer(SELL)

        def cancel() -> None:
            assert art.cancel(order_id).status == 200

        client_faults.before.append(Fault(UPDATE, 1, connection_closed, cancel))
        assert art.cancel(order_id).status == 200

    def test_cancel_waits_until_a_transaction_is_over(self, art: ArtMarket, client_faults: ClientFaults) -> None:
        order_id = art.offer(SELL)
        client_faults.never_arrives(UPDATE, times=2, error=lambda: conflict("UpdateItem"))
        assert art.cancel(order_id).status == 200
        assert client_faults.calls.count(UPDATE) == 3

    def test_cancel_that_meets_transactions_again_and_again_is_asked_to_come_back(
        self, art: ArtMarket, client_faults: ClientFaults
    ) -> None:
        order_id = art.offer(SELL)
        client_faults.never_arrives(UPDATE, times=TRIES, error=lambda: conflict("UpdateItem"))
        answer = art.cancel(order_id)
        assert (answer.status, answer.content["code"]) == (503, "busy")
        assert art.order(order_id)["status"] == "open"

    def test_cancel_that_never_arrives_is_a_fault_and_changes_nothing(
        self, art: ArtMarket, client_faults: ClientFaults
    ) -> None:
        order_id = art.offer(SELL)
        client_faults.never_arrives(UPDATE, times=3)
        assert art.cancel(order_id).status == 500
        assert art.order(order_id)["status"] == "open"

    @pytest.mark.parametrize("body", [None, b"", b"no json", {"order_id": "another"}])
    def test_body_is_not_needed(self, art: ArtMarket, body: Any) -> None:
        path = f"/market/orders/{art.offer(SELL)}/cancel"
        assert art.gateway.send("POST", path, body, {"content-type": "text/plain"}).status == 200
