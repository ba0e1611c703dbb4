import threading
from collections.abc import Callable

import pytest

from chalicelib.core.batches import MAX_VISIBILITY, Again, Done, Message, read_messages, work_queue
from tests.functional.events import queue_event


class Visibility:
    """Notes the changes; may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.delays: dict[str, int] = {}
        self._error = error

    def change_visibility(self, delays: dict[str, int]) -> None:
        if self._error is not None:
            raise self._error
        self.delays |= delays


def messages(count: int) -> list[Message]:
    return [Message(f"m{at}", f"handle{at}", f"body {at}", 1) for at in range(count)]


def work(
    handle: Callable[[Message], Done | Again], count: int = 1, visibility: Visibility | None = None, parallel: int = 10
) -> list[str]:
    """Work on so many messages; return the ids of those that come again."""
    answer = work_queue(messages(count), handle, visibility or Visibility(), parallel)
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_recorded_message_is_read() -> None:
    (message,) = read_messages(queue_event('{"order_id": "x"}', receive_count=7)["Records"])
    assert message == Message("m0", message.receipt_handle, '{"order_id": "x"}', 7)


def test_messages_that_are_done_do_not_come_again() -> None:
    assert work(lambda _: Done("ok"), 3) == []


def test_only_the_messages_that_failed_come_again() -> None:
    def handle(message: Message) -> Done | Again:
        if message.message_id == "m1":
            raise RuntimeError("no")
        return Again("later", 3) if message.message_id == "m2" else Done("ok")

    assert work(handle, 4) == ["m1", "m2"]


def test_all_messages_of_a_batch_are_handled_at_once() -> None:
    barrier = threading.Barrier(10, timeout=20)

    def handle(_: Message) -> Done:
        barrier.wait()
        return Done("ok")

    assert work(handle, 10) == []


def test_no_more_messages_are_handled_at_once_than_allowed() -> None:
    three = threading.Barrier(3)

    def handle(_: Message) -> Done:
        with pytest.raises(threading.BrokenBarrierError):
            three.wait(timeout=0.5)
        return Done("ok")

    assert work(handle, 20, parallel=2) == []


@pytest.mark.parametrize(("after", "delay"), [(0, 0), (0.1, 1), (1, 1), (1.0001, 2), (899.5, 900)])
def test_delay_is_rounded_up_to_whole_seconds(after: float, delay: int) -> None:
    visibility = Visibility()
    work(lambda _: Again("later", after), visibility=visibility)
    assert visibility.delays == {"handle0": delay}


def test_delay_is_at_most_what_sqs_takes() -> None:
    visibility = Visibility()
    work(lambda _: Again("later", 1e9), visibility=visibility)
    assert visibility.delays == {"handle0": MAX_VISIBILITY} == {"handle0": 43_200}


def test_message_whose_handler_raised_keeps_the_visibility_of_its_queue() -> None:
    def handle(_: Message) -> Done:
        raise RuntimeError("no")

    visibility = Visibility(AssertionError("not to be called"))
    assert work(handle, 2, visibility) == ["m0", "m1"]
    assert visibility.delays == {}


def test_messages_come_again_though_their_visibility_could_not_be_changed() -> None:
    assert work(lambda _: Again("later", 3), 2, Visibility(RuntimeError("no"))) == ["m0", "m1"]


def test_empty_batch_is_done() -> None:
    assert work(lambda _: Done("ok"), 0) == []
