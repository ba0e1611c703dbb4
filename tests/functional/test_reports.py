"""The functions that apply execution reports, with real queues and tables on moto."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.broker.execution import ExecutionReport, fold
from chalicelib.broker.order import Order
from chalicelib.broker.store import DynamoOrderStore
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.lifecycle import OrderStatus
from tests.client_calls import noted_calls
from tests.client_faults import ClientFaults
from tests.functional.conftest import Orders
from tests.functional.events import queue_event
from tests.functional.gateway import Gateway
from tests.functional.lambdas import invoke
from tests.functional.queues import Queues, sqs_of_the_broker
from tests.log import Log
from tests.moto_stack import sqs
from tests.unit.broker.lives import deliveries, lives, report_of
from tests.unit.broker.orders import new_order, new_signal_order
from tests.unit.broker.report_json import as_json, report_json

NEW, PARTIALLY_FILLED, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
LETTERS, REDRIVE = "/operations/dead-letters?queue=", "/operations/dead-letters/redrive"


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


def placed(orders: Orders, count: int = 1) -> list[Order]:
    made = [new_order(utc_now(), status=NEW, placed_at=utc_now(), quantity=100) for _ in range(count)]
    orders.put(*made)
    return made


def body(*reports: tuple[Order, ExecutionReport]) -> str:
    return json.dumps({"reports": [as_json(order, report) for order, report in reports]})


def filled(order: Order, order_seq: int = 2, cum_qty: int = 30) -> tuple[Order, ExecutionReport]:
    status = FILLED if cum_qty == order.quantity else PARTIALLY_FILLED
    return order, report_of(order, order_seq, status, cum_qty)


def apply(*bodies: str, function: str = "apply_reports") -> list[str]:
    answer = invoke(function, queue_event(*bodies))
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def waiting(queues: Queues) -> list[Any]:
    return [json.loads(text) for text in queues.bodies(queues.report_retries)]


def letters(queues: Queues) -> list[Any]:
    return [json.loads(text) for text in queues.bodies(queues.dead_reports)]


def delayed(queues: Queues) -> int:
    answer: dict[str, Any] = dict(sqs().get_queue_attributes(QueueUrl=queues.report_retries, AttributeNames=["All"]))
    return int(answer["Attributes"]["ApproximateNumberOfMessagesDelayed"])


def dynamodb_of_the_broker() -> Any:
    store = broker().store
    assert isinstance(store, DynamoOrderStore)
    return store._items._get_connection().connection.client


class TestApplying:
    def test_order_shows_what_was_filled(self, gateway: Gateway, orders: Orders) -> None:
        (order,) = placed(orders)
        assert apply(body(filled(order))) == []
        shown = gateway.get(f"/orders/{order.order_id}").content
        assert (shown["status"], shown["cum_qty"], shown["leaves_qty"]) == ("PARTIALLY_FILLED", 30, 70)
        assert shown["avg_px"] == 10.25
        entry = gateway.get(f"/orders/{order.order_id}/timeline").content["entries"][-1]
        assert (entry["cause"], entry["status"]) == ("partially_filled", "PARTIALLY_FILLED")

    def test_all_reports_of_an_order_in_a_batch_are_one_write(
        self, orders: Orders, client_faults: ClientFaults
    ) -> None:
        first, second = placed(orders, 2)
        client_faults.calls.clear()
        messages = [body(filled(first, n, n), filled(second, n, n)) for n in range(2, 12)]
        with noted_calls(dynamodb_of_the_broker(), "dynamodb.BatchGetItem") as reads:
            assert apply(*messages) == []
        assert client_faults.calls.count("dynamodb.PutItem") == 2
        # Consistently: a stale view would only be refused by its write.
        assert [table["ConsistentRead"] for read in reads for table in read["RequestItems"].values()] == [True]
        assert [orders.get(each.order_id).cum_qty for each in (first, second)] == [11, 11]

    def test_what_is_known_already_is_no_write(self, orders: Orders, client_faults: ClientFaults) -> None:
        (order,) = placed(orders)
        apply(body(filled(order)))
        client_faults.calls.clear()
        assert apply(body(filled(order)), body(filled(order))) == []
        assert "dynamodb.PutItem" not in client_faults.calls

    def test_orders_of_more_than_one_read_are_all_applied(self, orders: Orders) -> None:
        made = placed(orders, 130)
        assert apply(body(*map(filled, made[:70])), body(*map(filled, made[70:]))) == []
        assert {orders.get(order.order_id).cum_qty for order in made} == {30}

    def test_order_whose_placement_was_not_recorded_yet_is_placed(self, orders: Orders) -> None:
        order = new_signal_order(utc_now())
        orders.put(order)
        assert apply(body((order, report_of(order, 1, NEW)))) == []
        stored = orders.get(order.order_id)
        assert (stored.status, stored.placed_at is None) == (NEW, False)
        assert apply(body((order, report_of(order, 2, FILLED, 1)))) == []
        assert orders.get(order.order_id).status is FILLED

    def test_what_was_done_is_told_in_metrics(self, orders: Orders, log: Log) -> None:
        order, unplaced = placed(orders)[0], new_order(utc_now(), quantity=100)
        orders.put(unplaced)
        log.read_metrics()
        gone = new_order(quantity=100)
        apply(body(filled(order, 4, 40), filled(order, 4, 40), filled(unplaced), filled(gone), filled(order, 4, 40)))
        first = {name: value for name, (_, value) in log.read_metrics().items()}
        counts = {name: value for name, value in first.items() if name.startswith("Reports")}
        assert counts == {"ReportsApplied": 2, "ReportsDuplicate": 2, "ReportsImpossible": 1}
        assert (first["Placed"], first["ReportLag"] > 0, first["AcceptToPlaced"] > 0) == (1, True, True)
        apply(body(filled(order, 2, 20)))
        second = log.read_metrics()
        assert (second["ReportsLate"], "ReportLag" in second) == (("Count", 1), False)

    def test_whatever_way_a_life_takes_through_the_queue_the_order_ends_the_same(self, orders: Orders) -> None:
        sample = new_order(quantity=100)

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(st.data())
        def arrive(data: st.DataObject) -> None:
            life = [each for each in data.draw(lives(sample)) if each.status is not OrderStatus.REJECTED]
            if not life:
                return
            (order,) = placed(orders)
            for batch in data.draw(deliveries(life)):
                cut = data.draw(st.integers(0, len(batch)))
                halves = [half for half in (batch[:cut], batch[cut:]) if half]
                assert apply(*(body(*as_of(order, half)) for half in halves)) == []
            stored, straight = orders.get(order.order_id), fold(order, life, utc_now()).order
            assert (stored.status, stored.cum_qty, stored.avg_px) == (
                straight.status,
                straight.cum_qty,
                straight.avg_px,
            )
            assert (stored.venue_seq, stored.venue_gaps, stored.venue_at) == (len(life), (), straight.venue_at)

        arrive()


def as_of(order: Order, reports: Sequence[ExecutionReport]) -> list[tuple[Order, ExecutionReport]]:
    return [(order, replace(report, order_id=order.order_id)) for report in reports]


class TestFailures:
    def test_failing_order_goes_to_the_retries_and_holds_up_no_other(
        self, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        (failing,) = placed(orders)
        client_faults.never_arrives("dynamodb.PutItem", times=3)
        assert apply(body(filled(failing), filled(failing, 3, 40))) == []
        (other,) = placed(orders)
        assert apply(body(filled(other))) == []
        assert orders.get(other.order_id).cum_qty == 30
        assert (orders.get(failing.order_id).cum_qty, delayed(queues)) == (0, 1)

    def test_table_that_cannot_be_read_loses_no_report(
        self, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        made = placed(orders, 3)
        client_faults.never_arrives("dynamodb.BatchGetItem", times=3)
        assert apply(body(*map(filled, made))) == []
        assert delayed(queues) == 3

    def test_message_comes_again_only_if_its_reports_could_not_be_handed_on(
        self, orders: Orders, client_faults: ClientFaults
    ) -> None:
        done, failing = placed(orders, 2)
        client_faults.never_arrives("dynamodb.BatchGetItem", times=3)
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        assert apply(body(filled(done)), body(filled(failing))) == ["m0", "m1"]
        assert apply(body(filled(done))) == []
        client_faults.never_arrives("dynamodb.PutItem", times=3)
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        assert apply(body(filled(done)), body(filled(failing))) == ["m1"]
        assert apply(body(filled(done)), body(filled(failing))) == []
        assert {orders.get(order.order_id).cum_qty for order in (done, failing)} == {30}

    def test_message_with_a_letter_that_could_not_be_sent_comes_again(
        self, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        (order,) = placed(orders)
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        assert apply(body(filled(order)), "no json") == ["m1"]
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        other, *_ = placed(orders)
        assert apply(body(filled(order, 3, 101)), body(filled(other))) == ["m0"]
        assert letters(queues) == []

    def test_crash_between_write_and_end_is_harmless(self, orders: Orders) -> None:
        (order,) = placed(orders)
        apply(body(filled(order)))
        before = orders.get(order.order_id)
        assert apply(body(filled(order))) == []
        assert orders.get(order.order_id) == before

    def test_write_whose_answer_is_lost_is_done(self, orders: Orders, client_faults: ClientFaults) -> None:
        (order,) = placed(orders)
        client_faults.loses_answer("dynamodb.PutItem")
        assert apply(body(filled(order))) == []
        assert orders.get(order.order_id).version == order.version + 1

    def test_order_that_others_change_meanwhile_keeps_both_changes(
        self, orders: Orders, client_faults: ClientFaults, gateway: Gateway
    ) -> None:
        (order,) = placed(orders)

        def cancel() -> None:
            assert gateway.post(f"/orders/{order.order_id}/cancel").status == 200

        client_faults.never_arrives("dynamodb.PutItem", then=cancel)
        assert apply(body(filled(order))) == []
        stored = orders.get(order.order_id)
        assert (stored.status, stored.cum_qty) == (OrderStatus.PENDING_CANCEL, 30)


IMPOSSIBLE = [
    (report_json(order_seq=2, cum_qty=101, leaves_qty=0), "cum_qty 101 is more than the order's quantity 100"),
    (report_json(order_seq=0), "order_seq: not a whole number from 1 to 2000000000"),
    (report_json(status="DONE"), "status: not one of"),
    (report_json(client_order_id="x"), "client_order_id: not an id of ours"),
    ("text", "not a JSON object"),
]


class TestImpossible:
    @pytest.mark.parametrize(("content", "reason"), IMPOSSIBLE)
    def test_report_goes_to_the_dead_letters_with_its_reason_and_the_rest_is_applied(
        self, gateway: Gateway, orders: Orders, queues: Queues, content: Any, reason: str
    ) -> None:
        (order,) = placed(orders)
        if isinstance(content, dict) and content["client_order_id"] != "x":
            content = content | {"client_order_id": order.order_id}
        message = {"reports": [content, as_json(*filled(order, 3, 40))]}
        assert apply(json.dumps(message)) == []
        (letter,) = letters(queues)
        assert letter["reports"] == [content]
        assert letter["reason"].startswith(reason)
        assert orders.get(order.order_id).cum_qty == 40
        (shown,) = gateway.get(f"{LETTERS}report-retries").content["letters"]
        assert shown["reason"].startswith(reason)

    def test_report_of_an_order_that_there_is_not_is_a_letter(self, queues: Queues) -> None:
        assert apply(body(filled(new_order(quantity=100)))) == []
        assert [letter["reason"] for letter in letters(queues)] == ["unknown order"]

    def test_letter_names_its_order_as_it_stands(self, gateway: Gateway, orders: Orders) -> None:
        (order,) = placed(orders)
        apply(body(filled(order, 2, 101)))
        (shown,) = gateway.get(f"{LETTERS}report-retries").content["letters"]
        assert (shown["order_id"], shown["order_status"]) == (order.order_id, "NEW")
        apply(body(filled(order, 2, 100)))
        (shown,) = gateway.get(f"{LETTERS}report-retries").content["letters"]
        assert (shown["order_status"], shown["reason"][:11]) == ("FILLED", "cum_qty 101")

    @pytest.mark.parametrize(
        "text", ["", "no json", "[]", "{}", '{"reports": []}', '{"reports": {}}', "[" * 5_000, "é" * 50_000, "\\ud800"]
    )
    def test_message_that_is_none_of_ours_is_a_letter(self, queues: Queues, text: str) -> None:
        assert apply(text) == []
        (letter,) = letters(queues)
        assert letter == {"unreadable": text[:10_000], "reason": "no message with reports"}
        # Redriven again and again, it stays what it is.
        assert apply(json.dumps(letter), function="retry_reports") == []
        assert letters(queues) == [letter, letter]


class TestRetries:
    def test_retried_reports_are_applied(self, orders: Orders) -> None:
        (order,) = placed(orders)
        assert apply(body(filled(order)), function="retry_reports") == []
        assert orders.get(order.order_id).cum_qty == 30

    def test_reports_that_fail_again_come_later_each_time(
        self, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        (order,) = placed(orders)
        sqs().send_message(QueueUrl=queues.report_retries, MessageBody=body(filled(order)))
        delays = []
        for receives in (1, 5):
            client_faults.never_arrives("dynamodb.PutItem", times=3)
            (record,) = queues.receive_as_lambda(url=queues.report_retries)
            record["attributes"]["ApproximateReceiveCount"] = str(receives)
            with noted_calls(sqs_of_the_broker(), "sqs.ChangeMessageVisibilityBatch") as changes:
                answer = invoke("retry_reports", {"Records": [record]})
            assert answer["batchItemFailures"] == [{"itemIdentifier": record["messageId"]}]
            delays += [entry["VisibilityTimeout"] for change in changes for entry in change["Entries"]]
            sqs().change_message_visibility(
                QueueUrl=queues.report_retries, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )
        first, fifth = delays
        assert 1 <= first <= 2
        assert 16 <= fifth <= 32
        assert apply(body(filled(order)), function="retry_reports") == []

    def test_letters_are_sent_once_though_the_rest_fails_on(
        self, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        (order,) = placed(orders)
        client_faults.never_arrives("dynamodb.PutItem", times=3)
        assert apply(body(filled(order), filled(new_order(quantity=100))), function="retry_reports") == []
        assert [letter["reason"] for letter in letters(queues)] == ["unknown order"]
        assert delayed(queues) == 1


class TestRedrive:
    def test_message_that_broke_its_function_is_tried_among_the_retries(
        self, gateway: Gateway, orders: Orders, queues: Queues
    ) -> None:
        made = placed(orders, 12)
        for order in made:
            queues.put_partitioned(queues.broken_reports, body(filled(order)))
        shown = gateway.get(f"{LETTERS}reports").content
        assert (shown["count"], {letter["reason"] for letter in shown["letters"]}) == (12, {"not_applied"})
        answer = gateway.post(REDRIVE, {"queue": "reports"})
        assert answer.content == {"queue": "reports", "redriven": 12, "remaining": 0}
        assert sorted(map(json.dumps, waiting(queues))) == sorted(body(filled(order)) for order in made)

    def test_letter_goes_back_to_the_retries_and_is_applied_once_its_reason_is_gone(
        self, gateway: Gateway, orders: Orders, queues: Queues
    ) -> None:
        order = new_order(utc_now() - timedelta(minutes=1), quantity=100, status=NEW, placed_at=utc_now())
        apply(body(filled(order)))
        orders.put(order)
        assert gateway.post(REDRIVE, {"queue": "report-retries"}).content["redriven"] == 1
        (message,) = queues.bodies(queues.report_retries)
        assert apply(message, function="retry_reports") == []
        assert broker().store.get(order.order_id) != order
        assert orders.get(order.order_id).cum_qty == 30

    def test_large_letters_are_moved_in_several_calls(self, gateway: Gateway, queues: Queues) -> None:
        for number in range(4):
            queues.put(queues.dead_reports, json.dumps({"unreadable": f"{number}" * 100_000, "reason": "r"}))
        assert gateway.post(REDRIVE, {"queue": "report-retries"}).content["redriven"] == 4
        assert len(waiting(queues)) == 4
