"""What is traded when, in what parts and at what price: the engine without a clock."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from exchange_journal import Journal
from exchange_record import RecordedVenue
from exchange_trading import TICK, Trading, TradingEngine, next_slice
from exchange_venue import ClientOrderId, Order, OrderTerms
from exchange_walk import PriceWalk
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CHEAP, DEAR = 1, 1_000
"""Limits far from any price of the walk."""


class Exchange:
    """A venue and its engine, and the moment that both see."""

    def __init__(self, venue: RecordedVenue, **trading: Any) -> None:
        self.venue = venue
        self.engine = TradingEngine(venue.find, Trading(**trading))
        self.now = NOON

    def place(self, order_id: str, side: str = "buy", limit: float | None = None, quantity: int = 10) -> None:
        terms = {"type": "market" if limit is None else "limit", "side": side, "limit_price": limit}
        content = OrderTerms.model_validate({**terms, "instrument": "ACC", "quantity": quantity})
        self.engine.admit(self.venue.place(ClientOrderId(order_id), content, self.now, ()))

    def turn(self, after: timedelta = timedelta(0)) -> None:
        self.now += after
        self.venue.execute(self.engine.turn(self.now), self.now)

    def order(self, order_id: str) -> Order:
        order = self.venue.find(ClientOrderId(order_id))
        assert order
        return order


@pytest.fixture
def open_exchange(tmp_path: Any) -> Any:
    journal = Journal(tmp_path / "journal")
    yield lambda **trading: Exchange(RecordedVenue(journal), **trading)
    journal.close()


Opened = Callable[..., Exchange]


# The walk and the slices


def test_a_walk_is_the_same_for_the_same_seed_and_instrument() -> None:
    def prices(seed: int, instrument: str) -> list[Decimal]:
        walk = PriceWalk(seed, instrument)
        return [walk.step() for _ in range(100)]

    assert prices(1, "ACC") == prices(1, "ACC")
    assert len({tuple(prices(seed, name)) for seed in (1, 2) for name in ("ACC", "INFY")}) == 4


def test_a_walk_goes_by_small_steps_between_its_ends() -> None:
    reached = set[Decimal]()
    for seed in range(8):
        walk = PriceWalk(seed, "ACC")
        prices = [walk.price, *(walk.step() for _ in range(10_000))]
        assert prices[0] == 100
        assert max(abs(after - before) for before, after in pairwise(prices)) == 1
        reached |= {min(prices), max(prices)}
    assert (int(min(reached)), int(max(reached))) == (50, 150)


@given(st.integers(1, 10**9), st.integers(1, 60))
def test_slices_are_as_equal_as_whole_numbers_allow_and_add_up(quantity: int, slices: int) -> None:
    done, parts = 0, list[int]()
    while done < quantity:
        parts.append(next_slice(quantity, done, slices))
        done += parts[-1]
    assert done == quantity
    assert len(parts) == min(slices, quantity)
    assert max(parts) - min(parts) <= 1


@given(st.integers(1, 10**9), st.data())
def test_a_slice_fits_whatever_was_traded_before(quantity: int, data: st.DataObject) -> None:
    done, slices = data.draw(st.integers(0, quantity - 1)), data.draw(st.integers(1, 1_000))
    assert 1 <= next_slice(quantity, done, slices) <= quantity - done


# Market orders


def test_a_market_order_is_filled_in_slices_an_interval_apart(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=4, interval=1)
    exchange.place("a")
    exchange.turn()
    assert (exchange.order("a").status, exchange.order("a").cum_qty) == ("working", 2)
    exchange.turn(SECOND * 0.9)
    assert exchange.order("a").cum_qty == 2
    assert exchange.engine.next_moment() == NOON + SECOND
    exchange.turn(SECOND * 0.1)
    assert exchange.order("a").cum_qty == 5
    exchange.turn(SECOND)
    exchange.turn(SECOND)
    assert (exchange.order("a").status, exchange.order("a").order_seq) == ("filled", 5)
    assert exchange.engine.next_moment() is None


def test_without_an_interval_one_turn_fills_it_all(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=9, interval=0)
    exchange.place("a", limit=DEAR, quantity=90)
    exchange.turn()
    assert (exchange.order("a").status, exchange.order("a").order_seq) == ("filled", 10)


def test_a_canceled_order_is_filled_no_further(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=2, interval=1)
    exchange.place("a")
    exchange.turn()
    exchange.venue.cancel(ClientOrderId("a"), exchange.now)
    exchange.turn(SECOND)
    canceled = exchange.order("a")
    assert (canceled.status, canceled.cum_qty, canceled.leaves_qty, canceled.order_seq) == ("canceled", 5, 0, 3)


# Limit orders


def test_a_limit_order_trades_when_its_price_is_there(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=1)
    exchange.place("near", limit=98)
    exchange.place("far", limit=CHEAP)
    exchange.turn()
    assert exchange.order("near").status == "working"
    for _ in range(2_000):
        exchange.turn(TICK)
    near = exchange.order("near")
    assert near.status == "filled"
    assert near.avg_px is not None
    assert near.avg_px <= 98
    assert exchange.order("far").status == "working"


@pytest.mark.parametrize(("side", "limit"), [("buy", DEAR), ("sell", CHEAP)])
def test_a_limit_that_is_good_already_trades_at_the_better_price(open_exchange: Opened, side: str, limit: int) -> None:
    exchange = open_exchange(slices=1)
    exchange.turn()  # Between two ticks, too.
    exchange.place("a", side, limit)
    exchange.turn()
    assert exchange.order("a").status == "filled"
    assert exchange.order("a").avg_px == 100


def test_no_slice_is_worse_than_the_limit(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=50, interval=0.1)
    exchange.place("buy", "buy", 100, quantity=50)
    exchange.place("sell", "sell", 100, quantity=50)
    for _ in range(60):
        exchange.turn(TICK)
    prices = {"buy": list[float](), "sell": list[float]()}
    for line in exchange.venue.log.read(1, exchange.venue.log.last):
        report = json.loads(line)
        if "last_px" in report:
            prices[report["client_order_id"]].append(report["last_px"])
    assert len(prices["buy"]) == len(prices["sell"]) == 50
    assert max(prices["buy"]) == min(prices["sell"]) == 100
    assert len({*prices["buy"], *prices["sell"]}) > 10


def test_an_order_that_still_works_expires(open_exchange: Opened) -> None:
    exchange = open_exchange(expire_after=5)
    exchange.place("a", limit=CHEAP)
    exchange.turn(SECOND)
    exchange.place("b", limit=CHEAP)
    exchange.place("market")
    exchange.turn(SECOND * 3.9)
    assert exchange.order("a").status == "working"
    exchange.turn(SECOND * 0.1)
    assert [exchange.order(name).status for name in ("a", "b")] == ["expired", "working"]
    exchange.turn(SECOND)
    assert exchange.order("b").status == "expired"
    assert exchange.order("market").status == "working"


# Closed


def test_nothing_trades_and_nothing_expires_while_closed(open_exchange: Opened) -> None:
    exchange = open_exchange(open=False, expire_after=1)
    exchange.place("market")
    exchange.place("good", limit=DEAR)
    exchange.place("bad", limit=CHEAP)
    exchange.turn(SECOND * 60)
    assert {order.status for order in exchange.venue.orders()} == {"working"}
    assert exchange.engine.next_moment() is None

    exchange.engine.instruct(Trading(slices=1))
    exchange.turn()
    assert [exchange.order(name).status for name in ("market", "good", "bad")] == ["filled", "filled", "working"]


def test_many_orders_take_many_turns_and_none_is_forgotten(open_exchange: Opened) -> None:
    exchange = open_exchange(slices=1)
    for number in range(250):
        exchange.place(str(number))
    exchange.turn()
    filled = sum(order.status == "filled" for order in exchange.venue.orders())
    assert 0 < filled < 250
    assert (exchange.engine.next_moment() or NOON) <= exchange.now
    exchange.turn()
    exchange.turn()
    assert {order.status for order in exchange.venue.orders()} == {"filled"}
