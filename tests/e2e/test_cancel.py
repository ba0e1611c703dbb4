"""Cancel at every stage: never an order that is CANCELED with us and alive at the exchange."""

from tests.e2e.stack import Stack, eventually


def test_before_the_claim_it_is_canceled_at_once_and_never_sent(stack: Stack) -> None:
    with stack.paused("PlaceOrdersFunction"):
        order_id = stack.submit()["id"]
        response = stack.cancel(order_id)
        assert (response.status_code, response.json()["status"]) == (200, "CANCELED")

    marker = stack.submit()["id"]
    stack.wait_for(marker, "NEW")
    stack.wait_until_quiet()
    assert order_id not in stack.exchange.orders()
    assert stack.order(order_id)["status"] == "CANCELED"


def test_while_it_is_being_sent_the_exchange_decides(stack: Stack) -> None:
    stack.exchange.behave("slow_before", delay=0.8, operations=["place"])
    order_id = stack.submit()["id"]
    eventually(lambda: stack.timeline(order_id)["attempts"], lambda attempts: attempts == 1, every=0.02)

    response = stack.cancel(order_id)

    assert (response.status_code, response.json()["status"]) == (200, "PENDING_CANCEL")
    stack.wait_for(order_id, "CANCELED")
    assert stack.exchange.orders()[order_id]["status"] == "canceled"


def test_after_an_unknown_outcome_the_exchange_decides(stack: Stack) -> None:
    stack.exchange.behave("fail_after")
    order_id = stack.submit()["id"]
    eventually(lambda: stack.causes(order_id), lambda causes: "unknown" in causes)
    assert stack.exchange.orders()[order_id]["status"] == "working"

    response = stack.cancel(order_id)
    stack.exchange.behave("normal")

    assert (response.status_code, response.json()["status"]) == (200, "PENDING_CANCEL")
    stack.wait_for(order_id, "CANCELED")
    assert stack.exchange.orders()[order_id]["status"] == "canceled"


def test_an_order_still_on_its_way_when_it_is_canceled_does_not_come_alive_later(stack: Stack) -> None:
    stack.exchange.behave("slow_before", delay=8, operations=["place"], count=1)
    order_id = stack.submit()["id"]
    eventually(lambda: stack.causes(order_id), lambda causes: "unknown" in causes)

    stack.cancel(order_id)
    stack.wait_for(order_id, "CANCELED")

    eventually(lambda: stack.exchange.orders()[order_id]["place_requests"], lambda requests: requests >= 1)
    assert stack.exchange.orders()[order_id]["status"] == "canceled"


def test_after_an_outage_it_was_certainly_not_sent_and_is_canceled_at_once(stack: Stack) -> None:
    stack.exchange.behave("down")
    order_id = stack.submit()["id"]
    eventually(lambda: stack.causes(order_id), lambda causes: "unavailable" in causes)

    response = eventually(lambda: stack.cancel(order_id), lambda response: response.status_code != 503)
    stack.exchange.behave("normal")

    assert response.status_code == 200
    stack.wait_for(order_id, "CANCELED")
    at_exchange = stack.exchange.order(order_id)
    assert at_exchange is None or at_exchange["status"] == "canceled"


def test_after_placement_the_exchange_cancels_it(stack: Stack) -> None:
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")

    response = stack.cancel(order_id)

    assert (response.status_code, response.json()["status"]) == (200, "PENDING_CANCEL")
    stack.wait_for(order_id, "CANCELED")
    assert stack.exchange.orders()[order_id]["status"] == "canceled"
    assert stack.causes(order_id) == ["accepted", "placed", "cancel_requested", "canceled"]


def test_a_cancel_outlives_an_outage(stack: Stack) -> None:
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")
    stack.exchange.behave("down")
    stack.cancel(order_id)
    eventually(lambda: stack.causes(order_id), lambda causes: "unavailable" in causes)
    assert stack.order(order_id)["status"] == "PENDING_CANCEL"

    stack.exchange.behave("normal")

    stack.wait_for(order_id, "CANCELED")
    assert stack.exchange.orders()[order_id]["status"] == "canceled"


def test_a_final_order_cannot_be_canceled(stack: Stack) -> None:
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")
    stack.cancel(order_id)
    stack.wait_for(order_id, "CANCELED")

    problem = stack.cancel(order_id).json()

    assert (problem["status"], problem["code"], problem["order_status"]) == (409, "order_final", "CANCELED")


def test_the_given_exchange_cannot_cancel_what_was_sent(stack: Stack) -> None:
    with (
        stack.environment("PlaceOrdersFunction", EXCHANGE="given", GIVEN_FAILURE_RATE="0"),
        stack.environment("APIHandlerName", EXCHANGE="given"),
    ):
        order_id = stack.submit()["id"]
        stack.wait_for(order_id, "NEW")

        problem = stack.cancel(order_id).json()

    assert (problem["status"], problem["code"]) == (409, "cancel_unsupported")
    assert stack.order(order_id)["status"] == "NEW"
