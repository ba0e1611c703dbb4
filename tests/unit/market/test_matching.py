"""Matching on DynamoDB: the worked cases, changes that come between reading and writing, and faults on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pynamodb.exceptions import PynamoDBException

from chalicelib.core.lifecycle import OrderStatus
from chalicelib.market import matching
from chalicelib.market.matching import FIRST_PAGE, ROUNDS, ContendedBookError, Matcher, match_artwork
from chalicelib.market.order import Direction, MarketOrder, Transaction
from chalicelib.market.store import LAST_TRANSACTIONS, BookPage, MarketStore
from tests.client_faults import ClientFaults, Fault, connection_closed, read_timeout
from tests.log import Log
from tests.unit.market.orders import ARTWORK, START, new_order, trade_of
from tests.unit.market.tables import TABLES, Tables, refused, store_of, transaction_canceled

QUERY, TRANSACT = "dynamodb.Query", "dynamodb.TransactWriteItems"
NOW = START + timedelta(hours=1)
Offer = tuple[Direction, str | int]
SELL: Offer = ("sell", 1)
BUY: Offer = ("buy", 2)


@dataclass
class Pauses:
    """Counts the seconds instead of waiting."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class ShakyStore(MarketStore):
    """The store, with something that happens elsewhere just before each commit, and what was committed."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(*(environment[name] for name in TABLES))
        self.before_commit: Callable[[Transaction], None] = lambda _: None
        self.tries: list[Transaction] = []

    def commit(self, trade: Transaction) -> None:
        self.tries.append(trade)
        self.before_commit(trade)
        super().commit(trade)


@pytest.fixture
def store(aws: dict[str, str]) -> ShakyStore:
    return ShakyStore(aws)


@pytest.fixture
def plain(aws: dict[str, str]) -> MarketStore:
    """The same tables, for what others do."""
    return store_of(aws)


@pytest.fixture
def tables(aws: dict[str, str]) -> Tables:
    return Tables(aws)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def matcher(store: ShakyStore, pauses: Pauses) -> Matcher:
    return Matcher(store, lambda: NOW, pauses, lambda: 1.0)


def offered(store: MarketStore, *offers: Offer) -> list[MarketOrder]:
    """Store an order for each, one second after the other, each of another user."""
    orders = [new_order(direction, price, seconds) for seconds, (direction, price) in enumerate(offers)]
    for order in orders:
        store.create(order)
    return orders


def made(store: MarketStore) -> list[tuple[str, str, Decimal]]:
    """Return sell order, buy order and price of the artwork's transactions, oldest first."""
    trades = reversed(store.last_transactions(ARTWORK))
    return [(trade.sell_order_id, trade.buy_order_id, trade.price) for trade in trades]


def deal(sell: MarketOrder, buy: MarketOrder, price: str | int) -> tuple[str, str, Decimal]:
    return sell.order_id, buy.order_id, Decimal(price)


def statuses(store: MarketStore, orders: Sequence[MarketOrder]) -> list[OrderStatus]:
    found = [store.get(order.artwork_id, order.order_id) for order in orders]
    return [order.status for order in found if order]


def assert_consistent(store: MarketStore, tables: Tables, orders: Sequence[MarketOrder]) -> None:
    """Every filled order is in one transaction, no other is in any, and nothing crosses."""
    traded = [item[side]["S"] for item in tables.items(tables.trades) for side in ("buy_order_id", "sell_order_id")]
    assert len(traded) == len(set(traded))
    filled = [order.order_id for order in orders if statuses(store, [order]) == [OrderStatus.FILLED]]
    assert sorted(traded) == sorted(filled)
    asks, bids = (store.read_side(ARTWORK, side, 1).orders for side in ("sell", "buy"))
    assert not asks or not bids or asks[0].price > bids[0].price


class TestWorkedCases:
    def test_sell_at_1_then_buy_at_2_trade_at_1(self, store: ShakyStore, matcher: Matcher) -> None:
        sell, buy = offered(store, ("sell", 1), ("buy", 2))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(sell, buy, 1)]

    def test_buy_at_2_then_sell_at_1_trade_at_2(self, store: ShakyStore, matcher: Matcher) -> None:
        buy, sell = offered(store, ("buy", 2), ("sell", 1))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(sell, buy, 2)]

    def test_buy_takes_the_first_of_the_cheapest_sells(self, store: ShakyStore, matcher: Matcher) -> None:
        orders = offered(store, ("sell", 1), ("sell", 1), ("sell", 2), ("sell", 4), ("buy", 3))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(orders[0], orders[4], 1)]
        new, filled = OrderStatus.NEW, OrderStatus.FILLED
        assert statuses(store, orders) == [filled, new, new, new, filled]

    def test_sell_takes_the_dearest_buy_at_its_price(self, store: ShakyStore, matcher: Matcher) -> None:
        orders = offered(store, ("buy", 1), ("buy", 3), ("buy", 3), ("buy", 4), ("sell", 2))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(orders[4], orders[3], 4)]

    def test_transaction_has_every_part(self, store: ShakyStore, matcher: Matcher) -> None:
        sell, buy = offered(store, ("sell", "10.25"), ("buy", "10.50"))
        match_artwork(matcher, ARTWORK)
        assert store.last_transactions(ARTWORK) == [trade_of(sell, buy, executed_at=NOW)]

    def test_trade_is_told_with_its_ids_and_how_long_the_later_order_waited(
        self, store: ShakyStore, matcher: Matcher, log: Log
    ) -> None:
        sell, buy = offered(store, ("sell", 1), ("buy", 2))
        match_artwork(matcher, ARTWORK)
        (line,) = log.read()
        ids = {"artwork_id": ARTWORK, "transaction_id": store.tries[0].transaction_id}
        assert line == {"message": "trade", "order_ids": [buy.order_id, sell.order_id], **ids}
        assert log.read_metrics() == {"AcceptToMatched": ("Milliseconds", 3_599_000)}

    def test_clock_that_is_behind_makes_no_wait_shorter_than_none(self, store: ShakyStore, log: Log) -> None:
        offered(store, ("sell", 1), ("buy", 2))
        match_artwork(Matcher(store, lambda: START, Pauses(), lambda: 1.0), ARTWORK)
        assert log.read_metrics() == {"AcceptToMatched": ("Milliseconds", 0)}

    def test_prices_that_do_not_meet_do_not_trade(self, store: ShakyStore, matcher: Matcher) -> None:
        offered(store, ("sell", "10.01"), ("buy", "10.00"))
        assert match_artwork(matcher, ARTWORK) == 0
        assert store.tries == []

    @pytest.mark.parametrize("price", ["0.01", "1000000000000"])
    def test_equal_prices_at_the_limits_trade(self, store: ShakyStore, matcher: Matcher, price: str) -> None:
        sell, buy = offered(store, ("sell", price), ("buy", price))
        match_artwork(matcher, ARTWORK)
        assert made(store) == [deal(sell, buy, price)]

    def test_other_artworks_are_left_alone(self, store: ShakyStore, matcher: Matcher) -> None:
        orders = [
            new_order("sell", 1, artwork_id=7),
            new_order("buy", 2, artwork_id=8),
            # Their numbers share the first digit, not the book.
            new_order("buy", 2, artwork_id=71),
            new_order("sell", 1, artwork_id=71),
        ]
        for order in orders:
            store.create(order)
        assert match_artwork(matcher, ARTWORK) == 0
        assert statuses(store, orders) == [OrderStatus.NEW] * 4

    def test_user_does_not_trade_with_themselves_but_others_do_behind_them(
        self, store: ShakyStore, matcher: Matcher
    ) -> None:
        own, buy = new_order("sell", 1, 0, user_id=1), new_order("buy", 3, 2, user_id=1)
        behind = new_order("sell", 2, 1, user_id=2)
        for order in (own, buy, behind):
            store.create(order)
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(behind, buy, 2)]
        assert statuses(store, [own]) == [OrderStatus.NEW]

    def test_canceled_order_does_not_trade(self, store: ShakyStore, matcher: Matcher) -> None:
        sell, _ = offered(store, ("sell", 1), ("buy", 2))
        store.cancel(sell)
        assert match_artwork(matcher, ARTWORK) == 0
        assert store.tries == []

    def test_artwork_without_orders_has_no_trades(self, matcher: Matcher) -> None:
        assert match_artwork(matcher, ARTWORK) == 0

    def test_orders_of_a_batch_trade_as_if_each_had_come_alone(self, store: ShakyStore, matcher: Matcher) -> None:
        # The buy at 5 came when only the sell at 4 was there: that the sell at 1 is better does not count any more.
        orders = offered(store, ("sell", 4), ("buy", 5), ("sell", 1), ("buy", 2))
        assert match_artwork(matcher, ARTWORK) == 2
        assert made(store) == [deal(orders[0], orders[1], 4), deal(orders[2], orders[3], 1)]

    def test_one_sell_and_many_buys_make_one_trade(self, store: ShakyStore, matcher: Matcher) -> None:
        orders = offered(store, ("sell", 1), *[BUY] * 9)
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(orders[0], orders[1], 1)]

    def test_matching_again_changes_nothing(self, store: ShakyStore, matcher: Matcher, tables: Tables) -> None:
        offered(store, ("sell", 1), ("sell", 3), ("buy", 2), ("buy", 1))
        assert match_artwork(matcher, ARTWORK) == 1
        before = tables.everything()
        assert match_artwork(matcher, ARTWORK) == 0
        assert tables.everything() == before

    def test_book_that_does_not_cross_costs_two_queries(
        self, store: ShakyStore, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        offered(store, *[BUY] * (FIRST_PAGE + 1))
        for _ in range(FIRST_PAGE + 1):
            store.create(new_order("sell", 5, 60))
        client_faults.calls.clear()
        match_artwork(matcher, ARTWORK)
        assert client_faults.calls == [QUERY, QUERY]


class TestDeepBooks:
    def test_crossing_books_of_more_than_a_page_are_matched_to_the_end(
        self, store: ShakyStore, matcher: Matcher, tables: Tables
    ) -> None:
        count = FIRST_PAGE + 5
        sells = [new_order("sell", 100 + n, n) for n in range(count)]
        buys = [new_order("buy", 300 - n, 1_000 + n) for n in range(count)]
        for order in sells + buys:
            store.create(order)
        assert match_artwork(matcher, ARTWORK) == count
        # Each buy takes the cheapest that is left, at the price of the sell, which was there first.
        newest = [deal(sells[n], buys[n], 100 + n) for n in range(count - LAST_TRANSACTIONS, count)]
        assert made(store) == newest
        assert len(store.tries) == count
        assert_consistent(store, tables, sells + buys)

    def test_order_behind_a_page_of_the_same_users_is_found(self, store: ShakyStore, matcher: Matcher) -> None:
        for n in range(FIRST_PAGE + 3):
            store.create(new_order("sell", 1, n, user_id=1))
        behind = new_order("sell", 2, 500, user_id=2)
        buy = new_order("buy", 3, 600, user_id=1)
        store.create(behind)
        store.create(buy)
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(behind, buy, 2)]

    def test_one_order_that_crosses_many_pages_reads_one(
        self, store: ShakyStore, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        offered(store, *[SELL] * (3 * FIRST_PAGE), ("buy", 2))
        client_faults.calls.clear()
        assert match_artwork(matcher, ARTWORK) == 1
        assert client_faults.calls == [QUERY, QUERY, TRANSACT]

    def test_each_further_page_is_twice_as_long(
        self, store: ShakyStore, matcher: Matcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # All of one user: the books cross, nobody trades, and everything has to be read.
        for n in range(7 * FIRST_PAGE):
            store.create(new_order("sell", 1, n, user_id=1))
            store.create(new_order("buy", 2, n, user_id=1))
        limits: list[int] = []
        read_side = store.read_side

        def noting(*args: Any) -> BookPage:
            limits.append(args[2])
            return read_side(*args)

        monkeypatch.setattr(store, "read_side", noting)
        assert match_artwork(matcher, ARTWORK) == 0
        assert limits[:6] == [FIRST_PAGE] * 2 + [2 * FIRST_PAGE] * 2 + [4 * FIRST_PAGE] * 2

    def test_call_makes_a_bounded_number_of_trades_and_the_next_goes_on(
        self, store: ShakyStore, matcher: Matcher, tables: Tables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "MAX_TRADES", 4)
        orders = offered(store, *[SELL] * 7, *[BUY] * 7)
        with pytest.raises(ContendedBookError):
            match_artwork(matcher, ARTWORK)
        assert len(tables.items(tables.trades)) == 4
        assert match_artwork(matcher, ARTWORK) == 3
        assert_consistent(store, tables, orders)

    def test_rounds_of_a_call_share_its_number_of_trades(
        self,
        store: ShakyStore,
        plain: MarketStore,
        matcher: Matcher,
        client_faults: ClientFaults,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(matching, "MAX_TRADES", 4)
        orders = offered(store, *[SELL] * 7, *[BUY] * 7)
        store.before_commit = once(lambda: plain.cancel(orders[2]), after=2)
        client_faults.calls.clear()
        with pytest.raises(ContendedBookError) as raised:
            match_artwork(matcher, ARTWORK)
        assert raised.value.args == (ARTWORK,)
        # Two trades, one that is refused, and two more; nothing is read or tried after the last.
        assert len(store.tries) == 5
        assert client_faults.calls.count(QUERY) == 4


class TestConcurrentChanges:
    """Something happens between reading the book and the first commit. The book is read again."""

    def test_canceled_sell_is_left_out(self, store: ShakyStore, plain: MarketStore, matcher: Matcher) -> None:
        first, second, buy = offered(store, ("sell", 1), ("sell", 2), ("buy", 3))
        store.before_commit = once(lambda: plain.cancel(first))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(second, buy, 2)]
        assert statuses(store, [first]) == [OrderStatus.CANCELED]

    def test_canceled_buy_leaves_its_sell_to_the_next(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher
    ) -> None:
        sell, first, second = offered(store, ("sell", 1), ("buy", 2), ("buy", 2))
        store.before_commit = once(lambda: plain.cancel(first))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(sell, second, 1)]

    def test_buy_that_traded_elsewhere_leaves_its_sell_alone(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher, tables: Tables
    ) -> None:
        orders = offered(store, ("sell", 1), ("sell", 2), ("buy", 3))
        store.before_commit = once(lambda: plain.commit(trade_of(orders[1], orders[2])))
        assert match_artwork(matcher, ARTWORK) == 0
        assert made(store) == [deal(orders[1], orders[2], 2)]
        assert_consistent(store, tables, orders)

    def test_same_trade_made_by_another_is_not_made_twice(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher, tables: Tables
    ) -> None:
        orders = offered(store, ("sell", 1), ("buy", 2), ("sell", 1), ("buy", 2))
        store.before_commit = once(lambda: plain.commit(trade_of(orders[0], orders[1])))
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(orders[0], orders[1], 1), deal(orders[2], orders[3], 1)]
        assert_consistent(store, tables, orders)

    def test_trades_before_the_refused_one_stay_and_are_counted(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher, tables: Tables
    ) -> None:
        orders = offered(store, *[SELL] * 4, *[BUY] * 4)
        store.before_commit = once(lambda: plain.cancel(orders[2]), after=2)
        assert match_artwork(matcher, ARTWORK) == 3
        assert statuses(store, [orders[2], orders[7]]) == [OrderStatus.CANCELED, OrderStatus.NEW]
        assert_consistent(store, tables, orders)

    def test_order_that_comes_meanwhile_is_left_to_its_own_record(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher
    ) -> None:
        orders = offered(store, ("sell", 1), ("buy", 2), ("sell", 1))
        late = new_order("buy", 2, 60)
        store.before_commit = once(lambda: plain.create(late))
        assert match_artwork(matcher, ARTWORK) == 1
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(orders[0], orders[1], 1), deal(orders[2], late, 1)]

    def test_book_that_changes_again_and_again_is_given_up_for_now(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher, tables: Tables, pauses: Pauses
    ) -> None:
        buys = offered(store, *[BUY] * (ROUNDS + 2))
        sell = new_order("sell", 1, 60)
        store.create(sell)

        def cancel_it(trade: Transaction) -> None:
            (buy,) = [order for order in buys if order.order_id == trade.buy_order_id]
            plain.cancel(buy)

        store.before_commit = cancel_it
        with pytest.raises(ContendedBookError):
            match_artwork(matcher, ARTWORK)
        assert len(store.tries) == ROUNDS
        # Who lost a race has nothing to wait for.
        assert pauses.seconds == []
        store.before_commit = lambda _: None
        assert match_artwork(matcher, ARTWORK) == 1
        assert_consistent(store, tables, [*buys, sell])

    @pytest.mark.parametrize("at_trade", range(5))
    def test_two_matchers_make_every_trade_once(
        self, aws: dict[str, str], store: ShakyStore, matcher: Matcher, tables: Tables, at_trade: int
    ) -> None:
        # The other does its whole work just before one of our commits.
        orders = offered(store, *[SELL, BUY] * 5)
        other = Matcher(store_of(aws), lambda: NOW)
        others: list[int] = []
        store.before_commit = once(lambda: others.append(match_artwork(other, ARTWORK)), after=at_trade)
        mine = match_artwork(matcher, ARTWORK)
        assert (mine, others) == (at_trade, [5 - at_trade])
        assert_consistent(store, tables, orders)

    def test_two_matchers_in_turns_make_every_trade_once(
        self, aws: dict[str, str], store: ShakyStore, matcher: Matcher, tables: Tables
    ) -> None:
        orders = offered(store, *[SELL, BUY] * 6)
        other_store = ShakyStore(aws)
        other = Matcher(other_store, lambda: NOW)
        others: list[int] = []
        # Ours stops before its third trade; the other stops before its second, and a third one finishes the work.
        third = Matcher(store_of(aws), lambda: NOW)
        other_store.before_commit = once(lambda: others.append(match_artwork(third, ARTWORK)), after=1)
        store.before_commit = once(lambda: others.append(match_artwork(other, ARTWORK)), after=2)
        mine = match_artwork(matcher, ARTWORK)
        assert (mine, others) == (2, [3, 1])
        assert_consistent(store, tables, orders)


def once(happen: Callable[[], None], after: int = 0) -> Callable[[Transaction], None]:
    """Return what lets it happen before one commit: that after so many others."""
    left = [after + 1]

    def before_commit(_: Transaction) -> None:
        left[0] -= 1
        if left[0] == 0:
            happen()

    return before_commit


class TestFaults:
    """Calls that DynamoDB refuses, and that never arrive or whose answers get lost."""

    CONFLICT = transaction_canceled("TransactionConflict", "None", "None")

    def test_conflict_is_tried_again_after_a_pause(
        self, store: ShakyStore, matcher: Matcher, pauses: Pauses, client_faults: ClientFaults
    ) -> None:
        sell, buy = offered(store, ("sell", 1), ("buy", 2))
        client_faults.never_arrives(TRANSACT, times=3, error=lambda: self.CONFLICT)
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(sell, buy, 1)]
        assert pauses.seconds == [0.02, 0.04, 0.08]

    def test_pauses_differ_between_matchers_and_stay_short(
        self, store: ShakyStore, pauses: Pauses, client_faults: ClientFaults
    ) -> None:
        offered(store, ("sell", 1), ("buy", 2))
        client_faults.never_arrives(TRANSACT, times=ROUNDS, error=lambda: self.CONFLICT)
        with pytest.raises(ContendedBookError):
            match_artwork(Matcher(store, lambda: NOW, pauses, lambda: 0.0), ARTWORK)
        assert pauses.seconds[:2] == [0.01, 0.02]
        assert max(pauses.seconds) == 0.25
        assert sum(pauses.seconds) < 10

    @pytest.mark.parametrize("times", [1, 2])
    def test_trade_whose_request_got_lost_is_made(
        self, store: ShakyStore, matcher: Matcher, client_faults: ClientFaults, times: int
    ) -> None:
        sell, buy = offered(store, ("sell", 1), ("buy", 2))
        client_faults.never_arrives(TRANSACT, times=times, error=read_timeout)
        assert match_artwork(matcher, ARTWORK) == 1
        assert made(store) == [deal(sell, buy, 1)]

    @pytest.mark.parametrize("times", [1, 2])
    def test_trades_whose_answers_got_lost_are_made_once(
        self, store: ShakyStore, matcher: Matcher, tables: Tables, client_faults: ClientFaults, times: int
    ) -> None:
        orders = offered(store, *[SELL, BUY] * 3)
        client_faults.loses_answer(TRANSACT, times=times)
        match_artwork(matcher, ARTWORK)
        assert made(store) == [deal(orders[n], orders[n + 1], 1) for n in (0, 2, 4)]
        assert_consistent(store, tables, orders)

    def test_cancel_that_takes_effect_before_the_retry_of_a_trade_wins(
        self, store: ShakyStore, plain: MarketStore, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        sell, _ = offered(store, ("sell", 1), ("buy", 2))
        client_faults.before.append(Fault(TRANSACT, 1, connection_closed, lambda: plain.cancel(sell)))
        assert match_artwork(matcher, ARTWORK) == 0
        assert made(store) == []

    @pytest.mark.parametrize("operation", [QUERY, TRANSACT])
    @pytest.mark.parametrize("after", ["lost requests", "lost answers", "throttling"])
    def test_fault_that_lasts_is_raised_and_matching_again_gets_to_the_same_result(
        self,
        store: ShakyStore,
        matcher: Matcher,
        tables: Tables,
        client_faults: ClientFaults,
        operation: str,
        after: str,
    ) -> None:
        orders = offered(store, *[SELL, BUY] * 3)
        if after == "lost requests":
            client_faults.never_arrives(operation, times=3)
        elif after == "lost answers":
            client_faults.loses_answer(operation, times=3)
        else:
            throttled = refused(operation.split(".")[1], "ProvisionedThroughputExceededException")
            client_faults.never_arrives(operation, error=lambda: throttled)
        with pytest.raises(PynamoDBException):
            match_artwork(matcher, ARTWORK)
        match_artwork(matcher, ARTWORK)
        assert made(store) == [deal(orders[n], orders[n + 1], 1) for n in (0, 2, 4)]
        assert_consistent(store, tables, orders)

    def test_transaction_canceled_for_want_of_capacity_is_raised(
        self, store: ShakyStore, matcher: Matcher, client_faults: ClientFaults
    ) -> None:
        offered(store, ("sell", 1), ("buy", 2))
        client_faults.never_arrives(TRANSACT, error=lambda: transaction_canceled("ThrottlingError", "None", "None"))
        with pytest.raises(PynamoDBException):
            match_artwork(matcher, ARTWORK)
