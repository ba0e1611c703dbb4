"""The local cloud stopped and started again: the data is there, and what was on its way arrives."""

from pathlib import Path

import pytest
from deployment import start, stop, wipe
from instance import Instance

from tests.deployed import PARAMETERS
from tests.e2e.stack import Stack
from tests.e2e.traders import Traders

pytestmark = pytest.mark.embedded_only("LocalStack forgets everything when it stops")


def test_orders_of_before_are_there_and_those_on_their_way_are_placed(stack: Stack, tmp_path: Path) -> None:
    del stack  # It shows that another instance on the same machine is not disturbed: its tests go on after this.
    instance = Instance.on_free_ports(tmp_path)
    try:
        with Stack(start(instance, PARAMETERS)) as before:
            placed = before.submit()
            before.wait_for(placed["id"], "NEW")
            before.exchange.behave("down")
            waiting = [before.submit()["id"] for _ in range(3)]
            traders = Traders(before)
            traders.put_profiles({"Anne": {"S": ["ACC", "L&T"]}})
            traders.signal("S", "L&T", "BUY")
            traders.signal("S", "L&T", "SELL")
            traders.signal("S", "ACC", "BUY")
            positions, log = traders.positions(), traders.log("Anne")
            profiles = before.http.get("/strategies/profiles").json()
        assert stop(instance)

        with Stack(start(instance, PARAMETERS)) as after:
            assert after.order(placed["id"])["created_at"] == placed["created_at"]
            assert after.exchange.orders()[placed["id"]]["status"] == "working"
            traders.stack = after
            assert after.http.get("/strategies/profiles").json() == profiles
            assert [row["order_id"] for row in traders.positions()] == [row["order_id"] for row in positions]
            assert traders.log("Anne") == log
            assert traders.verdicts(traders.signal("S", "ACC", "BUY")) == {"Anne": "already_held"}
            for order_id in [*waiting, *(row["order_id"] for row in positions)]:
                after.wait_for(order_id, "NEW", within=90)
    finally:
        stop(instance)
        wipe(instance)
