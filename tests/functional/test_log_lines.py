"""One order is followed by its id, from the request over stream, queue and exchange to its reports."""

import json
from collections.abc import Iterator

import pytest
from chalice.local import LambdaContext

from app import app, hand_over_orders
from chalicelib.broker.order import OrderId
from chalicelib.broker.queue import write_body
from chalicelib.core.lifecycle import OrderStatus
from tests.client_faults import ClientFaults
from tests.functional.conftest import LIMIT_ORDER, Orders
from tests.functional.events import queue_event, stream_event
from tests.functional.gateway import REQUEST_ID, Gateway
from tests.functional.lambdas import invoke
from tests.functional.market import BUY, SELL, ArtMarket
from tests.functional.traders import BUY as SIGNAL
from tests.functional.traders import EXAMPLE, Traders, order_ids
from tests.log import Log
from tests.unit.broker.lives import report_of
from tests.unit.broker.report_json import as_json
from tests.unit.broker.venue_server import VenueServer, answers, running_venue
from tests.unit.market.records import record_of

pytestmark = pytest.mark.usefixtures("aws")
METERED = {"latency_ms", "write_units", "read_units"}


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with running_venue() as server:
        server.reply = answers(201, {"status": "working"})
        yield server


@pytest.fixture
def aws_parameters(venue: VenueServer) -> dict[str, str]:
    return {"ExchangeUrl": venue.url, "ExchangeTimeout": "5"}


def test_order_is_found_by_its_id_wherever_it_goes(orders: Orders, log: Log) -> None:
    order_id = Gateway().post("/orders", LIMIT_ORDER).content["id"]
    hand_over_orders(stream_event(("stream_insert", order_id)), LambdaContext("hand_over_orders", 512))
    invoke("place_orders", queue_event(write_body(order_id)))
    report = as_json(orders.get(order_id), report_of(orders.get(order_id), 2, OrderStatus.FILLED, 3))
    invoke("apply_reports", queue_event(json.dumps({"reports": [report]})))
    found = log.about(order_id)
    assert found.keys() == {"request", "handed over", "attempt", "message", "reports"}
    assert (found["request"]["request_id"], found["request"]["order_id"]) == (REQUEST_ID, order_id)
    assert found["handed over"]["order_ids"] == found["reports"]["order_ids"] == [order_id]
    assert found["message"]["outcome"] == "NEW"
    for message in ("request", "handed over", "message"):
        assert found[message].keys() >= METERED
    assert found["request"]["write_units"] > 0 < found["message"]["write_units"]


def test_request_that_names_an_order_is_found_by_it(log: Log) -> None:
    order_id = Gateway().post("/orders", LIMIT_ORDER).content["id"]
    log.read()
    Gateway().post(f"/orders/{order_id}/cancel")
    assert log.about(order_id)["request"]["route"] == "/orders/{order_id}/cancel"


def test_offers_are_found_by_their_ids_and_so_is_their_trade(aws: dict[str, str], log: Log) -> None:
    market = ArtMarket(aws)
    sell, buy = market.offer(SELL), market.offer(BUY)
    items = [item for item in market.tables.items(market.tables.orders) if buy in str(item)]
    app_event = {"Records": [record_of(item) for item in items]}
    invoke("match_orders", app_event)
    lines = log.read()
    assert [line["order_id"] for line in lines if line["message"] == "request"] == [sell, buy]
    (trade,) = [line for line in lines if line["message"] == "trade"]
    assert trade["order_ids"] == [buy, sell]
    (matched,) = [line for line in lines if line["message"] == "matched"]
    assert matched["order_ids"] == [buy]
    assert matched.keys() >= METERED


def test_orders_of_a_signal_are_found_by_the_signal(aws: dict[str, str], log: Log) -> None:
    traders = Traders(aws)
    traders.put_profiles(EXAMPLE)
    answer = traders.signal(*SIGNAL)
    (order_id,) = order_ids(answer).values()
    invoke("place_orders", queue_event(write_body(OrderId(order_id))))
    found = log.about(answer["signal_id"])
    assert found.keys() >= {"signal", "attempt"}
    assert found["attempt"]["order_id"] == order_id


def test_every_line_of_an_invocation_has_its_id(log: Log) -> None:
    event = Gateway().event("POST", "/orders", LIMIT_ORDER)
    context = LambdaContext("api_handler", 512)
    app(event, context)
    lines = log.read()
    assert lines
    assert {line["invocation"] for line in lines} == {context.aws_request_id}


def test_no_body_is_logged_even_if_it_is_broken(orders: Orders, client_faults: ClientFaults, log: Log) -> None:
    secret = "4111111111111111"
    gateway = Gateway()
    assert gateway.post("/orders", {**LIMIT_ORDER, "note": secret}).status == 201
    assert gateway.post("/orders", {**LIMIT_ORDER, "side": secret}).status == 422
    invoke("place_orders", queue_event(secret, json.dumps({"order_id": secret})))
    invoke("retry_matches", queue_event(json.dumps({"artwork_id": secret})))
    lines = log.read()
    assert [line["message"] for line in lines] == ["request"] * 2 + ["message failed"] * 3
    assert secret not in json.dumps(lines)
