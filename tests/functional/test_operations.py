"""Operations over HTTP: health, queues, dead letters and redrive."""

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.broker.order import Order
from chalicelib.broker.placement import Answer, Outcome, Policy, Purpose, claim, record_outcome
from chalicelib.broker.queue import write_body
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import format_timestamp, utc_now
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.operations.wiring import operations
from tests.client_faults import ClientFaults
from tests.functional.conftest import Orders, problem_of
from tests.functional.events import read_event
from tests.functional.gateway import Gateway
from tests.functional.queues import Queues
from tests.moto_stack import dynamodb
from tests.unit.broker.orders import new_order

POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)
REDRIVE, LETTERS = "/operations/dead-letters/redrive", "/operations/dead-letters"


@pytest.fixture
def queues(aws: dict[str, str]) -> Queues:
    return Queues(aws)


def dead_lettered(orders: Orders, queues: Queues, answer: Answer = Answer.UNAVAILABLE) -> Order:
    """Return an order that failed for the last time, with its letter."""
    now = utc_now()
    order = new_order(now)
    orders.put(order)
    claimed = broker().store.save(claim(order, "token", now, POLICY))
    outcome = Outcome(Purpose.PLACE, answer, 5)
    dead = broker().store.save(record_outcome(claimed, "token", outcome, now, last_chance=True, jitter=0))
    queues.put(queues.dead_placements, write_body(order.order_id))
    return dead


def queue_named(gateway: Gateway, name: str) -> dict[str, Any]:
    (queue,) = [queue for queue in gateway.get("/operations/queues").content["queues"] if queue["name"] == name]
    found: dict[str, Any] = queue
    return found


TABLES = ["broker_orders", "operations", "market_orders", "trades", "artworks"]
TABLES += ["subscriptions", "signals", "positions", "order_log"]


class TestHealth:
    def test_all_is_well_when_every_table_answers(self, gateway: Gateway) -> None:
        answer = gateway.get("/health")
        assert (answer.status, answer.content) == (200, {"status": "ok", "tables": dict.fromkeys(TABLES, "ok")})

    @pytest.mark.parametrize("name", TABLES)
    def test_missing_table_is_named(self, gateway: Gateway, aws: dict[str, str], name: str) -> None:
        dynamodb().delete_table(TableName=aws[f"{name.upper()}_TABLE"])
        answer = gateway.get("/health")
        assert (answer.status, answer.content["status"]) == (503, "unavailable")
        assert {table for table, state in answer.content["tables"].items() if state != "ok"} == {name}
        assert answer.content["tables"].keys() == set(TABLES)

    def test_table_that_hangs_is_unavailable(self, gateway: Gateway, client_faults: ClientFaults) -> None:
        client_faults.never_arrives("dynamodb.GetItem", times=3)
        assert gateway.get("/health").status == 503


class TestQueues:
    def test_quiet_queues_are_empty(self, gateway: Gateway) -> None:
        quiet = {"depth": 0, "in_flight": 0, "oldest_age_seconds": 0.0, "dead_letters": 0}
        content = gateway.get("/operations/queues").content
        names = ["placements", "hand-over", "match-retries", "match", "reports", "report-retries"]
        assert content == {"queues": [{"name": name, **quiet} for name in names]}

    def test_messages_and_dead_letters_are_counted(self, gateway: Gateway, queues: Queues) -> None:
        for _ in range(3):
            queues.put(queues.placements, "{}")
        queues.put(queues.dead_placements, "{}")
        queue = queue_named(gateway, "placements")
        assert (queue["depth"], queue["in_flight"], queue["dead_letters"]) == (3, 0, 1)

    def test_message_that_is_being_worked_on_is_in_flight(self, gateway: Gateway, queues: Queues) -> None:
        queues.put(queues.placements, "{}")
        queues.receive_as_lambda()
        queue = queue_named(gateway, "placements")
        assert (queue["depth"], queue["in_flight"]) == (0, 1)

    def test_oldest_age_is_that_of_the_order_that_waits_longest(self, gateway: Gateway, orders: Orders) -> None:
        orders.put(new_order(utc_now() - timedelta(hours=1)), new_order(utc_now() - timedelta(hours=2)))
        orders.put(new_order(utc_now() - timedelta(hours=3), status=OrderStatus.CANCELED))
        assert 7_200 <= queue_named(gateway, "placements")["oldest_age_seconds"] < 7_260

    def test_letters_of_the_hand_over_are_counted_and_stay_visible(self, gateway: Gateway, queues: Queues) -> None:
        queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        assert queue_named(gateway, "hand-over")["dead_letters"] == 1
        assert len(queues.bodies(queues.dead_windows)) == 1


class TestDeadLetters:
    def test_no_letters_are_an_empty_sample(self, gateway: Gateway) -> None:
        answer = gateway.get(f"{LETTERS}?queue=placements")
        assert answer.content == {"queue": "placements", "count": 0, "letters": []}

    @pytest.mark.parametrize("meanwhile", ["sqs.GetQueueAttributes", "sqs.ReceiveMessage"])
    def test_letter_that_arrives_meanwhile_is_counted_and_shown(
        self, gateway: Gateway, queues: Queues, client_faults: ClientFaults, meanwhile: str
    ) -> None:
        client_faults.loses_answer(meanwhile, then=lambda: queues.put(queues.dead_placements, "{}"))
        content = gateway.get(f"{LETTERS}?queue=placements").content
        assert (content["count"], len(content["letters"])) == (1, 1)

    @pytest.mark.parametrize(("answer", "reason"), [(Answer.UNAVAILABLE, "unavailable"), (Answer.UNKNOWN, "unknown")])
    def test_letter_tells_its_order_and_reason(
        self, gateway: Gateway, orders: Orders, queues: Queues, answer: Answer, reason: str
    ) -> None:
        order = dead_lettered(orders, queues, answer)
        content = gateway.get(f"{LETTERS}?queue=placements").content
        (letter,) = content["letters"]
        assert content["count"] == 1
        assert order.dead_lettered_at is not None
        marked = gateway.get(f"/orders/{order.order_id}/timeline").content["dead_lettered_at"]
        assert marked == format_timestamp(order.dead_lettered_at)
        assert letter == {
            "message_id": letter["message_id"],
            "sent_at": letter["sent_at"],
            "reason": reason,
            "body": write_body(order.order_id),
            "order_id": order.order_id,
            "order_status": "PENDING_NEW",
            "attempts": 1,
            "dead_lettered_at": format_timestamp(order.dead_lettered_at),
        }

    def test_letter_of_an_order_that_was_placed_meanwhile_is_resolved(
        self, gateway: Gateway, orders: Orders, queues: Queues
    ) -> None:
        order = new_order(utc_now(), status=OrderStatus.NEW, placed_at=utc_now())
        orders.put(order)
        queues.put(queues.dead_placements, write_body(order.order_id))
        assert gateway.get(f"{LETTERS}?queue=placements").content["letters"][0]["reason"] == "resolved"

    def test_letter_of_a_waiting_order_without_a_mark_tells_that_its_worker_failed(
        self, gateway: Gateway, orders: Orders, queues: Queues
    ) -> None:
        order = new_order(utc_now())
        orders.put(order)
        queues.put(queues.dead_placements, write_body(order.order_id))
        assert gateway.get(f"{LETTERS}?queue=placements").content["letters"][0]["reason"] == "worker_failed"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ('{"order_id": "7b7a8f8e-0000-4000-8000-000000000000"}', "unknown_order"),
            ("no json", "unreadable_message"),
            ("[]", "unreadable_message"),
            ("{}", "unreadable_message"),
            ('{"requestContext": 1}', "unreadable_message"),
            ('{"requestContext": [1]}', "unreadable_message"),
            ('{"order_id": ""}', "unreadable_message"),
            ('{"order_id": null}', "unreadable_message"),
            ("[" * 5_000, "unreadable_message"),
        ],
    )
    def test_letter_that_nobody_understands_is_shown_all_the_same(
        self, gateway: Gateway, queues: Queues, body: str, reason: str
    ) -> None:
        queues.put(queues.dead_placements, body)
        answer = gateway.get(f"{LETTERS}?queue=placements")
        assert (answer.status, answer.content["letters"][0]["reason"]) == (200, reason)
        assert answer.content["letters"][0]["body"] == body[:1000]

    def test_two_letters_of_one_order_are_both_shown(self, gateway: Gateway, orders: Orders, queues: Queues) -> None:
        order = dead_lettered(orders, queues)
        queues.put(queues.dead_placements, write_body(order.order_id))
        content = gateway.get(f"{LETTERS}?queue=placements").content
        assert [letter["order_id"] for letter in content["letters"]] == [order.order_id] * 2

    def test_letter_of_a_stream_window_tells_why_it_was_given_up(self, gateway: Gateway, queues: Queues) -> None:
        queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        content = gateway.get(f"{LETTERS}?queue=hand-over").content
        assert content["letters"][0]["reason"] == "RetryAttemptsExhausted"

    def test_letters_stay_visible(self, gateway: Gateway, orders: Orders, queues: Queues) -> None:
        made = {write_body(dead_lettered(orders, queues).order_id) for _ in range(3)}
        for _ in range(3):
            gateway.get(f"{LETTERS}?queue=placements")
        assert set(queues.bodies(queues.dead_placements)) == made

    def test_queue_must_be_named(self, gateway: Gateway) -> None:
        answer = gateway.get(LETTERS)
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "queue"), "missing")})

    @pytest.mark.parametrize("name", ["", "orders", "Placements", "x" * 5_000])
    def test_unknown_queue_is_not_found(self, gateway: Gateway, name: str) -> None:
        answer = gateway.get(f"{LETTERS}?queue={name}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_queue")


class TestRedrive:
    def test_letters_move_back_with_their_bodies(self, gateway: Gateway, queues: Queues) -> None:
        bodies = {f'{{"order_id": "{number}", "redrives": 2}}' for number in range(23)}
        for body in bodies:
            queues.put(queues.dead_placements, body)
        answer = gateway.post(REDRIVE, {"queue": "placements"})
        assert (answer.status, answer.content) == (200, {"queue": "placements", "redriven": 23, "remaining": 0})
        assert set(queues.bodies(queues.placements)) == bodies
        assert queues.bodies(queues.dead_placements) == []

    def test_letter_that_could_not_be_sent_stays(
        self, gateway: Gateway, queues: Queues, client_faults: ClientFaults
    ) -> None:
        queues.put(queues.dead_placements, "{}")
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        assert gateway.post(REDRIVE, {"queue": "placements"}).status == 500
        assert queue_named(gateway, "placements")["dead_letters"] == 1

    def test_redrive_that_breaks_off_between_sending_and_deleting_loses_nothing(
        self, gateway: Gateway, queues: Queues, client_faults: ClientFaults
    ) -> None:
        queues.put(queues.dead_placements, "{}")
        client_faults.never_arrives("sqs.DeleteMessageBatch", times=3)
        assert gateway.post(REDRIVE, {"queue": "placements"}).status == 500
        assert queues.bodies(queues.placements) == ["{}"]
        assert queue_named(gateway, "placements")["dead_letters"] == 1

    def test_redrive_of_nothing_moves_nothing(self, gateway: Gateway) -> None:
        answer = gateway.post(REDRIVE, {"queue": "placements"})
        assert answer.content == {"queue": "placements", "redriven": 0, "remaining": 0}

    def test_redrive_of_stream_windows_queues_every_order_that_is_due(
        self, gateway: Gateway, orders: Orders, queues: Queues
    ) -> None:
        waiting = [new_order(utc_now() - timedelta(seconds=5)) for _ in range(3)]
        in_backoff = new_order(utc_now(), next_attempt_at=utc_now() + timedelta(minutes=10))
        working = new_order(utc_now(), status=OrderStatus.NEW, placed_at=utc_now())
        orders.put(*waiting, in_backoff, working)
        queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        answer = gateway.post(REDRIVE, {"queue": "hand-over"})
        assert answer.content == {"queue": "hand-over", "redriven": 1, "remaining": 0}
        assert sorted(queues.orders()) == sorted(order.order_id for order in waiting)

    def test_stream_windows_are_caught_up_with_once_for_all_their_letters(
        self, gateway: Gateway, queues: Queues, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(23):
            queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        moments = [utc_now()]
        monkeypatch.setitem(operations().catch_up, "hand-over", moments.pop)
        answer = gateway.post(REDRIVE, {"queue": "hand-over"})
        assert answer.content == {"queue": "hand-over", "redriven": 23, "remaining": 0}

    def test_letter_that_came_after_what_was_caught_up_with_stays(
        self, gateway: Gateway, queues: Queues, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        monkeypatch.setitem(operations().catch_up, "hand-over", lambda: utc_now() - timedelta(minutes=1))
        answer = gateway.post(REDRIVE, {"queue": "hand-over"})
        assert answer.content == {"queue": "hand-over", "redriven": 0, "remaining": 1}

    def test_stream_window_stays_when_its_orders_could_not_be_queued(
        self, gateway: Gateway, orders: Orders, queues: Queues, client_faults: ClientFaults
    ) -> None:
        orders.put(new_order(utc_now() - timedelta(seconds=5)))
        queues.put(queues.dead_windows, json.dumps(read_event("stream_window_letter")))
        client_faults.never_arrives("sqs.SendMessageBatch", times=3)
        answer = gateway.post(REDRIVE, {"queue": "hand-over"})
        assert answer.content == {"queue": "hand-over", "redriven": 0, "remaining": 1}

    @pytest.mark.parametrize("name", ["orders", "Placements", " placements"])
    def test_unknown_queue_is_not_found(self, gateway: Gateway, name: str) -> None:
        answer = gateway.post(REDRIVE, {"queue": name})
        assert (answer.status, answer.content["code"]) == (404, "unknown_queue")

    @pytest.mark.parametrize(
        ("body", "loc"),
        [
            (None, ("body",)),
            ([], ("body",)),
            ({}, ("body", "queue")),
            ({"queue": None}, ("body", "queue")),
            ({"queue": 1}, ("body", "queue")),
            ({"queue": ""}, ("body", "queue")),
            ({"queue": "x" * 65}, ("body", "queue")),
        ],
    )
    def test_broken_request_is_refused(self, gateway: Gateway, body: Any, loc: tuple[str, ...]) -> None:
        answer = gateway.post(REDRIVE, body)
        assert answer.status == 422
        assert {where for where, _ in problem_of(answer.content)} == {loc}
