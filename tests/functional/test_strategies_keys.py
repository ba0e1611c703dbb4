"""A signal that is sent again with its Idempotency-Key changes nothing and gets the first answer."""

from collections.abc import Callable

import pytest

from tests.client_faults import ClientFaults
from tests.functional.gateway import Answer
from tests.functional.traders import BUY, EXAMPLE, HOLLAND, NOT_TRADED, SELL, Signal, Traders, reasons

Send = Callable[[Signal, str], Answer]
REPLAYED = "Idempotency-Replayed"


@pytest.fixture
def traders(aws: dict[str, str]) -> Traders:
    made = Traders(aws)
    made.put_profiles(EXAMPLE)
    return made


@pytest.fixture(params=["create_order", "signals"])
def send(request: pytest.FixtureRequest, traders: Traders) -> Send:
    """Both routes, one after the other."""
    if request.param == "create_order":
        return lambda signal, key: traders.create_order(signal, Idempotency_Key=key)
    return lambda signal, key: traders.post_signal(signal, Idempotency_Key=key)


@pytest.mark.parametrize("signal", [BUY, NOT_TRADED])
def test_repeated_signal_gets_the_first_answer(traders: Traders, send: Send, signal: Signal) -> None:
    first = send(signal, "a-key")
    before = traders.everything()
    again = send(signal, "a-key")
    assert (again.status, again.text, again.headers[REPLAYED]) == (200, first.text, "true")
    assert REPLAYED not in first.headers
    assert traders.everything() == before


@pytest.mark.parametrize("signal", [BUY, ("STRATEGY_A", "MINDA", "SELL"), NOT_TRADED])
def test_repeated_signal_gets_the_first_answer_whatever_changed_since(
    traders: Traders, send: Send, signal: Signal
) -> None:
    first = send(signal, "a-key")
    traders.signal(*(SELL if signal == BUY else BUY))
    traders.put_profiles({"Zoe": {"STRATEGY_A": ["MINDA"], "STRATEGY_B": ["MINDA"], "STRATEGY_D": ["INFY"]}})
    before = traders.everything()
    again = send(signal, "a-key")
    assert (again.text, again.headers[REPLAYED]) == (first.text, "true")
    assert traders.everything() == before


def test_repeated_sell_of_one_who_left_gets_the_first_answer(traders: Traders, send: Send) -> None:
    traders.signal(*BUY)
    traders.put_profiles({})
    first = send(SELL, "a-key")
    assert HOLLAND in first.text
    assert send(SELL, "a-key").text == first.text


@pytest.mark.parametrize("other", [SELL, ("STRATEGY_B", "L&T", "BUY"), ("STRATEGY_B", "minda", "BUY")])
def test_key_with_another_signal_is_refused(traders: Traders, send: Send, other: Signal) -> None:
    send(BUY, "a-key")
    before = traders.everything()
    answer = send(other, "a-key")
    assert answer.status == 422
    assert "This Idempotency-Key was used before, with another signal." in answer.text
    assert answer.content.get("code", "idempotency_key_reused") == "idempotency_key_reused"
    assert answer.content.get("RESPONSE", "REJECTED") == "REJECTED"
    assert traders.everything() == before


def test_key_belongs_to_its_strategy(traders: Traders, send: Send) -> None:
    send(BUY, "a-key")
    answer = send(("STRATEGY_A", "MINDA", "SELL"), "a-key")
    assert (answer.status, REPLAYED in answer.headers) == (200, False)
    assert len(traders.signals()) == 2


def test_key_is_the_same_on_both_routes(traders: Traders) -> None:
    first = traders.create_order(BUY, Idempotency_Key="a-key")
    again = traders.post_signal(BUY, Idempotency_Key="a-key")
    assert (again.content["signal_id"], again.headers[REPLAYED]) == (first.content["ORDER_ID"], "true")


def test_key_of_a_signal_is_none_of_an_order(traders: Traders, send: Send) -> None:
    send(BUY, "a-key")
    order = {"type": "market", "side": "buy", "instrument": "DE0007664039", "quantity": 1}
    assert REPLAYED not in traders.gateway.post("/orders", order, Idempotency_Key="a-key").headers


def test_without_key_the_same_signal_is_another_one(traders: Traders) -> None:
    for send in (traders.create_order, traders.post_signal):
        assert REPLAYED not in send(NOT_TRADED).headers
    assert len({row["signal_id"] for row in traders.signals()}) == 2


def test_refused_request_does_not_use_up_its_key(traders: Traders, send: Send) -> None:
    assert send(("STRATEGY_B", "MINDA", "HOLD"), "a-key").status == 422
    assert REPLAYED not in send(BUY, "a-key").headers


def test_longest_key_is_taken(send: Send) -> None:
    assert send(BUY, "0" * 255).status == 200


def test_request_that_another_overtakes_gets_its_answer(
    traders: Traders, send: Send, client_faults: ClientFaults
) -> None:
    overtaking: list[str] = []

    def overtake() -> None:
        overtaking.append(traders.post_signal(BUY, Idempotency_Key="a-key").content["signal_id"])

    # While the profiles are read, when the key was found to be free.
    client_faults.loses_answer("dynamodb.Query", then=overtake)
    answer = send(BUY, "a-key")
    assert (answer.status, answer.headers[REPLAYED]) == (200, "true")
    assert overtaking[0] in answer.text
    assert [position["user"] for position in traders.positions()] == [HOLLAND]
    assert len(traders.orders()) == 1


def test_request_that_another_overtakes_with_another_signal_is_refused(
    traders: Traders, send: Send, client_faults: ClientFaults
) -> None:
    def overtake() -> None:
        traders.post_signal(BUY, Idempotency_Key="a-key")

    client_faults.loses_answer("dynamodb.Query", then=overtake)
    answer = send(SELL, "a-key")
    assert (answer.status, "used before" in answer.text) == (422, True)
    assert len(traders.positions()) == 1


def test_replay_names_no_users_once_the_profiles_of_its_time_are_gone(traders: Traders) -> None:
    first = traders.create_order(BUY, Idempotency_Key="a-key").content
    traders.forget_profiles()
    again = traders.create_order(BUY, Idempotency_Key="a-key")
    assert (again.status, again.content) == (200, {**first, "USERS": []})
    signal = traders.post_signal(BUY, Idempotency_Key="a-key").content
    assert (signal["status"], reasons(signal)) == ("ACCEPTED", {})
