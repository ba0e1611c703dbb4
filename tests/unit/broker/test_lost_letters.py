"""A message or dead letter that is gone, by retention or by a person, loses no order."""

from tests.unit.broker.fakes.exchange import Mode
from tests.unit.broker.platform import Platform, check_settled


def dead_lettered_order() -> Platform:
    platform = Platform()
    platform.submitting("key").finish()
    platform.hand_over_stream(1)
    platform.venue.mode = Mode.DOWN
    while not platform.queue.dead:
        platform.work_until_quiet()
        platform.clock.advance(30)
        platform.queue.bury()
    (order,) = platform.waiting()
    assert order.dead_lettered_at is not None
    return platform


def test_order_whose_dead_letter_expired_is_placed_all_the_same() -> None:
    platform = dead_lettered_order()
    platform.queue.dead.clear()
    platform.settle()
    check_settled(platform)


def test_order_whose_redriven_message_was_lost_is_placed_all_the_same() -> None:
    platform = dead_lettered_order()
    platform.redriving().finish()
    platform.queue.messages.clear()
    platform.settle()
    check_settled(platform)
