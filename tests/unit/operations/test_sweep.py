"""The sweep, use by use."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Cause, Order, OrderId
from chalicelib.broker.queue import read_body
from chalicelib.core.ids import shard_of
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.operations.sweep import (
    CATCH_UP_TIME,
    MAX_REDRIVES,
    ORDERS_TIME,
    PAGE,
    Sweeper,
    catch_up,
    oldest_unplaced,
    sweep_orders,
)
from tests.unit.broker.fakes.exchange import Mode
from tests.unit.broker.fakes.faults import LostAnswerError
from tests.unit.broker.orders import new_order
from tests.unit.broker.platform import Platform

SLOW = 1.0
"""Seconds that a slow call takes."""
LATE = 241.0
"""Seconds after which a new order is overdue."""


def sweep(platform: Platform) -> None:
    actor = platform.sweeping()
    actor.finish()
    assert actor.error is None


def stored(platform: Platform, *orders: Order) -> None:
    for order in orders:
        platform.store.create(order)


def queued(platform: Platform) -> list[str]:
    return [read_body(message.body)[0] for message in platform.queue.messages]


def dead_lettered(platform: Platform) -> Order:
    """Return an order that failed until it became a dead letter."""
    platform.submitting("dead").finish()
    platform.hand_over_stream(1)
    platform.venue.mode = Mode.DOWN
    while not platform.queue.dead:
        platform.wait_for_message()
        platform.work_until_quiet()
        platform.queue.bury()
    platform.venue.mode = Mode.NORMAL
    (order,) = platform.waiting()
    return order


def place_another(platform: Platform) -> None:
    platform.clock.advance(1)
    platform.submitting("another").finish()
    platform.hand_over_stream(1_000)
    platform.work_until_quiet()


def sweeper_of(platform: Platform, *, slowly: bool = False) -> Sweeper:
    def take_time(point: str) -> None:
        if point == "before send":
            platform.clock.advance(SLOW)

    return platform.sweeper(take_time) if slowly else platform.sweeper()


def sweep_slowly(platform: Platform) -> None:
    """Sweep while each order that is queued takes a second."""
    sweep_orders(sweeper_of(platform, slowly=True))


class TestOverdueOrders:
    def test_overdue_order_is_queued_again(self) -> None:
        platform = Platform()
        order = new_order()
        stored(platform, order)
        platform.clock.advance(LATE)
        sweep(platform)
        assert queued(platform) == [order.order_id]
        assert platform.store.orders[order.order_id].timeline[-1].cause is Cause.REQUEUED

    def test_order_is_left_alone_while_its_message_may_still_come(self) -> None:
        platform = Platform()
        stored(platform, new_order())
        platform.clock.advance(LATE - 1)
        sweep(platform)
        assert queued(platform) == []

    def test_order_in_backoff_claimed_or_working_is_left_alone(self) -> None:
        platform = Platform()
        soon = platform.clock() + timedelta(seconds=LATE + 1)
        stored(platform, new_order(next_attempt_at=soon), new_order(next_attempt_at=soon, lease_token="token"))
        stored(platform, new_order(status=OrderStatus.NEW, placed_at=platform.clock()))
        platform.clock.advance(LATE)
        sweep(platform)
        assert queued(platform) == []

    def test_sweeps_every_minute_queue_an_order_that_nobody_takes_at_most_once_per_doubling(self) -> None:
        platform = Platform()
        stored(platform, new_order())
        for _ in range(24 * 60):
            platform.clock.advance(60)
            sweep(platform)
        assert len(queued(platform)) == 8

    def test_order_that_cannot_be_queued_does_not_stop_the_others(self) -> None:
        platform = Platform()
        stored(platform, *(new_order() for _ in range(3)))
        platform.clock.advance(LATE)
        actor = platform.sweeping()
        while actor.point != "before send":
            actor.go_on()
        actor.fail()
        actor.finish()
        assert actor.error is None
        assert len(queued(platform)) == 2
        sweep(platform)
        assert len(set(queued(platform))) == 3

    def test_order_that_moved_on_meanwhile_is_left_as_it_is(self) -> None:
        platform = Platform()
        order = new_order()
        stored(platform, order)
        platform.clock.advance(LATE)
        actor = platform.sweeping()
        while actor.point != "before save":
            actor.go_on()
        platform.canceling(order.order_id).finish()
        actor.finish()
        assert actor.error is None
        assert platform.store.orders[order.order_id].status is OrderStatus.CANCELED

    def test_long_list_is_gone_through_in_several_sweeps_each_from_where_the_last_one_stopped(self) -> None:
        platform = Platform()
        count = PAGE + 5
        orders: list[Order] = []
        while len(orders) < count:
            order = new_order(requeues=8)
            if shard_of(order.order_id, SHARDS) == 0:
                orders.append(order)
        last = replace(max(orders, key=lambda order: order.order_id), requeues=0)
        stored(platform, *(last if order.order_id == last.order_id else order for order in orders))
        platform.clock.advance(LATE)
        sweep(platform)
        assert queued(platform) == []
        sweep(platform)
        assert queued(platform) == [last.order_id]
        assert platform.states.load("sweep") == {}

    def test_a_sweep_whose_time_is_over_leaves_the_other_shards_to_the_next_ones(self) -> None:
        platform = Platform()
        orders = [new_order() for _ in range(60)]
        stored(platform, *orders)
        platform.clock.advance(LATE)
        shards: list[set[int]] = []
        while len(queued(platform)) < len(orders):
            before = len(queued(platform))
            begun = platform.clock()
            sweep_slowly(platform)
            assert platform.clock() - begun <= ORDERS_TIME + timedelta(seconds=SLOW)
            shards.append({shard_of(OrderId(order_id), SHARDS) for order_id in queued(platform)[before:]})
            assert shards[-1]
        assert sorted(queued(platform)) == sorted(order.order_id for order in orders)
        # Where one ended, the next did not begin again.
        assert shards[0].isdisjoint(shards[1])
        sweep(platform)
        sweep(platform)
        assert platform.states.load("sweep") == {}


class TestCatchUp:
    """What redrives the letters of lost windows of the orders' stream."""

    def test_all_that_was_accepted_before_is_queued_without_patience(self) -> None:
        platform = Platform()
        orders = [new_order() for _ in range(20)]
        stored(platform, *orders)
        platform.clock.advance(1)
        assert catch_up(sweeper_of(platform)) == platform.clock()
        assert sorted(queued(platform)) == sorted(order.order_id for order in orders)

    def test_it_goes_beyond_one_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.operations.sweep.PAGE", 3)
        platform = Platform()
        stored(platform, *(new_order() for _ in range(80)))
        platform.clock.advance(1)
        assert catch_up(sweeper_of(platform)) == platform.clock()
        assert len(set(queued(platform))) == 80

    def test_what_does_not_come_to_its_end_says_so_and_is_gone_on_with(self) -> None:
        platform = Platform()
        stored(platform, *(new_order() for _ in range(40)))
        platform.clock.advance(1)
        begun = platform.clock()
        assert catch_up(sweeper_of(platform, slowly=True)) is None
        assert platform.clock() - begun <= CATCH_UP_TIME + timedelta(seconds=SLOW)
        assert 0 < len(queued(platform)) < 40
        assert [catch_up(sweeper_of(platform, slowly=True)) is None for _ in range(4)] == [True, True, False, False]
        assert len(queued(platform)) == len(set(queued(platform))) == 40

    def test_an_order_that_could_not_be_queued_is_told(self) -> None:
        platform = Platform()
        stored(platform, new_order())
        platform.clock.advance(1)

        def fail(point: str) -> None:
            if point == "before send":
                raise LostAnswerError

        assert catch_up(platform.sweeper(fail)) is None
        assert catch_up(platform.sweeper()) == platform.clock()


class TestDeadLetters:
    def test_letter_of_an_unavailable_exchange_is_redriven_after_a_later_placement(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        place_another(platform)
        sweep(platform)
        assert platform.queue.dead == []
        platform.work_until_quiet()
        assert platform.store.orders[order.order_id].status is OrderStatus.NEW

    def test_a_later_order_that_is_final_by_now_was_a_placement_too(self) -> None:
        platform = Platform()
        dead_lettered(platform)
        place_another(platform)
        (placed,) = (order for order in platform.store.orders.values() if not order.is_pending)
        platform.store.save(replace(placed, status=OrderStatus.FILLED, cum_qty=placed.quantity))
        sweep(platform)
        assert platform.queue.dead == []

    def test_letter_stays_while_nothing_was_placed_since(self) -> None:
        platform = Platform()
        dead_lettered(platform)
        sweep(platform)
        assert len(platform.queue.dead) == 1
        assert platform.queue.dead[0].visible_at <= platform.clock()

    def test_letter_of_an_unknown_outcome_is_for_a_person(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        unsure = replace(order, in_doubt=True, dead_letter_cause=Cause.UNKNOWN)
        platform.store.save(unsure)
        place_another(platform)
        sweep(platform)
        assert len(platform.queue.dead) == 1

    def test_letter_is_redriven_at_most_three_times(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        platform.queue.dead[0].body = f'{{"order_id": "{order.order_id}", "redrives": {MAX_REDRIVES}}}'
        place_another(platform)
        sweep(platform)
        assert len(platform.queue.dead) == MAX_REDRIVES - 2

    def test_redriven_message_counts_its_redrives(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        place_another(platform)
        sweep(platform)
        assert read_body(platform.queue.messages[0].body) == (order.order_id, 1)

    def test_letter_of_an_order_that_was_settled_is_removed(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        platform.canceling(order.order_id).finish()
        sweep(platform)
        assert platform.queue.dead == []

    def test_letters_that_nobody_understands_stay(self) -> None:
        platform = Platform()
        for body in ("no json", "{}", '{"order_id": "7b7a8f8e-0000-4000-8000-000000000000"}'):
            platform.queue.put(body)
        platform.queue.dead, platform.queue.messages = platform.queue.messages, []
        sweep(platform)
        assert len(platform.queue.dead) == 3

    def test_letter_that_was_sent_but_not_removed_is_moved_again_and_placed_once(self) -> None:
        platform = Platform()
        order = dead_lettered(platform)
        place_another(platform)
        actor = platform.sweeping()
        while actor.point != "before letter remove":
            actor.go_on()
        actor.go_on(LostAnswerError())
        actor.finish()
        assert actor.error is None
        assert len(platform.queue.dead) == 1
        platform.settle()
        assert platform.venue.acceptances[order.order_id] == 1


class TestOldestUnplaced:
    def test_nothing_waits_for_0_seconds(self) -> None:
        platform = Platform()
        assert oldest_unplaced(platform.store, platform.clock()) == 0

    def test_oldest_of_all_shards_counts(self) -> None:
        platform = Platform()
        stored(platform, *(new_order(platform.clock() - timedelta(seconds=age)) for age in (30, 90, 60, 10)))
        assert oldest_unplaced(platform.store, platform.clock()) == 90
