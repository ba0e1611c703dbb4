"""What a signal costs, in write units as the emulator counts them, which is as AWS does."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.broker.store import DynamoOrderStore
from chalicelib.strategies.fan_out import FanOut
from chalicelib.strategies.item import SHARDS
from chalicelib.strategies.profiles import DynamoProfileStore
from chalicelib.strategies.service import Desk, preview_signal, replace_profiles, send_signal
from chalicelib.strategies.signal import ExitScope, Side, Terms
from chalicelib.strategies.store import DynamoStrategyStore
from infra.capacity import SIGNAL, SIGNAL_BUY_USER, SIGNAL_FOR_NOBODY, SIGNAL_SELL_USER, USERS_PER_VERDICT_UNIT
from tests.e2e.stack import Stack
from tests.e2e.tables import capacity_of, table_like

pytestmark = pytest.mark.embedded_only("LocalStack counts 1 write unit for each transacted item, and none for indexes")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Counted:
    """Tables with the schema of the deployed ones and no hand-over behind them."""

    def __init__(self, tables: dict[str, str]) -> None:
        orders = DynamoOrderStore(tables["BrokerOrders"])
        self.store = DynamoStrategyStore(tables["Signals"], tables["Positions"], tables["OrderLog"], orders)
        profiles = DynamoProfileStore(tables["Subscriptions"])
        self.desk = Desk(profiles, FanOut(self.store, orders, lambda: NOW), timedelta(minutes=5))

    def put_users(self, count: int) -> None:
        """Replace the profiles by so many users of one strategy."""
        users = [f"Holland Proctor {number:05d}" for number in range(count)]
        replace_profiles(self.desk, {user: {"STRATEGY_A": ["MINDA"]} for user in users})

    def send(self, side: Side) -> tuple[float, int]:
        """Send a signal; return the write units it took, and how many users it was valid for."""
        with capacity_of(self.store._signals) as of_signals, capacity_of(self.store._positions) as of_transactions:
            result = send_signal(self.desk, Terms("STRATEGY_A", "MINDA", side, ExitScope.USER, 1), None)
        return of_signals.units + of_transactions.units, sum(one.is_accepted for one in result.signal.reasons)


@pytest.fixture
def counted(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Tables of a test's own."""
    names = ("BrokerOrders", "Signals", "Subscriptions", "Positions", "OrderLog")
    with ExitStack() as tables:
        yield Counted({name: tables.enter_context(table_like(name, stack, monkeypatch)) for name in names})


@pytest.mark.parametrize("users", [1, 10, 130])
def test_a_signal_costs_by_the_users_it_is_valid_for(counted: Counted, users: int) -> None:
    counted.put_users(users)

    assert counted.send("BUY") == (SIGNAL_BUY_USER.write * users + SIGNAL.write, users)
    assert counted.send("SELL") == (SIGNAL_SELL_USER.write * users + SIGNAL.write, users)


def test_a_signal_that_is_valid_for_nobody_costs(counted: Counted) -> None:
    counted.put_users(130)

    assert counted.send("SELL") == (SIGNAL_FOR_NOBODY.write, 0)


def test_verdicts_of_so_many_users_cost_1_more(counted: Counted) -> None:
    counted.put_users(USERS_PER_VERDICT_UNIT)
    counted.send("BUY")
    counted.put_users(USERS_PER_VERDICT_UNIT + 1)

    units, accepted = counted.send("BUY")

    # The one new user's, and the signal's, whose completion is above 1 KB now.
    assert (units, accepted) == (SIGNAL_BUY_USER.write + SIGNAL.write + 1, 1)


def test_a_preview_writes_nothing(counted: Counted) -> None:
    counted.put_users(10)
    with capacity_of(counted.store._signals) as of_signals, capacity_of(counted.store._positions) as of_positions:
        preview_signal(counted.desk, Terms("STRATEGY_A", "MINDA", "BUY", ExitScope.USER, 1))

    assert (of_signals.calls, of_positions.calls) == (0, 0)


def test_a_decision_reads_by_shards_and_not_user_by_user(counted: Counted) -> None:
    calls = []
    for users in (10, 300):
        counted.put_users(users)
        with capacity_of(counted.store._positions, ["Query", "BatchGetItem", "GetItem"]) as reads:
            counted.send("SELL")
        calls.append(reads.calls)

    assert calls == [SHARDS, SHARDS]
