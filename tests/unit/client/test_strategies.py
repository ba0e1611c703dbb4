"""The functions of the strategies: signals are carried out once, profiles are replaced as a whole."""

import time

import pytest
import rialto_client
from rialto_client import (
    Client,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OrderLogViewRequest,
    Position,
    PositionViewRequest,
    Profiles,
    RefusedError,
    Retries,
    SignalRequest,
    SignalViewRequest,
    Timeout,
    UnavailableError,
    UnexpectedAnswerError,
)

from tests.unit.client.market_server import (
    MOMENT,
    Answer,
    Fault,
    MarketHandler,
    answers,
    hangs,
    hangs_up,
    problem,
    resets,
    stops_half_way,
)
from tests.unit.client.strategies_server import StrategiesServer

pytestmark = pytest.mark.anyio

PROFILES = Profiles({"Holland Proctor": {"STRATEGY_B": ["MINDA", "L&T"]}, "Oaklee Wagner": {"STRATEGY_D": ["ACC"]}})
BUY = SignalRequest(strategy="STRATEGY_B", instrument="L&T", position=Position.BUY)
GATEWAY_FAULT = answers(500, {"message": "Internal server error while placing the order", "RESPONSE": "ERROR"})


async def test_a_signal_goes_out_as_rialto_reads_it(trader: Client, strategies: StrategiesServer) -> None:
    strategies.profiles = PROFILES.root

    response = await trader.send_signal(BUY)

    assert response.model_dump() == {
        "signal_id": "signal-0",
        "status": "ACCEPTED",
        "users": [{"user": "Holland Proctor", "verdict": "ACCEPTED", "reason": "opens", "order_id": "order-0"}],
    }
    (request,) = strategies.seen
    assert (request.method, request.path, request.query) == ("POST", "/signals", {})
    assert request.body == {"strategy": "STRATEGY_B", "instrument": "L&T", "position": "BUY"}


@pytest.mark.parametrize("fault", [resets, hangs_up, stops_half_way, GATEWAY_FAULT, answers(429), answers(200, b"{")])
async def test_a_lost_answer_makes_no_second_signal(trader: Client, strategies: StrategiesServer, fault: Fault) -> None:
    strategies.faults.extend([fault, fault])

    response = await trader.send_signal(BUY)

    assert response.signal_id == "signal-0"
    assert len(strategies.signals) == 1
    assert len(strategies.seen) == 3


async def test_every_signal_has_a_key_of_its_own_unless_given(trader: Client, strategies: StrategiesServer) -> None:
    for key in (None, None, "monday", "monday"):
        await trader.send_signal(BUY, idempotency_key=key)

    assert len(strategies.signals) == 3
    assert strategies.keys[2:] == ["monday", "monday"]
    with pytest.raises(ValueError, match="idempotency key"):
        await trader.send_signal(BUY, idempotency_key="")


async def test_a_dry_run_takes_no_key(trader: Client, strategies: StrategiesServer) -> None:
    response = await trader.send_signal(BUY, dry_run=True)

    assert (response.signal_id, response.status) == (None, "REJECTED")
    assert strategies.seen[0].query == {"dry_run": "true"}
    assert "idempotency-key" not in strategies.seen[0].headers
    assert strategies.signals == {}


async def test_an_invalid_signal_names_its_fields(trader: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await trader.send_signal(BUY.model_copy(update={"strategy": ""}))

    assert [error.loc for error in caught.value.errors] == [("body", "strategy")]


async def test_profiles_are_replaced_as_a_whole(trader: Client, strategies: StrategiesServer) -> None:
    assert (await trader.replace_profiles(PROFILES)).root == {"users": 2, "rows": 2}
    assert strategies.profiles == PROFILES.root
    assert await trader.view_profiles() == PROFILES

    fewer = Profiles({"Oaklee Wagner": {}})
    await trader.replace_profiles(fewer)
    assert await trader.view_profiles() == fewer


async def test_the_counts_may_be_any(trader: Client, strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(200, {"generation": "g-1", "deep": {"rows": [1]}}))

    assert (await trader.replace_profiles(PROFILES)).root == {"generation": "g-1", "deep": {"rows": [1]}}


async def test_a_replacement_that_takes_long_is_not_begun_again(trader: Client, strategies: StrategiesServer) -> None:
    # Longer than the wait for the next bytes: a second request would be a rival of the first.
    def slow(handler: MarketHandler, answer: Answer) -> None:
        time.sleep(0.5)
        handler.send(*answer)

    strategies.faults.extend([slow, slow])

    await trader.replace_profiles(PROFILES)
    await trader.send_signal(BUY)

    assert len(strategies.seen) == 2


async def test_the_faster_of_two_replacements_wins(trader: Client, strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(*problem(409, "conflict", "Another replacement was faster.")))

    with pytest.raises(ConflictError, match="was faster"):
        await trader.replace_profiles(PROFILES)


@pytest.mark.parametrize(
    ("status", "response"), [(200, "ACCEPTED"), (200, "REJECTED"), (422, "REJECTED"), (500, "ERROR"), (503, "ERROR")]
)
async def test_the_older_route_says_it_in_one_word_whatever_the_status(
    trader: Client, strategies: StrategiesServer, status: int, response: str
) -> None:
    strategies.faults.append(answers(status, {"RESPONSE": response, "REASON": "R", "USERS": ["A B"], "more": 1}))

    answer = await trader.create_order(BUY)

    assert (answer.response, answer.order_id, answer.reason, answer.users) == (response, None, "R", ["A B"])
    assert strategies.seen[0].body == {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "L&T", "POSITION": "BUY"}
    assert len(strategies.seen) == 1


@pytest.mark.parametrize("fault", [resets, hangs, answers(502, b"<html>"), answers(200, {}), answers(200, b"[]")])
async def test_an_older_post_without_its_word_is_sent_again_under_its_key(
    trader: Client, strategies: StrategiesServer, fault: Fault
) -> None:
    strategies.faults.append(fault)

    assert (await trader.create_order(BUY)).order_id == "signal-0"
    assert len(set(strategies.keys)) == len(strategies.signals) == 1
    assert len(strategies.seen) == 2


async def test_the_older_route_may_be_missing(trader: Client, strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(403, {"message": "Missing Authentication Token"}))

    with pytest.raises(RefusedError):
        await trader.create_order(BUY)


async def test_another_word_is_no_answer(trader: Client, strategies: StrategiesServer) -> None:
    strategies.faults.extend([answers(200, {"RESPONSE": "MAYBE"})] * 4)

    with pytest.raises(UnavailableError) as caught:
        await trader.create_order(BUY)

    assert isinstance(caught.value.__cause__, UnexpectedAnswerError)
    assert caught.value.connected


async def test_what_never_had_a_connection_did_not_happen() -> None:
    async with Client("http://127.0.0.1:1", timeout=Timeout(overall=1), retries=Retries(2, 0)) as nobody:
        with pytest.raises(UnavailableError) as caught:
            await nobody.send_signal(BUY)

    assert caught.value.connected is False


async def test_the_plain_functions_of_the_strategies_need_the_url_only(
    strategies: StrategiesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIALTO_URL", strategies.url)

    await rialto_client.replace_profiles(PROFILES)
    first = await rialto_client.send_signal(BUY, idempotency_key="k")
    again = await rialto_client.create_order(BUY, idempotency_key="k")
    dry = await rialto_client.send_signal(BUY, dry_run=True)

    assert (first.signal_id, dry.signal_id) == (again.order_id, None)
    assert await rialto_client.view_profiles() == PROFILES


async def test_a_signal_can_be_viewed_later(trader: Client, strategies: StrategiesServer) -> None:
    strategies.profiles = PROFILES.root
    sent = await trader.send_signal(BUY)

    signal = await trader.view_signal("signal-0")

    assert (signal.strategy, signal.instrument, signal.position) == ("STRATEGY_B", "L&T", Position.BUY)
    assert signal.users == sent.users
    for unknown in ("signal-1", "", ".."):
        with pytest.raises(NotFoundError):
            await trader.view_signal(unknown)


async def test_signals_positions_and_log_come_page_by_page(trader: Client, strategies: StrategiesServer) -> None:
    signal = {"created_at": MOMENT, "strategy": "S", "instrument": "L&T", "position": "BUY", "status": "OPEN"}
    strategies.lists["signals"] = [{**signal, "signal_id": f"s-{number}"} for number in range(3)]
    row = {"user": "Holland Proctor", "strategy": "S", "instrument": "L&T", "signal_id": "s", "order_id": "o"}
    strategies.lists["positions"] = [{**row, "opened_at": MOMENT}, {**row, "opened_at": MOMENT, "instrument": "ACC"}]
    trip = {"bought_at": MOMENT, "buy_signal_id": "s", "sold_at": MOMENT, "sell_signal_id": "t", "closed_by": "R"}
    strategies.lists["entries"] = [{**row, **trip}]

    first = await trader.view_signals(SignalViewRequest(limit=2))
    (held,) = (await trader.view_positions(PositionViewRequest(user="Holland Proctor", instrument="L&T"))).positions
    (closed,) = (await trader.view_order_log(OrderLogViewRequest(strategy="S"))).entries

    assert ([one.signal_id for one in first.signals], first.next_cursor) == (["s-0", "s-1"], "2")
    assert first.signals[0].accepted is None
    assert (held.order_id, held.order_status, closed.closed_by) == ("o", None, "R")
    assert strategies.seen[1].query == {"user": "Holland Proctor", "instrument": "L&T", "limit": "50"}
