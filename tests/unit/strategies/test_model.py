"""Ten thousand signals: each comes out for each user as in the model, and leaves the same positions, log and orders."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from chalicelib.broker.order import Order, OrderId
from chalicelib.core.ids import new_id
from chalicelib.strategies.fan_out import FanOut
from chalicelib.strategies.service import Desk, preview_signal, replace_profiles, send_signal
from chalicelib.strategies.signal import ExitScope, Position, Profiles, Result, RoundTrip, Terms, order_id_of
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.strategies.fakes.profiles import MemoryProfileStore
from tests.unit.strategies.fakes.store import MemoryStrategyStore
from tests.unit.strategies.model import CLOSED, OPENED, Asked, Holding, Model, Row
from tests.unit.strategies.signals import INSTRUMENTS, LEASE, STRATEGIES

# Thousands of steps, each of them slower while it is counted which lines run; other tests count them.
pytestmark = pytest.mark.no_cover

QUANTITY = 7
"""Its place in what is told of an order."""
BLOCKS, SEEDS, SIGNALS = 5, 50, 200
NAMES = [
    f"{first} {last}" for first in ("Holland", "Oaklee", "Émile", "雪") for last in ("Proctor", "Wagner", "O'Neil")
]


@dataclass
class Seen:
    """What came about, so that nothing was shown for want of cases."""

    signals: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    closed_by_others: int = 0
    chosen_by_name: int = 0
    sold_by_leavers: int = 0
    sold_by_those_who_came_back: int = 0


class Market:
    """The platform and the model, and the same signals and profiles for both."""

    def __init__(self, seed: int, seen: Seen) -> None:
        self.random = Random(seed)
        self.seen = seen
        self.clock = FakeClock()
        self.orders = MemoryOrderStore()
        self.store = MemoryStrategyStore(self.orders, self.clock)
        self.desk = Desk(MemoryProfileStore(), FanOut(self.store, self.orders, self.clock), LEASE)
        self.scope = ExitScope.STRATEGY if seed % 3 == 0 else ExitScope.USER
        self.standing = self.random.choice([1, 5, 50])
        self.model = Model()
        # Few names, so that signals meet again what earlier ones did, or all of them.
        self.strategies = self.random.sample(STRATEGIES, self.random.choice([3, 5, 9]))
        self.instruments = self.random.sample(INSTRUMENTS, self.random.choice([1, 3, 14]))
        self.users = self.random.sample(NAMES, self.random.randint(3, len(NAMES)))
        self.is_dense = self.random.random() < 0.5
        self.gone: set[tuple[str, str]] = set()
        self.expected: dict[OrderId, tuple[object, ...]] = {}

    def run(self) -> None:
        for _ in range(SIGNALS):
            if self.random.random() < 0.08:
                self.replace_profiles()
            # Sometimes no time passes, so that positions are equally old.
            self.clock.advance(self.random.choice([0] * self.standing + [0.000001, 1]))
            self.send()

    def replace_profiles(self) -> None:
        profiles = self.draw_profiles()
        replace_profiles(self.desk, profiles)
        for holding in self.model.holdings:
            if holding.strategy not in profiles.get(holding.user, {}):
                self.gone.add((holding.user, holding.bought_by))
        self.model.profiles = profiles

    def draw_profiles(self) -> Profiles:
        """Return profiles of some of the users; a strategy's instruments are mostly the same for all of them."""
        random, traded = self.random, {name: self.draw_instruments() for name in self.strategies}
        profiles: Profiles = {}
        for user in random.sample(self.users, random.randint(0, len(self.users))):
            names = random.sample(self.strategies, self.at_least(len(self.strategies)))
            profiles[user] = {
                name: self.draw_instruments() if random.random() < 0.2 else traded[name] for name in names
            }
        return profiles

    def draw_instruments(self) -> list[str]:
        return self.random.sample(self.instruments, self.at_least(len(self.instruments)))

    def at_least(self, most: int) -> int:
        """Return any number up to the most, or in markets where everybody trades much one that is near it."""
        return self.random.randint(most * 2 // 3 if self.is_dense else 0, most)

    def send(self) -> None:
        """Send a signal to both, and compare what came of it."""
        strategy = self.random.choice(self.strategies if self.random.random() < 0.97 else STRATEGIES)
        instrument = self.random.choice(self.instruments if self.random.random() < 0.97 else INSTRUMENTS)
        side = self.random.choice(["BUY", "BUY", "SELL"])
        terms = Terms(strategy, instrument, "BUY" if side == "BUY" else "SELL", self.scope, self.random.randint(1, 5))
        preview = preview_signal(self.desk, terms) if self.random.random() < 0.2 else None
        result = send_signal(self.desk, terms, self.random.choice([None, new_id()]))
        self.compare(terms, result)
        if preview is not None:
            assert verdicts_of(preview) == verdicts_of(result)

    def compare(self, terms: Terms, result: Result) -> None:
        signal_id, now = result.signal.signal_id, self.clock()
        asked = Asked(terms.strategy, terms.instrument, terms.side, strict=self.scope is ExitScope.STRATEGY)
        before = list(self.model.holdings)
        verdicts = self.model.send(signal_id, asked, now)
        assert verdicts_of(result) == verdicts
        assert self.store.signals[signal_id] == result.signal
        assert {as_holding(one) for one in self.store.open.values()} == set(self.model.holdings)
        quantities = {one.order_id: one.quantity for one in self.store.open.values()}
        assert {as_row(one) for one in self.store.log.values()} == set(self.model.log)
        assert len(self.store.log) == len(self.model.log)
        self.expect_orders(signal_id, asked, verdicts, terms.quantity)
        assert {order.order_id: told_by(order) for order in self.orders.orders.values()} == self.expected
        assert all(self.expected[OrderId(order_id)][QUANTITY] == each for order_id, each in quantities.items())
        self.count(asked, verdicts, before)

    def expect_orders(self, signal_id: str, asked: Asked, verdicts: dict[str, str], quantity: int) -> None:
        bought_by = {row.user: row.bought_by for row in self.model.log if row.sold_by == signal_id}
        for user, verdict in verdicts.items():
            if verdict in (OPENED, CLOSED):
                after = OrderId(order_id_of(bought_by[user], user)) if verdict == CLOSED else None
                # As much is sold as was bought.
                ordered = quantity if after is None else self.expected[after][QUANTITY]
                side = "buy" if after is None else "sell"
                terms = (signal_id, user, asked.strategy, asked.instrument, side, "market", None, ordered, after)
                self.expected[OrderId(order_id_of(signal_id, user))] = terms

    def count(self, asked: Asked, verdicts: dict[str, str], before: list[Holding]) -> None:
        seen, rows = self.seen, {row.user: row for row in self.model.log[-len(verdicts) :]}
        seen.signals += 1
        seen.verdicts.update(verdicts.values())
        for user in (user for user, verdict in verdicts.items() if verdict == CLOSED):
            row = rows[user]
            ages = [one.bought_at for one in before if (one.user, one.instrument) == (user, asked.instrument)]
            seen.closed_by_others += row.strategy != asked.strategy
            seen.chosen_by_name += row.strategy != asked.strategy and ages.count(row.bought_at) > 1
            runs_strategy = asked.strategy in self.model.profiles.get(user, {})
            seen.sold_by_leavers += not runs_strategy
            seen.sold_by_those_who_came_back += runs_strategy and (user, row.bought_by) in self.gone


def verdicts_of(result: Result) -> dict[str, str]:
    assert result.users is not None
    verdicts = zip(result.users, result.signal.reasons, strict=True)
    assert len(set(result.users)) == len(result.users)
    return {user: reason.value for user, reason in verdicts}


def as_holding(position: Position) -> Holding:
    assert position.order_id == order_id_of(position.signal_id, position.user)
    return Holding(position.user, position.strategy, position.instrument, position.opened_at, position.signal_id)


def as_row(trip: RoundTrip) -> Row:
    assert trip.sell_order_id == order_id_of(trip.sell_signal_id, trip.user)
    bought = (trip.user, trip.strategy, trip.instrument, trip.bought_at, trip.buy_signal_id)
    return Row(*bought, trip.sold_at, trip.sell_signal_id, trip.closed_by)


def told_by(order: Order) -> tuple[object, ...]:
    terms = (order.signal_id, order.user, order.strategy, order.instrument, order.side, order.type)
    return (*terms, order.limit_price, order.quantity, order.after)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_signals_come_out_as_in_the_model(block: int) -> None:
    seen = Seen()
    for seed in range(block, SEEDS, BLOCKS):
        market = Market(seed, seen)
        try:
            market.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, signal {seen.signals}: {error}") from error
    assert seen.signals == SEEDS // BLOCKS * SIGNALS
    assert len(seen.verdicts) == 5
    assert min(seen.verdicts.values()) > 100
    assert min(seen.closed_by_others, seen.sold_by_leavers, seen.sold_by_those_who_came_back) > 50
    assert seen.chosen_by_name > 10, seen
