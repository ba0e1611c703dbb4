"""How much of the book is read at first."""

from chalicelib.market.item import MarketOrderItem, pack_order
from chalicelib.market.matching import FIRST_PAGE
from chalicelib.market.models import MAX_ID
from tests.moto_stack import read_resources
from tests.unit.broker.item_size import item_size
from tests.unit.market.orders import new_order

READ_UNIT = 4096
"""Bytes that a consistent read of one unit returns at most."""


def test_first_page_of_a_side_is_one_read_unit() -> None:
    table = read_resources()["Resources"]["MarketOrders"]["Properties"]
    (index,) = table["LocalSecondaryIndexes"]
    keys = {key["AttributeName"] for key in [*table["KeySchema"], *index["KeySchema"]]}
    shown = keys | set(index["Projection"]["NonKeyAttributes"])
    order = new_order("sell", "999999.99", user_id=MAX_ID, artwork_id=999_999)

    row = {name: value for name, value in MarketOrderItem(**pack_order(order)).serialize().items() if name in shown}

    assert row.keys() == shown
    assert FIRST_PAGE * item_size(row) <= READ_UNIT
    assert FIRST_PAGE * 2 * item_size(row) > READ_UNIT
