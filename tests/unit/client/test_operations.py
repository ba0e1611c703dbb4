"""The functions for the people on call, and the switches of the local exchange."""

from collections.abc import AsyncIterator

import pytest
from rialto_client import Client, ExchangeControl, ExchangeMode, NotFoundError, UnavailableError

from tests.unit.client.conftest import QUICK, SHORT
from tests.unit.client.market_server import answers, resets
from tests.unit.client.operations_server import NORMAL, OperationsServer, checked

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(operations: OperationsServer) -> AsyncIterator[Client]:
    """A client of it."""
    async with Client(operations.url, timeout=SHORT, retries=QUICK) as connected:
        yield connected


async def test_queues_and_their_dead_letters(client: Client, operations: OperationsServer) -> None:
    operations.bury(12, order_id="o-1", order_status="PENDING_NEW", attempts=20)

    (placements, hand_over) = (await client.view_queues()).queues
    found = await client.view_dead_letters("placements")

    assert (placements.name, placements.dead_letters, hand_over.dead_letters) == ("placements", 12, 0)
    assert (found.count, len(found.letters)) == (12, 10)
    assert (found.letters[0].order_id, found.letters[0].attempts) == ("o-1", 20)


async def test_dead_letters_go_back(client: Client, operations: OperationsServer) -> None:
    operations.bury(5)
    operations.at_once = 3

    assert [(await client.redrive_dead_letters("placements")).remaining for _ in range(2)] == [2, 0]
    assert operations.seen[0].body == {"queue": "placements"}


@pytest.mark.parametrize("queue", ["", "a b&c=d"])
async def test_an_unknown_queue_is_not_found(client: Client, queue: str) -> None:
    for ask in (client.view_dead_letters, client.redrive_dead_letters):
        with pytest.raises(NotFoundError, match="There are: placements, hand-over"):
            await ask(queue)


async def test_invariants_are_viewed_and_run(client: Client, operations: OperationsServer) -> None:
    operations.checks.extend([checked("2026-11-21T12:05:00.000000Z", "artwork 42")])

    before, after = await client.view_invariants(), await client.run_invariants()

    assert before.as_of is not None
    assert after.as_of is not None
    assert before.as_of < after.as_of
    assert [one.violations for one in after.invariants] == [["artwork 42"], []]


async def test_bad_health_is_an_answer(client: Client, operations: OperationsServer) -> None:
    assert (await client.check_health()).is_ok

    operations.tables["operations"] = "ClientError"
    health = await client.check_health()

    assert (health.is_ok, health.tables["operations"]) == (False, "ClientError")
    assert len(operations.seen) == 2


async def test_no_health_is_no_answer(client: Client, operations: OperationsServer) -> None:
    operations.faults.extend([answers(500, {"message": "Internal server error"}), resets, answers(503), answers(502)])

    with pytest.raises(UnavailableError):
        await client.check_health()


async def test_the_exchange_does_what_it_is_told(client: Client, operations: OperationsServer) -> None:
    assert await client.view_exchange() == ExchangeControl()

    wanted = ExchangeControl(mode=ExchangeMode.FAIL_AFTER, probability=0.3, count=7)
    assert await client.control_exchange(wanted) == wanted
    assert operations.seen[-1].method == "PUT"
    assert operations.seen[-1].path == "/_local/exchange/control"
    assert operations.seen[-1].body == NORMAL | {"mode": "fail_after", "probability": 0.3, "count": 7}


async def test_there_may_be_no_exchange(client: Client, operations: OperationsServer) -> None:
    operations.control = None

    with pytest.raises(NotFoundError):
        await client.view_exchange()
