"""An outage of a day: the queue does not grow with time, and afterwards every order is placed."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.broker.order import OrderId
from chalicelib.broker.placement import Policy
from chalicelib.broker.queue import read_body, write_body
from chalicelib.core.ids import derive_id
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.fakes.exchange import Mode
from tests.unit.broker.platform import Platform, check_always, check_settled

POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), max_receives=20)
ORDERS = 10


def platform_with_orders() -> Platform:
    platform = Platform(POLICY)
    for number in range(ORDERS):
        platform.submitting(f"key {number}").finish()
    platform.hand_over_stream(ORDERS)
    return platform


def work_for(platform: Platform, hours: int) -> int:
    """Let workers and sweeps run for so long; return the most messages that there ever were."""
    most = 0
    for minute in range(hours * 60):
        end = platform.clock() + timedelta(minutes=1)
        platform.work_until_quiet()
        while (due := platform.queue.next_visible_at()) is not None and due < end:
            platform.wait_for_message()
            platform.work_until_quiet()
        platform.clock.now = end
        if minute % 5 == 0:
            platform.sweeping().finish()
        most = max(most, len(platform.queue.messages) + len(platform.queue.dead))
    return most


def test_each_order_has_one_message_all_through_an_outage_of_a_day() -> None:
    platform = platform_with_orders()
    platform.venue.mode = Mode.DOWN
    assert work_for(platform, 24) == ORDERS
    check_always(platform)
    assert len(platform.waiting()) == ORDERS


def test_every_order_is_a_visible_dead_letter_after_a_day() -> None:
    platform = platform_with_orders()
    platform.venue.mode = Mode.DOWN
    work_for(platform, 24)
    assert len(platform.queue.dead) == ORDERS
    assert all(order.dead_lettered_at is not None for order in platform.waiting())


def test_one_placement_after_the_outage_brings_all_letters_back_without_a_person() -> None:
    platform = platform_with_orders()
    platform.venue.mode = Mode.DOWN
    work_for(platform, 24)
    platform.venue.mode = Mode.NORMAL
    platform.submitting("first after the outage").finish()
    platform.hand_over_stream(10_000)
    work_for(platform, 1)
    assert {order.status for order in platform.store.orders.values()} == {OrderStatus.NEW}
    check_settled(platform)


def test_order_that_comes_after_another_waits_for_days_with_one_message_that_is_no_dead_letter() -> None:
    platform = Platform(replace(POLICY, max_receives=3))
    platform.signaling("buy").finish()
    (first,) = platform.store.orders
    platform.signaling("sell", first).finish()
    platform.hand_over_stream(2)
    # A message that comes twice does not wear out either.
    platform.queue.put(write_body(OrderId(derive_id("signal", "sell"))))
    platform.venue.mode = Mode.DOWN
    assert work_for(platform, 48) == 3
    assert [read_body(message.body)[0] for message in platform.queue.dead] == [first]
    assert platform.venue.place_calls == [first] * 3
    check_always(platform)
    platform.venue.mode = Mode.NORMAL
    platform.redriving().finish()
    work_for(platform, 1)
    assert {order.status for order in platform.store.orders.values()} == {OrderStatus.NEW}
    check_settled(platform)


def test_shorter_outage_makes_no_dead_letter() -> None:
    platform = platform_with_orders()
    platform.venue.mode = Mode.DOWN
    work_for(platform, 1)
    platform.venue.mode = Mode.NORMAL
    assert work_for(platform, 1) <= ORDERS
    check_settled(platform)


def test_queue_grows_by_doublings_only_while_no_worker_runs() -> None:
    platform = platform_with_orders()
    for _ in range(2 * 24 * 12):
        platform.clock.advance(300)
        platform.sweeping().finish()
    assert len(platform.queue.messages) <= ORDERS * 11
    platform.work_until_quiet()
    check_settled(platform)
