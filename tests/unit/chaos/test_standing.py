"""An order stands the same whether our table or the exchange tells it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.broker.item import OrderItem, pack_order
from chalicelib.core.lifecycle import PENDING, OrderStatus
from tests.e2e.standing import own_standing, plain, venue_standing
from tests.unit.broker.orders import new_order

CHANGED = new_order(quantity=10, cum_qty=3, avg_px=Decimal("10.12346"))


@pytest.mark.parametrize("status", OrderStatus)
def test_our_row_tells_what_the_order_tells(status: OrderStatus) -> None:
    order = replace(CHANGED, status=status)
    row = plain(OrderItem(**pack_order(order)).serialize())

    assert own_standing(row) == (status.value, 3, order.leaves_qty, 10.1235)


@pytest.mark.parametrize(
    ("told", "done", "left", "status"),
    [
        ("working", 0, 10, "NEW"),
        ("working", 3, 7, "PARTIALLY_FILLED"),
        ("filled", 10, 0, "FILLED"),
        ("canceled", 3, 0, "CANCELED"),
        ("expired", 3, 0, "EXPIRED"),
        ("rejected", 0, 0, "REJECTED"),
    ],
)
def test_the_exchange_tells_it_in_the_same_words(told: str, done: int, left: int, status: str) -> None:
    price = 10.12346 if done else None
    theirs = venue_standing({"status": told, "cum_qty": done, "leaves_qty": left, "avg_px": price})
    row = {"status": status, "quantity": "10", "cum_qty": str(done)} | ({"avg_px": "10.12346"} if done else {})

    assert theirs == own_standing(row)


@pytest.mark.parametrize("status", sorted(PENDING))
def test_an_order_of_which_an_answer_is_owed_is_nowhere_at_the_exchange(status: OrderStatus) -> None:
    row = {"status": status.value, "quantity": "10"}
    working = {"status": "working", "cum_qty": 0, "leaves_qty": 10}

    assert own_standing(row) == (status.value, 0, 10, None)
    assert own_standing(row) != venue_standing(working)
