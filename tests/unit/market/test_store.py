"""The store of the art market on DynamoDB: each condition by itself, what indexes keep, and answers that get lost."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError, UpdateError

from chalicelib.core.lifecycle import OrderStatus
from chalicelib.market.item import rank_of
from chalicelib.market.order import Artwork, ArtworkId, Direction, MarketOrder, UserId, make_order_id
from chalicelib.market.store import (
    LAST_TRANSACTIONS,
    ConflictingWriteError,
    MarketStore,
    OrderClosedError,
    OrderExistsError,
    StaleBookError,
)
from tests.client_faults import ClientFaults
from tests.moto_stack import dynamodb
from tests.unit.market.orders import ARTWORK, at, new_order, trade_of
from tests.unit.market.tables import Tables, refused, store_of, transaction_canceled

PUT, UPDATE, TRANSACT = "dynamodb.PutItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems"
ALWAYS = {"book", "order_id", "user_id", "side", "price", "created_at", "status"}
WHILE_OPEN = {"rank", "open_user"}


@pytest.fixture
def store(aws: dict[str, str]) -> MarketStore:
    return store_of(aws)


@pytest.fixture
def tables(aws: dict[str, str]) -> Tables:
    return Tables(aws)


def stored(store: MarketStore, *orders: MarketOrder) -> tuple[MarketOrder, ...]:
    for order in orders:
        store.create(order)
    return orders


def pair(store: MarketStore) -> tuple[MarketOrder, MarketOrder]:
    sell, buy = stored(store, new_order("sell", 1), new_order("buy", 2, seconds=1))
    return sell, buy


def status_of(store: MarketStore, order: MarketOrder) -> OrderStatus:
    found = store.get(order.artwork_id, order.order_id)
    assert found is not None
    return found.status


class TestCreate:
    @pytest.mark.parametrize("direction", ["buy", "sell"])
    @pytest.mark.parametrize("price", ["0.01", "0.10", "1", "10.25", "999999999999.99", "1000000000000"])
    def test_created_order_comes_back_as_it_was(self, store: MarketStore, direction: Direction, price: str) -> None:
        (order,) = stored(store, new_order(direction, price))
        found = store.get(ARTWORK, order.order_id)
        assert found == order
        assert str(found.price) == str(order.price)

    def test_largest_ids_come_back_as_they_were(self, store: MarketStore) -> None:
        largest = 2**53 - 1
        (order,) = stored(store, new_order("sell", 1, user_id=largest, artwork_id=largest))
        assert store.get(ArtworkId(largest), order.order_id) == order

    def test_unknown_order_is_none(self, store: MarketStore) -> None:
        assert store.get(ARTWORK, new_order("buy", 1).order_id) is None

    def test_order_is_found_under_its_own_artwork_only(self, store: MarketStore) -> None:
        (order,) = stored(store, new_order("buy", 1))
        assert store.get(ArtworkId(ARTWORK + 1), order.order_id) is None

    @pytest.mark.parametrize("changes", [{"price": Decimal("2.00")}, {"direction": "buy"}, {"created_at": at(1)}])
    def test_second_order_with_the_id_shows_the_first_and_changes_nothing(
        self, store: MarketStore, tables: Tables, changes: dict[str, Any]
    ) -> None:
        (first,) = stored(store, new_order("sell", 1))
        before = tables.everything()
        with pytest.raises(OrderExistsError) as raised:
            store.create(replace(first, **changes))
        assert raised.value.existing == first
        assert tables.everything() == before

    def test_second_order_with_the_id_of_a_filled_one_does_not_open_it_again(
        self, store: MarketStore, tables: Tables
    ) -> None:
        sell, buy = pair(store)
        store.commit(trade_of(sell, buy))
        before = tables.everything()
        with pytest.raises(OrderExistsError):
            store.create(replace(sell, created_at=at(9)))
        assert tables.everything() == before

    def test_create_whose_answer_is_lost_is_done(self, store: MarketStore, client_faults: ClientFaults) -> None:
        client_faults.loses_answer(PUT)
        (order,) = stored(store, new_order("sell", 1))
        assert store.get(ARTWORK, order.order_id) == order
        assert client_faults.calls.count(PUT) == 2

    def test_create_whose_answer_is_lost_is_done_though_the_order_was_canceled_meanwhile(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        order = new_order("sell", 1)
        client_faults.loses_answer(PUT, then=lambda: store.cancel(order))
        store.create(order)
        assert status_of(store, order) is OrderStatus.CANCELED

    def test_create_whose_answer_is_lost_is_done_though_the_order_was_filled_meanwhile(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        sell, buy = new_order("sell", 1), new_order("buy", 1)
        store.create(sell)
        client_faults.loses_answer(PUT, then=lambda: store.commit(trade_of(sell, buy)))
        store.create(buy)
        assert status_of(store, buy) is OrderStatus.FILLED

    def test_create_that_never_arrives_raises_and_stores_nothing(
        self, store: MarketStore, tables: Tables, client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives(PUT, times=3)
        with pytest.raises(PutError):
            store.create(new_order("sell", 1))
        assert tables.everything() == [[], [], []]

    def test_create_beside_a_transaction_at_the_same_order_is_a_conflict(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        (order,) = stored(store, new_order("sell", 1))
        client_faults.never_arrives(PUT, error=lambda: refused("PutItem", "TransactionConflictException"))
        with pytest.raises(ConflictingWriteError):
            store.create(order)


class TestItem:
    def test_open_sell_order_has_the_keys_of_every_index(self, store: MarketStore, tables: Tables) -> None:
        (order,) = stored(store, new_order("sell", 1))
        assert set(tables.order(order)) == ALWAYS | WHILE_OPEN | {"sale"}

    def test_open_buy_order_is_not_for_sale(self, store: MarketStore, tables: Tables) -> None:
        (order,) = stored(store, new_order("buy", 1))
        assert set(tables.order(order)) == ALWAYS | WHILE_OPEN

    def test_canceled_orders_have_no_key_of_an_index(self, store: MarketStore, tables: Tables) -> None:
        for order in pair(store):
            store.cancel(order)
            assert set(tables.order(order)) == ALWAYS

    def test_filled_orders_have_no_key_of_an_index_and_name_their_trade(
        self, store: MarketStore, tables: Tables
    ) -> None:
        sell, buy = pair(store)
        trade = trade_of(sell, buy)
        store.commit(trade)
        for order in (sell, buy):
            assert set(tables.order(order)) == ALWAYS | {"trade_id"}
            assert tables.order(order)["trade_id"] == {"S": trade.transaction_id}

    @pytest.mark.parametrize(
        ("price", "number"), [("10.25", "10.25"), ("0.1", "0.10"), ("1000000000000", "1000000000000.00")]
    )
    def test_price_is_an_exact_number(self, store: MarketStore, tables: Tables, price: str, number: str) -> None:
        (order,) = stored(store, new_order("sell", price))
        assert tables.order(order)["price"] == {"N": number}


class TestCancel:
    @pytest.mark.parametrize("direction", ["buy", "sell"])
    def test_canceled_order_is_out_of_the_book(self, store: MarketStore, direction: Direction) -> None:
        (order,) = stored(store, new_order(direction, 1))
        store.cancel(order)
        assert store.get(ARTWORK, order.order_id) == replace(order, status=OrderStatus.CANCELED)
        assert store.read_side(ARTWORK, direction, 10).orders == []

    def test_second_cancel_is_told_so_and_changes_nothing(self, store: MarketStore, tables: Tables) -> None:
        (order,) = stored(store, new_order("sell", 1))
        store.cancel(order)
        before = tables.everything()
        with pytest.raises(OrderClosedError) as raised:
            store.cancel(order)
        assert raised.value.order.status is OrderStatus.CANCELED
        assert tables.everything() == before

    def test_filled_order_is_not_canceled(self, store: MarketStore, tables: Tables) -> None:
        sell, buy = pair(store)
        store.commit(trade_of(sell, buy))
        before = tables.everything()
        for order in (sell, buy):
            with pytest.raises(OrderClosedError) as raised:
                store.cancel(order)
            assert raised.value.order.status is OrderStatus.FILLED
        assert tables.everything() == before

    def test_cancel_of_an_order_that_is_not_there_makes_none(self, store: MarketStore, tables: Tables) -> None:
        with pytest.raises(UpdateError):
            store.cancel(new_order("sell", 1))
        assert tables.everything() == [[], [], []]

    def test_cancel_whose_answer_is_lost_tells_that_the_order_is_canceled(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        (order,) = stored(store, new_order("sell", 1))
        client_faults.loses_answer(UPDATE)
        with pytest.raises(OrderClosedError) as raised:
            store.cancel(order)
        assert raised.value.order.status is OrderStatus.CANCELED

    def test_cancel_that_never_arrives_raises_and_changes_nothing(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        (order,) = stored(store, new_order("sell", 1))
        client_faults.never_arrives(UPDATE, times=3)
        with pytest.raises(UpdateError):
            store.cancel(order)
        assert store.get(ARTWORK, order.order_id) == order

    def test_cancel_beside_a_transaction_at_the_same_order_is_a_conflict(
        self, store: MarketStore, client_faults: ClientFaults
    ) -> None:
        (order,) = stored(store, new_order("sell", 1))
        client_faults.never_arrives(UPDATE, error=lambda: refused("UpdateItem", "TransactionConflictException"))
        with pytest.raises(ConflictingWriteError):
            store.cancel(order)


def nobody(store: MarketStore, order: MarketOrder) -> None:
    """Leave the order open."""


def canceled(store: MarketStore, order: MarketOrder) -> None:
    """Let the order be canceled meanwhile."""
    store.cancel(order)


def filled(store: MarketStore, order: MarketOrder) -> None:
    """Let the order trade with another one meanwhile."""
    if order.direction == "sell":
        (other,) = stored(store, new_order("buy", 9, seconds=9))
        store.commit(trade_of(order, other))
    else:
        (other,) = stored(store, new_order("sell", 1, seconds=9))
        store.commit(trade_of(other, order))


class TestCommit:
    def test_trade_closes_both_orders_and_is_there(self, store: MarketStore) -> None:
        sell, buy = pair(store)
        trade = trade_of(sell, buy)
        store.commit(trade)
        for order in (sell, buy):
            expected = replace(order, status=OrderStatus.FILLED, transaction_id=trade.transaction_id)
            assert store.get(ARTWORK, order.order_id) == expected
        assert store.get_transaction(ARTWORK, trade.transaction_id) == trade
        assert store.last_transactions(ARTWORK) == [trade]

    def test_trade_leaves_other_orders_alone(self, store: MarketStore) -> None:
        (other,) = stored(store, new_order("sell", 1, seconds=2))
        sell, buy = pair(store)
        store.commit(trade_of(sell, buy))
        assert store.get(ARTWORK, other.order_id) == other
        assert store.read_side(ARTWORK, "sell", 10).orders == [other]

    @pytest.mark.parametrize(
        ("of_sell", "of_buy"),
        [
            (canceled, nobody),
            (nobody, canceled),
            (canceled, canceled),
            (filled, nobody),
            (nobody, filled),
            (filled, filled),
            (canceled, filled),
            (filled, canceled),
        ],
    )
    def test_trade_of_which_an_order_is_closed_is_stale_and_changes_nothing(
        self, store: MarketStore, tables: Tables, of_sell: Any, of_buy: Any
    ) -> None:
        sell, buy = pair(store)
        of_sell(store, sell)
        of_buy(store, buy)
        before = tables.everything()
        with pytest.raises(StaleBookError):
            store.commit(trade_of(sell, buy))
        assert tables.everything() == before

    def test_trade_that_was_made_before_is_stale_and_changes_nothing(self, store: MarketStore, tables: Tables) -> None:
        sell, buy = pair(store)
        store.commit(trade_of(sell, buy))
        before = tables.everything()
        with pytest.raises(StaleBookError):
            store.commit(trade_of(sell, buy, executed_at=at(60)))
        assert tables.everything() == before

    def test_trade_is_never_written_over(self, store: MarketStore, tables: Tables) -> None:
        # The two orders are open again in no history of ours; the trade's own condition has to hold by itself.
        sell, buy = pair(store)
        open_orders = tables.items(tables.orders)
        store.commit(trade_of(sell, buy))
        for item in open_orders:
            dynamodb().put_item(TableName=tables.orders, Item=item)
        before = tables.everything()
        with pytest.raises(StaleBookError):
            store.commit(trade_of(sell, buy, executed_at=at(60)))
        assert tables.everything() == before

    @pytest.mark.parametrize("missing", ["sell", "buy"])
    def test_trade_of_which_an_order_is_not_there_is_stale(
        self, store: MarketStore, tables: Tables, missing: str
    ) -> None:
        sell, buy = new_order("sell", 1), new_order("buy", 2)
        store.create(buy if missing == "sell" else sell)
        before = tables.everything()
        with pytest.raises(StaleBookError):
            store.commit(trade_of(sell, buy))
        assert tables.everything() == before

    @pytest.mark.parametrize(
        "reasons",
        [
            ("TransactionConflict", "None", "None"),
            ("None", "TransactionConflict", "None"),
            ("None", "None", "TransactionConflict"),
            ("TransactionConflict", "TransactionConflict", "None"),
            ("ThrottlingError", "TransactionConflict", "None"),
        ],
    )
    def test_trade_that_meets_another_transaction_is_a_conflict(
        self, store: MarketStore, client_faults: ClientFaults, reasons: tuple[str, ...]
    ) -> None:
        sell, buy = pair(store)
        client_faults.never_arrives(TRANSACT, error=lambda: transaction_canceled(*reasons))
        with pytest.raises(ConflictingWriteError):
            store.commit(trade_of(sell, buy))
        assert status_of(store, sell) is OrderStatus.NEW

    @pytest.mark.parametrize(
        "reasons",
        [
            ("ConditionalCheckFailed", "TransactionConflict", "None"),
            ("TransactionConflict", "None", "ConditionalCheckFailed"),
        ],
    )
    def test_closed_order_counts_more_than_a_conflict(
        self, store: MarketStore, client_faults: ClientFaults, reasons: tuple[str, ...]
    ) -> None:
        sell, buy = pair(store)
        client_faults.never_arrives(TRANSACT, error=lambda: transaction_canceled(*reasons))
        with pytest.raises(StaleBookError):
            store.commit(trade_of(sell, buy))

    @pytest.mark.parametrize(
        "error",
        [
            transaction_canceled("ThrottlingError", "None", "None"),
            transaction_canceled("None", "ValidationError", "None"),
            refused("TransactWriteItems", "ProvisionedThroughputExceededException"),
            refused("TransactWriteItems", "AccessDeniedException"),
        ],
    )
    def test_other_refusal_is_neither_stale_nor_a_conflict(
        self, store: MarketStore, client_faults: ClientFaults, error: Exception
    ) -> None:
        sell, buy = pair(store)
        client_faults.never_arrives(TRANSACT, error=lambda: error)
        with pytest.raises(TransactWriteError):
            store.commit(trade_of(sell, buy))

    def test_trade_that_never_arrives_raises_and_changes_nothing(
        self, store: MarketStore, tables: Tables, client_faults: ClientFaults
    ) -> None:
        sell, buy = pair(store)
        before = tables.everything()
        client_faults.never_arrives(TRANSACT, times=3)
        with pytest.raises(TransactWriteError):
            store.commit(trade_of(sell, buy))
        assert tables.everything() == before

    @pytest.mark.parametrize("times", [1, 3])
    def test_trade_whose_answers_are_lost_is_made_once(
        self, store: MarketStore, client_faults: ClientFaults, times: int
    ) -> None:
        # DynamoDB knows a repeated request by its token and answers as the first time; moto knows no tokens and
        # finds the orders closed. Either way it is made once.
        sell, buy = pair(store)
        trade = trade_of(sell, buy)
        client_faults.loses_answer(TRANSACT, times=times)
        with pytest.raises((StaleBookError, PynamoDBException)):
            store.commit(trade)
        assert store.last_transactions(ARTWORK) == [trade]
        assert [status_of(store, order) for order in (sell, buy)] == [OrderStatus.FILLED] * 2
        with pytest.raises(StaleBookError):
            store.commit(trade)
        assert store.last_transactions(ARTWORK) == [trade]

    def test_every_try_of_a_trade_bears_the_same_token(self, store: MarketStore, client_faults: ClientFaults) -> None:
        tokens: list[str] = []
        sell, buy = pair(store)
        events = store._orders._get_connection().connection.client.meta.events

        def keep_token(request: Any, **_: Any) -> None:
            tokens.append(json.loads(request.body)["ClientRequestToken"])

        events.register_first("before-send.dynamodb.TransactWriteItems", keep_token)
        try:
            client_faults.never_arrives(TRANSACT, times=2)
            store.commit(trade_of(sell, buy))
        finally:
            events.unregister("before-send.dynamodb.TransactWriteItems", keep_token)
        assert len(tokens) == 3
        assert len(set(tokens)) == 1


class TestBook:
    def test_side_is_read_best_price_first_then_earliest(self, store: MarketStore) -> None:
        sells = stored(store, *(new_order("sell", price, at) for price, at in [(3, 0), (1, 2), (2, 3), (1, 1)]))
        buys = stored(store, *(new_order("buy", price, at) for price, at in [(3, 2), (1, 0), (2, 3), (3, 1)]))
        assert store.read_side(ARTWORK, "sell", 10).orders == [sells[3], sells[1], sells[2], sells[0]]
        assert store.read_side(ARTWORK, "buy", 10).orders == [buys[3], buys[0], buys[2], buys[1]]

    @pytest.mark.parametrize("side", ["sell", "buy"])
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    def test_pages_of_a_side_meet_without_gap_or_repetition(
        self, store: MarketStore, side: Direction, limit: int
    ) -> None:
        other: Direction = "sell" if side == "buy" else "buy"
        orders = stored(store, *(new_order(side, 1 + number % 3, number // 4) for number in range(7)))
        stored(store, *(new_order(other, 1, number) for number in range(3)))
        page = store.read_side(ARTWORK, side, limit)
        found = page.orders
        while page.next_key is not None:
            page = store.read_side(ARTWORK, side, limit, page.next_key)
            assert len(page.orders) <= limit
            found = found + page.orders
        assert found == sorted(orders, key=rank_of)

    def test_book_has_open_orders_of_this_artwork_only(self, store: MarketStore) -> None:
        sell, _ = stored(store, new_order("sell", 1), new_order("sell", 1, artwork_id=8))
        (closed,) = stored(store, new_order("sell", 1))
        store.cancel(closed)
        assert store.read_side(ARTWORK, "sell", 10).orders == [sell]

    def test_artwork_that_nobody_offers_has_an_empty_book(self, store: MarketStore) -> None:
        assert store.read_side(ARTWORK, "buy", 10).orders == []
        assert store.last_transactions(ARTWORK) == []

    def test_last_transactions_are_the_newest_20(self, store: MarketStore) -> None:
        trades = []
        for number in range(LAST_TRANSACTIONS + 2):
            sell, buy = stored(store, new_order("sell", 1), new_order("buy", 1, seconds=number))
            trades.append(trade_of(sell, buy))
            store.commit(trades[-1])
        assert store.last_transactions(ARTWORK) == trades[:1:-1]


class TestArtworks:
    FULL = Artwork(ARTWORK, "Nighthawks", "Edward Hopper", "Oil on canvas", "https://example.com/n.jpg")

    @pytest.mark.parametrize("artwork", [FULL, Artwork(ARTWORK, "Untitled", "Anonymous")])
    def test_details_come_back_as_they_were(self, store: MarketStore, artwork: Artwork) -> None:
        store.put_artwork(artwork)
        assert store.get_artworks([ARTWORK, ArtworkId(8), ARTWORK]) == {ARTWORK: artwork}

    def test_details_are_replaced_as_a_whole(self, store: MarketStore) -> None:
        store.put_artwork(self.FULL)
        bare = Artwork(ARTWORK, "Untitled", "Anonymous")
        store.put_artwork(bare)
        assert store.get_artworks([ARTWORK]) == {ARTWORK: bare}

    def test_details_of_a_page_of_100_are_found(self, store: MarketStore) -> None:
        artworks = [Artwork(ArtworkId(number), f"No. {number}", "Anonymous") for number in range(100)]
        for artwork in artworks:
            store.put_artwork(artwork)
        found = store.get_artworks([artwork.artwork_id for artwork in artworks])
        assert found == {artwork.artwork_id: artwork for artwork in artworks}

    def test_details_of_nothing_are_nothing(self, store: MarketStore) -> None:
        assert store.get_artworks([]) == {}


cents = st.integers(1, 10**14)
near = st.sampled_from([1, 2, 9, 10, 99, 100, 101, 10**14 - 1, 10**14])


@st.composite
def any_order(draw: st.DrawFn, direction: Direction) -> MarketOrder:
    """Draw an order of one artwork, with prices and moments that are often equal or neighbours."""
    return MarketOrder(
        order_id=make_order_id(ARTWORK, str(draw(st.uuids(version=4)))),
        artwork_id=ARTWORK,
        user_id=UserId(1),
        direction=direction,
        price=Decimal(draw(cents | near)).scaleb(-2),
        created_at=at(draw(st.integers(0, 3) | st.floats(0, 10**9))),
    )


def best_first(orders: list[MarketOrder]) -> list[MarketOrder]:
    """Return one side's orders as the rules have it: best price first, then earliest."""
    sign = 1 if orders and orders[0].direction == "sell" else -1
    return sorted(orders, key=lambda order: (sign * order.price, order.created_at, order.order_id))


class TestRank:
    @pytest.mark.parametrize("direction", ["sell", "buy"])
    @settings(max_examples=200)
    @given(data=st.data())
    def test_order_of_ranks_is_best_price_then_time(self, direction: Direction, data: st.DataObject) -> None:
        orders = data.draw(st.lists(any_order(direction), max_size=8))
        assert sorted(orders, key=rank_of) == best_first(orders)

    # 0.29 * 100 is 28 in floats that are cut off.
    @example(price=28)
    @given(price=st.integers(1, 10**14 - 1))
    def test_one_cent_counts_more_than_time(self, price: int) -> None:
        cheap, dear = (Decimal(each).scaleb(-2) for each in (price, price + 1))
        early_and_dear, late_and_cheap = (
            replace(new_order("sell", 1, seconds), price=each) for seconds, each in [(0, dear), (9, cheap)]
        )
        assert rank_of(late_and_cheap) < rank_of(early_and_dear)
        early_and_cheap, late_and_dear = (
            replace(new_order("buy", 1, seconds), price=each) for seconds, each in [(0, cheap), (9, dear)]
        )
        assert rank_of(late_and_dear) < rank_of(early_and_cheap)

    @given(sell=any_order("sell"), buy=any_order("buy"))
    def test_sides_do_not_mix(self, sell: MarketOrder, buy: MarketOrder) -> None:
        assert rank_of(sell)[0] == "A"
        assert rank_of(buy)[0] == "B"

    @given(order=any_order("sell") | any_order("buy"))
    def test_rank_is_a_key_of_fixed_width(self, order: MarketOrder) -> None:
        assert len(rank_of(order)) == 1 + 15 + 1 + 27 + 1 + len(order.order_id)
