"""What each step in the art market costs, in write units as the emulator counts them, which is as AWS does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chalicelib.market.item import SHARDS, MarketOrderItem
from chalicelib.market.listing import Listings
from chalicelib.market.matching import Matcher, match_artwork
from chalicelib.market.models import OrderRequest
from chalicelib.market.order import ArtworkId, MarketOrder
from chalicelib.market.service import cancel_order, submit_order
from chalicelib.market.store import MarketStore
from infra import capacity
from infra.capacity import Units
from tests.e2e.stack import Stack
from tests.e2e.tables import capacity_of, table_like

pytestmark = pytest.mark.embedded_only("LocalStack counts 1 write unit for each transacted item, and none for indexes")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def store(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[MarketStore]:
    """Tables with the schema of the deployed ones and no matcher behind them."""
    with (
        table_like("MarketOrders", stack, monkeypatch) as orders,
        table_like("Trades", stack, monkeypatch) as trades,
        table_like("Artworks", stack, monkeypatch) as artworks,
    ):
        yield MarketStore(orders, trades, artworks)


@pytest.fixture
def orders(store: MarketStore) -> type[MarketOrderItem]:
    """The orders' table."""
    return store._orders


def _submit(store: MarketStore, direction: str, user_id: int, price: Decimal = Decimal("999999.99")) -> MarketOrder:
    content = {"user_id": user_id, "artwork_id": 5, "price": price, "direction": direction}
    return submit_order(store, OrderRequest.model_validate(content), None, lambda: NOW).order


@pytest.mark.parametrize(("direction", "units"), [("buy", capacity.SUBMIT_BUY), ("sell", capacity.SUBMIT_SELL)])
def test_submitting_costs(store: MarketStore, orders: type[MarketOrderItem], direction: str, units: Units) -> None:
    with capacity_of(orders) as writes:
        _submit(store, direction, 1)

    assert writes.units == units.write


@pytest.mark.parametrize(("direction", "units"), [("buy", capacity.CANCEL_BUY), ("sell", capacity.CANCEL_SELL)])
def test_canceling_costs(store: MarketStore, orders: type[MarketOrderItem], direction: str, units: Units) -> None:
    order = _submit(store, direction, 1)

    with capacity_of(orders) as writes:
        cancel_order(store, order.order_id)

    assert writes.units == units.write


@pytest.mark.parametrize("resting", [0, 40])
def test_matching_two_orders_costs_the_same_in_a_deep_book(
    store: MarketStore, orders: type[MarketOrderItem], resting: int
) -> None:
    for number in range(resting):
        _submit(store, "sell", 100 + number, Decimal("1000000") + number)
        _submit(store, "buy", 200 + number, Decimal("900000") - number)
    _submit(store, "sell", 1)
    _submit(store, "buy", 2)

    with capacity_of(orders) as writes, capacity_of(orders, ["Query"]) as reads:
        made = match_artwork(Matcher(store, lambda: NOW), ArtworkId(5))

    assert made == 1
    assert (writes.units, reads.calls) == (capacity.MATCH.write, capacity.MATCH_READS)


def test_a_match_reads_two_pages_whatever_the_history_of_the_artwork(
    store: MarketStore, orders: type[MarketOrderItem]
) -> None:
    reads = []
    for closed in (0, 500):
        with orders.batch_write() as batch:
            for number in range(closed):
                batch.save(_closed_order(orders, number))
        _submit(store, "sell", 1)
        _submit(store, "buy", 2)
        with capacity_of(orders, ["Query"]) as consumed:
            assert match_artwork(Matcher(store, lambda: NOW), ArtworkId(5)) == 1
        reads.append((consumed.calls, consumed.units))

    assert reads[0][0] == 2
    assert reads[1] == reads[0]


def test_browsing_costs_by_the_page_not_by_the_catalogue(store: MarketStore, orders: type[MarketOrderItem]) -> None:
    listings = Listings(orders.Meta.table_name)
    reads = []
    for more in (100, 900):
        for user_id in range(more):
            _submit(store, "sell", user_id)
        with capacity_of(orders, ["Query"]) as consumed:
            assert len(listings.for_sale("price_asc", 5, None)) == 5
        reads.append((consumed.calls, consumed.units))

    assert reads[0][0] == SHARDS
    assert reads[1] == reads[0]


def _closed_order(orders: type[MarketOrderItem], number: int) -> MarketOrderItem:
    return orders(
        book="5",
        order_id=f"5-closed-{number:06d}",
        user_id=number,
        side="sell",
        price=Decimal(number + 1),
        created_at=NOW,
        status="FILLED",
        trade_id="x" * 100,
    )
