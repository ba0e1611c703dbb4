"""What every OrderStore must do. A test class inherits it and gives the store, on a table of its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise

import pytest
from hypothesis import given, settings

from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer, Outcome, Policy, Purpose, claim, record_outcome, request_cancel
from chalicelib.broker.store import NEWEST, OrderExistsError, OrderStore, Position, StaleOrderError
from chalicelib.core.ids import new_id, shard_of
from chalicelib.core.lifecycle import FINAL, OrderStatus
from tests.unit.broker.orders import any_order, new_order, new_signal_order

START = datetime(2026, 3, 2, 9, 30, 0, 123_456, UTC)
POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)

consistent_or_not = pytest.mark.parametrize("consistent", [False, True])


def at(seconds: float) -> datetime:
    """Return a moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def placed(store: OrderStore, order: Order, moment: datetime) -> Order:
    """Take a stored order through its placement."""
    claimed = store.save(claim(order, "token", moment, POLICY))
    outcome = Outcome(Purpose.PLACE, Answer.WORKING, 5)
    return store.save(record_outcome(claimed, "token", outcome, moment, last_chance=False, jitter=0))


def stored(store: OrderStore, *moments: datetime) -> list[Order]:
    """Create an order at each of the moments."""
    orders = [new_order(moment) for moment in moments]
    for order in orders:
        store.create(order)
    return orders


def place_of(order: Order) -> Position:
    """Return the position of a new order in lists."""
    return Position(order.created_at, order.order_id)


def all_pages(store: OrderStore, limit: int) -> Iterator[list[Position]]:
    """Walk through the newest orders, page by page."""
    after = None
    while page := store.list_newest(limit, after):
        yield page
        after = page[-1]


def all_pending(store: OrderStore, limit: int = 100) -> list[Position]:
    """Walk through the pending orders of all shards."""
    found: list[Position] = []
    for shard in range(SHARDS):
        after = None
        while page := store.list_pending(shard, limit, after):
            found += page
            after = page[-1]
    return found


class CreateContract:
    def test_created_order_comes_back_as_it_was(self, store: OrderStore) -> None:
        order = new_order()
        store.create(order)
        assert store.get(order.order_id) == order

    def test_unknown_order_is_none(self, store: OrderStore) -> None:
        assert store.get(OrderId("7b7a8f8e-0000-4000-8000-000000000000")) is None

    def test_second_create_with_the_same_id_shows_the_first_order(self, store: OrderStore) -> None:
        (first,) = stored(store, at(0))
        with pytest.raises(OrderExistsError) as raised:
            store.create(new_order(at(1), order_id=first.order_id, quantity=4))
        assert raised.value.existing == store.get(first.order_id)
        assert raised.value.existing.quantity == 3

    def test_repeated_create_of_the_same_request_is_its_own_write(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        store.create(order)
        assert [place.order_id for place in all_pending(store)].count(order.order_id) == 1

    def test_repeated_create_recognises_its_write_when_a_worker_has_the_order_already(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        claimed = store.save(claim(order, "token", at(1), POLICY))
        store.create(order)
        assert store.get(order.order_id) == claimed

    def test_created_order_of_a_signal_comes_back_as_it_was(self, store: OrderStore) -> None:
        order = new_signal_order(after=OrderId(new_id()))
        store.create(order)
        assert store.get(order.order_id) == order

    def test_every_field_round_trips(self, store: OrderStore) -> None:
        @settings(max_examples=60)
        @given(any_order())
        def round_trip(order: Order) -> None:
            order = replace(order, order_id=OrderId(new_id()))
            store.create(order)
            assert store.get(order.order_id) == order

        round_trip()


class SaveContract:
    def test_save_counts_the_version_up(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        saved = store.save(replace(order, quantity=7))
        assert saved.version == order.version + 1
        assert store.get(order.order_id) == saved

    def test_save_of_an_order_that_was_changed_meanwhile_is_stale(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        winner = store.save(claim(order, "winner", at(1), POLICY))
        with pytest.raises(StaleOrderError):
            store.save(claim(order, "loser", at(1), POLICY))
        assert store.get(order.order_id) == winner

    def test_save_of_an_order_that_is_not_stored_is_stale(self, store: OrderStore) -> None:
        order = new_order()
        with pytest.raises(StaleOrderError):
            store.save(order)
        assert store.get(order.order_id) is None

    def test_repeated_save_of_the_same_change_is_its_own_write(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        change = claim(order, "token", at(1), POLICY)
        first = store.save(change)
        assert store.save(change) == first
        assert store.get(order.order_id) == first

    def test_repeated_save_is_recognised_though_timeline_times_are_kept_in_milliseconds(
        self, store: OrderStore
    ) -> None:
        (order,) = stored(store, at(0))
        change = request_cancel(order, at(0.0019), can_cancel=True)
        store.save(change)
        assert store.save(change).status is OrderStatus.CANCELED
        found = store.get(order.order_id)
        assert found is not None
        assert found.timeline[-1].at == at(0.001)

    def test_repeated_save_is_stale_when_another_change_came_in_between(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        change = claim(order, "token", at(1), POLICY)
        later = store.save(request_cancel(store.save(change), at(2), can_cancel=True))
        with pytest.raises(StaleOrderError):
            store.save(change)
        assert store.get(order.order_id) == later


class ReadContract:
    @consistent_or_not
    def test_get_many_returns_those_that_exist(self, store: OrderStore, consistent: bool) -> None:
        orders = stored(store, at(0), at(1))
        unknown = OrderId("7b7a8f8e-0000-4000-8000-000000000000")
        found = store.get_many([orders[0].order_id, unknown, orders[1].order_id], consistent=consistent)
        assert found == {order.order_id: order for order in orders}

    @consistent_or_not
    def test_get_many_of_nothing_is_nothing(self, store: OrderStore, consistent: bool) -> None:
        assert store.get_many([], consistent=consistent) == {}

    @consistent_or_not
    def test_get_many_takes_more_than_one_batch(self, store: OrderStore, consistent: bool) -> None:
        orders = stored(store, *(at(second) for second in range(103)))
        assert len(store.get_many([order.order_id for order in orders], consistent=consistent)) == 103


class ListingContract:
    def test_newest_comes_first_over_all_shards(self, store: OrderStore) -> None:
        orders = stored(store, *(at(second) for second in range(12)))
        assert len({shard_of(order.order_id, SHARDS) for order in orders}) > 1
        assert store.list_newest(12, None) == [place_of(order) for order in reversed(orders)]

    def test_pages_meet_without_gap_or_repetition(self, store: OrderStore) -> None:
        orders = stored(store, *(at(second) for second in range(11)))
        pages = list(all_pages(store, 3))
        assert [len(page) for page in pages] == [3, 3, 3, 2]
        assert [place for page in pages for place in page] == [place_of(order) for order in reversed(orders)]

    def test_orders_of_the_same_microsecond_are_each_listed_once(self, store: OrderStore) -> None:
        orders = stored(store, *([at(0)] * 20 + [at(1)]))
        places = [place for page in all_pages(store, 2) for place in page]
        assert len(places) == len(orders)
        assert {place.order_id for place in places} == {order.order_id for order in orders}
        assert all(_sorts_after(first, second) for first, second in pairwise(places))

    def test_final_orders_stay_listed(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        store.save(request_cancel(order, at(1), can_cancel=True))
        assert store.list_newest(5, None) == [place_of(order)]


class PendingContract:
    def test_oldest_pending_comes_first(self, store: OrderStore) -> None:
        orders = in_one_shard(store, 5)
        shard = shard_of(orders[0].order_id, SHARDS)
        assert store.list_pending(shard, 10, None) == [place_of(order) for order in orders]

    def test_pending_pages_meet_without_gap_or_repetition(self, store: OrderStore) -> None:
        orders = in_one_shard(store, 5)
        assert all_pending(store, 2) == [place_of(order) for order in orders]

    def test_pending_orders_of_the_same_microsecond_are_each_listed_once(self, store: OrderStore) -> None:
        orders = in_one_shard(store, 5, apart=0)
        assert sorted(place.order_id for place in all_pending(store, 2)) == sorted(o.order_id for o in orders)

    def test_pending_order_is_found_in_its_shard_only(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        lists = [store.list_pending(shard, 10, None) for shard in range(SHARDS)]
        assert [shard for shard, found in enumerate(lists) if found] == [shard_of(order.order_id, SHARDS)]

    def test_working_order_is_pending_no_more(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        placed(store, order, at(1))
        assert all_pending(store) == []

    def test_order_to_be_canceled_is_pending_since_it_was_asked_for(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        store.save(request_cancel(placed(store, order, at(1)), at(60), can_cancel=True))
        assert all_pending(store) == [Position(at(60), order.order_id)]

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_final_order_leaves_the_active_index(self, store: OrderStore, status: OrderStatus) -> None:
        order = replace(new_order(), status=status, placed_at=at(1))
        store.create(order)
        assert all_pending(store) == []

    def test_working_orders_are_listed_by_the_time_since_when(self, store: OrderStore) -> None:
        orders = in_one_shard(store, 5)
        shard = shard_of(orders[0].order_id, SHARDS)
        for delay, order in zip((14, 11, 13, 12), orders, strict=False):
            placed(store, order, at(delay))
        first = store.list_working(shard, 3, None)
        assert [place.moment for place in first] == [at(11), at(12), at(13)]
        assert store.list_working(shard, 3, first[-1]) == [Position(at(14), orders[0].order_id)]
        assert store.list_pending(shard, 3, None) == [place_of(orders[4])]

    @pytest.mark.parametrize("status", sorted(FINAL | {OrderStatus.PENDING_CANCEL}))
    def test_order_that_works_no_more_is_not_among_the_working(self, store: OrderStore, status: OrderStatus) -> None:
        order = replace(new_order(), status=status, placed_at=at(1), cancel_requested_at=at(2))
        store.create(order)
        assert store.list_working(shard_of(order.order_id, SHARDS), 10, None) == []

    def test_partially_filled_order_works_since_it_was_placed(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        working = placed(store, order, at(1))
        store.save(replace(working, status=OrderStatus.PARTIALLY_FILLED, cum_qty=1))
        assert store.list_working(shard_of(order.order_id, SHARDS), 10, None) == [Position(at(1), order.order_id)]

    def test_last_placed_is_the_latest_over_all_shards(self, store: OrderStore) -> None:
        orders = stored(store, *(at(second) for second in range(10)))
        for delay, order in zip((11, 19, 12, 17, 13, 15, 18, 14, 16, 10), orders, strict=True):
            placed(store, order, at(delay))
        assert store.last_placed_at() == at(19)

    def test_last_placed_may_be_final_by_now(self, store: OrderStore) -> None:
        working, *others = stored(store, *(at(second) for second in range(NEWEST + 1)))
        placed(store, working, at(60))
        for delay, (order, status) in enumerate(zip(others, cycle(sorted(FINAL)), strict=False), 61):
            store.save(replace(order, status=status, placed_at=at(delay)))
        assert store.last_placed_at() == at(60 + NEWEST)

    def test_last_placed_is_sought_among_the_newest_that_are_final(self, store: OrderStore) -> None:
        old, *_ = stored(store, *(at(second) for second in range(NEWEST + 1)))
        store.save(replace(old, status=OrderStatus.FILLED, placed_at=at(100)))
        assert store.last_placed_at() is None

    def test_longest_waiting_counts_over_all_shards(self, store: OrderStore) -> None:
        orders = stored(store, *(at(second) for second in (14, 11, 19, 12, 17, 13, 15, 18, 16, 10)))
        assert store.oldest_pending_since() == at(10)
        placed(store, orders[-1], at(20))
        assert store.oldest_pending_since() == at(11)

    def test_nothing_waits_once_all_are_placed(self, store: OrderStore) -> None:
        (order,) = stored(store, at(0))
        placed(store, order, at(1))
        assert store.oldest_pending_since() is None

    def test_nothing_was_placed_while_all_orders_wait(self, store: OrderStore) -> None:
        stored(store, at(0))
        assert store.last_placed_at() is None


class OrderStoreContract(CreateContract, SaveContract, ReadContract, ListingContract, PendingContract):
    """All of it."""


def in_one_shard(store: OrderStore, count: int, apart: float = 1) -> list[Order]:
    """Create orders that share a shard."""
    orders: list[Order] = []
    while len(orders) < count:
        order = new_order(at(len(orders) * apart))
        if shard_of(order.order_id, SHARDS) == 3:
            store.create(order)
            orders.append(order)
    return orders


def _sorts_after(first: Position, second: Position) -> bool:
    return (first.moment, first.order_id) > (second.moment, second.order_id)
