"""When the retries are used up: visible, redriven, placed. Never lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.stack import Stack, eventually


@contextmanager
def _few_receives(stack: Stack, receives: int = 2) -> Iterator[None]:
    """Let messages die after a few receives: in the queue, and in what the worker knows of it."""
    url = stack.deployment.outputs["PlacementsQueue"]
    before = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    target = before["RedrivePolicy"].split('"deadLetterTargetArn"')[1].split('"')[1]
    few = f'{{"deadLetterTargetArn": "{target}", "maxReceiveCount": {receives}}}'
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": few})
    try:
        with stack.environment("PlaceOrdersFunction", PLACEMENT_MAX_RECEIVES=str(receives)):
            yield
    finally:
        stack.sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def _letter_of(stack: Stack, order_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        letters = stack.dead_letters()["letters"]
        return next((letter for letter in letters if letter.get("order_id") == order_id), None)

    letter = eventually(look, lambda letter: letter is not None)
    assert letter is not None
    return letter


def test_retries_used_up_make_a_visible_dead_letter_that_a_redrive_places(stack: Stack) -> None:
    with _few_receives(stack):
        stack.exchange.behave("down")
        order_id = stack.submit()["id"]
        letter = _letter_of(stack, order_id)

        assert (letter["reason"], letter["order_status"]) == ("unavailable", "PENDING_NEW")
        assert _letter_of(stack, order_id)["message_id"] == letter["message_id"]
        assert stack.queue()["dead_letters"] == 1
        assert stack.causes(order_id)[-2:] == ["unavailable", "dead_lettered"]

        stack.exchange.behave("normal")
        assert stack.redrive() == {"queue": "placements", "redriven": 1, "remaining": 0}
        stack.wait_for(order_id, "NEW")

    assert stack.dead_letters()["count"] == 0


def test_the_sweep_takes_letters_of_an_outage_back_once_the_exchange_takes_orders_again(stack: Stack) -> None:
    with _few_receives(stack):
        stack.exchange.behave("down")
        order_id = stack.submit()["id"]
        _letter_of(stack, order_id)
        stack.sweep()
        assert _letter_of(stack, order_id)["reason"] == "unavailable"

        stack.exchange.behave("normal")
        stack.wait_for(stack.submit()["id"], "NEW")

        def sweep_and_look() -> str:
            stack.sweep()
            status: str = stack.order(order_id)["status"]
            return status

        eventually(sweep_and_look, lambda status: status == "NEW", every=1)


def test_a_redrive_interrupted_between_send_and_delete_loses_nothing_and_doubles_nothing(stack: Stack) -> None:
    with _few_receives(stack):
        stack.exchange.behave("down")
        order_id = stack.submit()["id"]
        letter = _letter_of(stack, order_id)
        stack.exchange.behave("normal")

        stack.sqs.send_message(QueueUrl=stack.deployment.outputs["PlacementsQueue"], MessageBody=letter["body"])
        stack.wait_for(order_id, "NEW")
        at_exchange = stack.exchange.orders()[order_id]
        assert _letter_of(stack, order_id)["reason"] == "resolved"
        stack.redrive()

        stack.wait_until_quiet()
        assert stack.exchange.orders()[order_id] == at_exchange


def test_a_message_that_names_no_order_ends_as_a_visible_dead_letter(stack: Stack) -> None:
    url = stack.deployment.outputs["PlacementsDeadLetterQueue"]
    stack.sqs.send_message(QueueUrl=url, MessageBody="not ours")

    def look() -> list[str]:
        return [letter["reason"] for letter in stack.dead_letters()["letters"]]

    eventually(look, lambda reasons: reasons == ["unreadable_message"])
    stack.sqs.purge_queue(QueueUrl=url)


def test_a_lost_stream_window_is_placed_by_its_redrive(stack: Stack) -> None:
    with stack.losing_events("HandOverFunction"):
        order_id = stack.submit()["id"]
    window = '{"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"batchSize": 1}}'
    stack.sqs.send_message(QueueUrl=stack.deployment.outputs["HandOverDeadLetterQueue"], MessageBody=window)
    (letter,) = stack.wait_for_letters("hand-over")
    assert letter["reason"] == "RetryAttemptsExhausted"

    stack.redrive("hand-over")

    stack.wait_for(order_id, "NEW")
    assert stack.dead_letters("hand-over")["count"] == 0
