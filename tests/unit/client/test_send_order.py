"""Sending an order makes one order, whatever happens to the answers."""

import asyncio

import pytest
from rialto_client import (
    Client,
    Direction,
    InvalidRequestError,
    OrderRequest,
    RefusedError,
    Retries,
    ServerFaultError,
    ThrottledError,
    Timeout,
    UnavailableError,
    UnexpectedAnswerError,
)

from tests.unit.client.market_server import (
    Fault,
    MarketServer,
    answers,
    hangs,
    hangs_up,
    problem,
    resets,
    stops_half_way,
)

pytestmark = pytest.mark.anyio

ORDER = OrderRequest(user_id=1, artwork_id=7, price=12.5, direction=Direction.BUY)
GATEWAY_FAULT = answers(500, {"message": "Internal server error while placing the order", "RESPONSE": "ERROR"})


async def test_an_order_goes_out_as_the_market_reads_it(client: Client, market: MarketServer) -> None:
    response = await client.send_order(ORDER)

    assert response.order_id == "order-0"
    (request,) = market.seen
    assert (request.method, request.path) == ("POST", "/market/orders")
    assert request.body == {"user_id": 1, "artwork_id": 7, "price": 12.5, "direction": "buy"}
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(resets, id="reset"),
        pytest.param(hangs_up, id="closed"),
        pytest.param(stops_half_way, id="cut-in-the-middle"),
        pytest.param(hangs, id="timeout"),
        pytest.param(GATEWAY_FAULT, id="500"),
        pytest.param(answers(502, b"<html>Bad Gateway</html>"), id="502-html"),
        pytest.param(answers(503, problem(503, "busy", "Try again.")[1]), id="503"),
        pytest.param(answers(504), id="504"),
        pytest.param(answers(429), id="429"),
        pytest.param(answers(201, b"not json"), id="garbage"),
        pytest.param(answers(201, {"is_canceled": True}), id="another-answer"),
        pytest.param(answers(200, {}, {"Content-Encoding": "gzip"}), id="not-gzip"),
    ],
)
async def test_a_lost_answer_never_makes_a_second_order(client: Client, market: MarketServer, fault: Fault) -> None:
    market.faults.extend([fault, fault])

    response = await client.send_order(ORDER)

    assert response.order_id == "order-0"
    assert len(market.orders) == 1
    assert len(market.seen) == 3
    assert len(set(market.keys)) == 1


async def test_every_send_is_an_order_of_its_own(client: Client, market: MarketServer) -> None:
    responses = await asyncio.gather(*(client.send_order(ORDER) for _ in range(20)))

    assert len({response.order_id for response in responses}) == len(market.orders) == 20


async def test_concurrent_sends_through_faults_make_one_order_each(client: Client, market: MarketServer) -> None:
    market.faults.extend([resets, GATEWAY_FAULT, hangs_up] * 5)

    responses = await asyncio.gather(*(client.send_order(ORDER) for _ in range(20)), return_exceptions=True)

    sent = [response.order_id for response in responses if not isinstance(response, BaseException)]
    assert len(market.orders) == 20
    assert len(set(sent)) == len(sent) >= 17


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (answers(503), ServerFaultError),
        (answers(429), ThrottledError),
        (answers(201, b"<html>"), UnexpectedAnswerError),
    ],
)
async def test_when_the_attempts_are_used_up_the_last_cause_is_told(
    client: Client, market: MarketServer, fault: Fault, cause: type[Exception]
) -> None:
    market.faults.extend([fault] * 4)

    with pytest.raises(UnavailableError) as caught:
        await client.send_order(ORDER)

    assert isinstance(caught.value.__cause__, cause)
    assert caught.value.attempts == len(market.seen) == 4
    assert cause.__name__ in str(caught.value)


async def test_an_order_whose_fate_is_unknown_is_sent_again_under_its_key(client: Client, market: MarketServer) -> None:
    market.faults.extend([resets] * 4)
    with pytest.raises(UnavailableError) as caught:
        await client.send_order(ORDER)

    response = await client.send_order(ORDER, idempotency_key=caught.value.idempotency_key)

    assert response.order_id == "order-0"
    assert len(market.orders) == 1


@pytest.mark.parametrize("key", ["", "  ", "k" * 256, "schlüssel", "line\nbreak"])
async def test_a_key_that_no_header_can_carry_is_not_sent(client: Client, market: MarketServer, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        await client.send_order(ORDER, idempotency_key=key)

    assert market.seen == []


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422])
async def test_what_is_refused_is_not_sent_again(client: Client, market: MarketServer, status: int) -> None:
    market.faults.append(answers(status, headers={"Location": "/elsewhere"}))

    with pytest.raises(RefusedError) as caught:
        await client.send_order(ORDER)

    assert caught.value.status == status
    assert len(market.seen) == 1


async def test_an_invalid_order_is_refused_with_the_fields_that_are_wrong(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await client.send_order(ORDER.model_copy(update={"price": -1}))

    (error,) = caught.value.errors
    assert (error.loc, error.type) == (("body", "price"), "greater_than")
    assert (caught.value.code, caught.value.problem.request_id) == ("validation_failed", "r-1")
    assert "body.price: Input should be greater than 0" in str(caught.value)


async def test_retry_after_is_honoured(client: Client, market: MarketServer) -> None:
    market.faults.append(answers(429, headers={"Retry-After": "1"}))
    started = asyncio.get_running_loop().time()

    await client.send_order(ORDER)

    assert asyncio.get_running_loop().time() - started >= 1
    assert len(market.seen) == 2


async def test_a_retry_after_beyond_the_time_is_not_waited_for(client: Client, market: MarketServer) -> None:
    market.faults.append(answers(429, headers={"Retry-After": "3600"}))

    async with asyncio.timeout(2):
        with pytest.raises(UnavailableError) as caught:
            await client.send_order(ORDER)

    assert isinstance(caught.value.__cause__, ThrottledError)
    assert caught.value.__cause__.retry_after == 3600
    assert len(market.seen) == 1


async def test_the_overall_time_ends_a_call_that_still_had_attempts(market: MarketServer) -> None:
    market.faults.extend([hangs] * 9)
    async with Client(market.url, timeout=Timeout(read=0.2, overall=0.5), retries=Retries(9, 0, 0)) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(UnavailableError) as caught:
            await client.send_order(ORDER)
        assert asyncio.get_running_loop().time() - started < 0.8

    assert caught.value.attempts == 3
    assert caught.value.idempotency_key == market.keys[0]


async def test_the_overall_time_ends_a_single_attempt(market: MarketServer) -> None:
    market.faults.append(hangs)
    async with Client(market.url, timeout=Timeout(overall=0.2)) as client, asyncio.timeout(2):
        with pytest.raises(UnavailableError) as caught:
            await client.send_order(ORDER)

    assert isinstance(caught.value.__cause__, TimeoutError)
