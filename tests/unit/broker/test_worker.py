"""The worker: one message, one order, whatever the exchange and other workers do meanwhile."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.broker.order import Cause, Order, OrderId
from chalicelib.broker.placement import Answer, claim, defer
from chalicelib.broker.queue import InvalidMessageError, read_body, write_body
from chalicelib.broker.service import cancel_order
from chalicelib.broker.worker import PARALLEL, UnknownOrderError, work_on_batch
from chalicelib.core.batches import Again, Done
from chalicelib.core.errors import BusyError
from chalicelib.core.ids import new_id
from chalicelib.core.lifecycle import PENDING, OrderStatus
from tests.log import Log
from tests.unit.broker.bench import Bench, at
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.exchange import REFUSAL, Mode
from tests.unit.broker.fakes.faults import Hook, LostAnswerError, nothing
from tests.unit.broker.fakes.queue import QueueSender
from tests.unit.broker.fakes.store import FaultyOrderStore
from tests.unit.broker.orders import new_order
from tests.unit.broker.platform import POLICY


class FollowerBench(Bench):
    """A worker with an order that comes after another one, which is stored as well."""

    def __init__(self, **predecessor: Any) -> None:
        first = new_order(**predecessor)
        super().__init__(new_order(side="sell", after=first.order_id))
        self.store.create(first)
        self.first_id = first.order_id

    def change_first(self, **changes: Any) -> None:
        self.store.save(replace(self.store.orders[self.first_id], **changes))


class TestOneMessage:
    def test_placed_order_is_done(self) -> None:
        bench = Bench()
        assert bench.work() == Done("NEW")
        assert bench.venue.states == {bench.order_id: Answer.WORKING}

    def test_placed_order_is_read_once_and_written_twice(self) -> None:
        points: list[str] = []
        Bench().work(points.append)
        assert (points.count("before get"), points.count("before save")) == (1, 2)

    def test_refused_order_is_done(self) -> None:
        bench = Bench()
        bench.venue.mode = Mode.REFUSE
        assert bench.work() == Done("REJECTED")

    @pytest.mark.parametrize("mode", [Mode.DOWN, Mode.LOST_BEFORE, Mode.LOST_AFTER])
    def test_order_without_an_answer_comes_again_within_2_seconds(self, mode: Mode) -> None:
        bench = Bench()
        bench.venue.mode = mode
        assert bench.work() == Again("retry", 2.0)

    def test_order_that_somebody_has_comes_again_when_the_lease_ends(self) -> None:
        bench = Bench()
        bench.store.save(claim(bench.order, "other", bench.clock(), POLICY))
        bench.clock.advance(10)
        assert bench.work() == Again("waiting", 20.0)
        assert bench.venue.place_calls == []

    def test_order_whose_lease_ends_in_a_moment_comes_again_at_that_moment(self) -> None:
        bench = Bench()
        bench.store.save(claim(bench.order, "other", bench.clock(), POLICY))
        bench.clock.advance(29.5)
        assert bench.work() == Again("waiting", 0.5)

    def test_order_that_waits_no_more_is_done_without_a_call(self) -> None:
        bench = Bench()
        bench.cancel()
        assert bench.work() == Done("CANCELED")
        assert bench.venue.place_calls == []

    def test_failure_at_the_last_receive_is_a_dead_letter_and_visible_at_once(self) -> None:
        bench = Bench()
        bench.venue.mode = Mode.DOWN
        assert bench.work(receive_count=POLICY.max_receives) == Again("dead_lettered", 0)
        assert bench.order.dead_letter_cause is Cause.UNAVAILABLE

    def test_success_at_the_last_receive_is_no_dead_letter(self) -> None:
        assert Bench().work(receive_count=POLICY.max_receives) == Done("NEW")

    def test_message_of_an_order_that_is_not_stored_raises(self) -> None:
        bench = Bench()
        bench.order_id = OrderId("7b7a8f8e-0000-4000-8000-000000000000")
        with pytest.raises(UnknownOrderError, match=bench.order_id):
            bench.work()

    def test_attempt_is_told_with_all_that_is_to_be_known_of_it(self, log: Log) -> None:
        bench = Bench(new_order(signal_id="signal-1"))
        bench.venue.mode = Mode.REFUSE
        bench.work()
        (line,) = log.read()
        assert 0 <= line.pop("exchange_ms") < 1_000
        assert line == {
            "message": "attempt",
            "order_id": bench.order_id,
            "signal_id": "signal-1",
            "purpose": "place",
            "answer": "rejected",
            "reason": REFUSAL,
            "attempt": 1,
            "status": "REJECTED",
        }

    def test_milliseconds_are_those_of_the_exchange(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = iter([10.0, 12.5])
        monkeypatch.setattr("chalicelib.broker.worker.time", SimpleNamespace(perf_counter=lambda: next(moments)))
        Bench().work()
        assert log.read()[0]["exchange_ms"] == 2_500

    @pytest.mark.parametrize(
        ("mode", "last", "told"),
        [
            (Mode.NORMAL, False, {"Placed": ("Count", 1), "AcceptToPlaced": ("Milliseconds", 7_000)}),
            (Mode.REFUSE, False, {"Settled": ("Count", 1)}),
            (Mode.DOWN, False, {"PlacementRetries": ("Count", 1)}),
            (Mode.LOST_AFTER, False, {"PlacementRetries": ("Count", 1)}),
            (Mode.DOWN, True, {"DeadLettered": ("Count", 1)}),
        ],
    )
    def test_attempt_is_counted_by_what_came_of_it(
        self, mode: Mode, last: bool, told: dict[str, Any], log: Log
    ) -> None:
        bench = Bench()
        bench.clock.advance(7)
        bench.venue.mode = mode
        bench.work(receive_count=POLICY.max_receives if last else 1)
        assert log.read_metrics() == told


class TestBatch:
    """Messages of several orders, some of them to come again."""

    def batch(self, bench: Bench, *orders: Order, hook: Hook = nothing) -> dict[str, Any]:
        for order in orders:
            bench.store.create(order)
            bench.queue.put(write_body(order.order_id))
        records = list(iter(bench.queue.receive, None))
        return work_on_batch(records, bench.worker(hook), QueueSender(bench.queue, hook))

    def test_orders_are_worked_on_at_the_same_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pools: list[int | None] = []

        def pool(max_workers: int | None) -> ThreadPoolExecutor:
            pools.append(max_workers)
            return ThreadPoolExecutor(max_workers)

        monkeypatch.setattr("chalicelib.core.batches.ThreadPoolExecutor", pool)
        bench = Bench()
        orders = [new_order(order_id=OrderId(new_id())) for _ in range(PARALLEL)]
        assert self.batch(bench, *orders) == {"batchItemFailures": []}
        assert pools == [PARALLEL]
        assert {order.order_id for order in orders} == bench.venue.states.keys()

    def test_only_the_message_of_the_order_that_has_to_wait_comes_again_and_when_it_is_due(self, log: Log) -> None:
        bench = Bench()
        bench.venue.script += [Mode.DOWN]
        waiting = new_order(order_id=OrderId(new_id()))
        answer = self.batch(bench, waiting)
        (message,) = bench.queue.messages
        assert answer == {"batchItemFailures": [{"itemIdentifier": message.message_id}]}
        assert message.visible_at == bench.clock() + timedelta(seconds=2)
        told = {line["message"]: line for line in log.read()}
        assert (told["message"]["order_id"], told["message"]["outcome"]) == (waiting.order_id, "retry")

    def test_message_of_an_order_that_was_put_off_is_replaced_in_the_queue(self) -> None:
        bench = FollowerBench()
        bench.queue.put(write_body(bench.order_id))
        assert self.batch(bench) == {"batchItemFailures": []}
        assert [order_id for order_id, _ in bench.queued()] == [bench.order_id, bench.order_id]


class TestUnknownOutcomes:
    def test_order_that_arrived_without_an_answer_is_found_and_not_sent_again(self) -> None:
        bench = Bench()
        bench.venue.script.append(Mode.LOST_AFTER)
        bench.work()
        bench.clock.advance(2)
        assert bench.work() == Done("NEW")
        assert len(bench.venue.place_calls) == 1
        assert bench.causes() == [Cause.ACCEPTED, Cause.UNKNOWN, Cause.FOUND]

    def test_order_that_never_arrived_is_asked_for_and_sent_again(self) -> None:
        bench = Bench()
        bench.venue.script.append(Mode.LOST_BEFORE)
        bench.work()
        bench.clock.advance(2)
        assert bench.work() == Done("NEW")
        assert len(bench.venue.place_calls) == 2

    def test_exchange_that_cannot_tell_is_not_sent_the_order_again(self) -> None:
        bench = Bench()
        bench.venue.mode = Mode.LOST_AFTER
        bench.work()
        bench.clock.advance(2)
        bench.venue.mode = Mode.DOWN
        assert isinstance(bench.work(), Again)
        assert len(bench.venue.place_calls) == 1
        assert bench.order.in_doubt

    def test_order_of_a_dead_worker_is_asked_for_first(self) -> None:
        bench = Bench()
        bench.store.save(claim(bench.order, "dead", bench.clock(), POLICY))
        bench.venue.place(bench.order_id)
        bench.clock.advance(30)
        assert bench.work() == Done("NEW")
        assert bench.venue.place_calls == []
        assert bench.causes() == [Cause.ACCEPTED, Cause.LOST, Cause.FOUND]


class TestOthersMeanwhile:
    def test_cancel_while_the_order_is_sent_is_carried_out_by_the_same_message(self) -> None:
        bench = Bench()
        assert bench.work(at("before place", lambda _: bench.cancel())) == Done("CANCELED")
        assert bench.venue.states == {bench.order_id: Answer.CANCELED}

    def test_cancel_while_the_exchange_takes_nothing_ends_the_order(self) -> None:
        bench = Bench()
        bench.venue.mode = Mode.DOWN
        assert bench.work(at("before place", lambda _: bench.cancel())) == Done("CANCELED")
        assert bench.venue.states == {}

    def test_worker_that_is_beaten_to_the_claim_waits_for_the_other(self) -> None:
        bench = Bench()

        def other_claims(_: str) -> None:
            bench.store.save(claim(bench.order, "other", bench.clock(), POLICY))

        assert bench.work(at("before save", other_claims)) == Again("waiting", 30.0)
        assert bench.venue.place_calls == []

    def test_worker_that_lost_its_lease_records_nothing_and_says_so(self, log: Log) -> None:
        bench = Bench()

        def other_takes_over(_: str) -> None:
            bench.clock.advance(31)
            bench.store.save(claim(bench.order, "other", bench.clock(), POLICY))

        assert bench.work(at("after place", other_takes_over)) == Again("waiting", 30.0)
        assert bench.order.lease_token == "other"
        assert log.read() == [{"message": "lease lost", "order_id": bench.order_id, "answer": "working"}]

    def test_order_that_changes_at_every_try_comes_again_in_a_second(self) -> None:
        bench = Bench()

        def other_changes(_: str) -> None:
            bench.store.save(replace(bench.order, requeues=bench.order.requeues + 1))

        assert bench.work(at("before save", other_changes, times=99)) == Again("contended", 1)
        assert bench.venue.place_calls == []

    def test_cancel_of_an_order_that_changes_at_every_try_is_busy(self) -> None:
        bench = Bench()

        def other_changes(_: str) -> None:
            bench.store.save(replace(bench.order, requeues=bench.order.requeues + 1))

        store = FaultyOrderStore(bench.store, at("before save", other_changes, times=99))
        with pytest.raises(BusyError):
            cancel_order(store, bench.order_id, bench.clock, can_cancel=True)
        assert bench.order.status is OrderStatus.PENDING_NEW


class TestTurn:
    def test_order_after_one_that_waits_is_put_off_and_a_fresh_message_takes_its_place(self) -> None:
        bench = FollowerBench()
        assert bench.work() == Done("deferred")
        assert bench.queued() == [(bench.order_id, 1)]
        assert bench.order.next_attempt_at == bench.clock() + timedelta(seconds=1)
        assert bench.causes() == [Cause.ACCEPTED, Cause.DEFERRED]
        assert bench.venue.place_calls == []

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - PENDING))
    def test_order_after_one_that_is_at_the_exchange_or_final_is_placed(self, status: OrderStatus) -> None:
        assert FollowerBench(status=status).work() == Done("NEW")

    def test_order_after_one_that_is_not_stored_is_placed(self) -> None:
        bench = FollowerBench()
        del bench.store.orders[bench.first_id]
        assert bench.work() == Done("NEW")

    def test_order_that_was_put_off_is_placed_once_the_other_is_new(self) -> None:
        bench = FollowerBench()
        bench.work()
        bench.change_first(status=OrderStatus.NEW)
        bench.clock.advance(1)
        assert bench.work() == Done("NEW")
        assert (bench.causes(), bench.order.attempts) == ([Cause.ACCEPTED, Cause.DEFERRED, Cause.PLACED], 1)

    def test_order_that_was_attempted_never_looks_at_the_other_again(self) -> None:
        bench = FollowerBench(status=OrderStatus.NEW)
        bench.venue.script.append(Mode.DOWN)
        bench.work()
        bench.change_first(status=OrderStatus.PENDING_NEW)
        bench.clock.advance(2)
        assert bench.work() == Done("NEW")

    def test_fresh_message_is_hidden_in_whole_seconds_and_never_too_short(self) -> None:
        bench = FollowerBench(next_attempt_at=FakeClock()() + timedelta(seconds=7.2))
        bench.work()
        assert bench.queued() == [(bench.order_id, 9)]

    def test_fresh_message_is_hidden_no_longer_than_sqs_takes_though_the_clocks_of_workers_differ(self) -> None:
        bench = FollowerBench()
        ahead = bench.clock() + timedelta(seconds=5)
        bench.store.save(defer(bench.order, ahead + timedelta(seconds=900), ahead))
        assert bench.work() == Done("deferred")
        assert bench.queued() == [(bench.order_id, 900)]

    def test_putting_off_at_the_last_receive_is_no_dead_letter(self) -> None:
        bench = FollowerBench()
        assert bench.work(receive_count=POLICY.max_receives) == Done("deferred")
        assert bench.order.dead_lettered_at is None

    def test_second_message_of_an_order_that_was_put_off_is_replaced_too(self) -> None:
        bench = FollowerBench(next_attempt_at=FakeClock()() + timedelta(seconds=60))
        bench.work()
        before = bench.order
        bench.clock.advance(10)
        assert bench.work(receive_count=POLICY.max_receives) == Done("deferred")
        assert bench.queued() == [(bench.order_id, 51)] * 2
        assert bench.order == before

    @pytest.mark.parametrize("seconds", [1, POLICY.visibility.total_seconds()])
    def test_old_message_puts_off_what_its_worker_saved_but_did_not_send(self, seconds: float) -> None:
        bench = FollowerBench(next_attempt_at=FakeClock()() + timedelta(seconds=60))

        def break_down(_: str) -> None:
            raise LostAnswerError

        with pytest.raises(LostAnswerError):
            bench.work(at("before send", break_down))
        assert (bench.queued(), bench.causes()[-1]) == ([], Cause.DEFERRED)
        bench.clock.advance(seconds)
        assert bench.work(receive_count=2) == Done("deferred")
        assert len(bench.queued()) == 1

    def test_order_that_changed_meanwhile_is_looked_at_again(self) -> None:
        bench = FollowerBench()

        def other_puts_off(_: str) -> None:
            until = bench.clock() + timedelta(seconds=30)
            bench.store.save(defer(bench.order, until, bench.clock()))

        assert bench.work(at("before save", other_puts_off)) == Done("deferred")
        assert bench.queued() == [(bench.order_id, 30)]

    def test_order_that_changes_at_every_try_keeps_its_message(self) -> None:
        bench = FollowerBench()

        def other_changes(_: str) -> None:
            bench.store.save(replace(bench.order, requeues=bench.order.requeues + 1))

        assert bench.work(at("before save", other_changes, times=99)) == Again("contended", 1)
        assert bench.queued() == []


class TestMessageBody:
    ORDER = OrderId("7b7a8f8e-0000-4000-8000-000000000000")

    @pytest.mark.parametrize("redrives", [0, 1, 3])
    def test_body_comes_back(self, redrives: int) -> None:
        assert read_body(write_body(self.ORDER, redrives)) == (self.ORDER, redrives)

    def test_body_of_an_order_that_was_never_redriven_is_its_id_alone(self) -> None:
        assert json.loads(write_body(self.ORDER)) == {"order_id": self.ORDER}

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "no json",
            "null",
            "[]",
            "3",
            "{}",
            '{"order_id": ""}',
            '{"order_id": null}',
            '{"order_id": {"S": "x"}}',
            '{"order_id": "health"}',
            '{"order_id": "7b7a8f8e-0000-4000-8000-000000000000", "redrives": "often"}',
            '{"order_id": "7b7a8f8e-0000-4000-8000-000000000000", "redrives": null}',
            '{"order_id": "7b7a8f8e-0000-4000-8000-000000000000", "redrives": Infinity}',
            "[" * 100_000,
        ],
    )
    def test_body_that_names_no_order_is_invalid(self, body: str) -> None:
        with pytest.raises(InvalidMessageError):
            read_body(body)
