"""Strategies on the deployed stack: the worked examples, what follows from them, and races that each user survives."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.stack import Stack, eventually
from tests.e2e.traders import Traders, order_ids

ROUNDS = 12
EXAMPLE = {
    "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


@pytest.fixture
def traders(stack: Stack) -> Traders:
    """Users and strategies that nobody had before."""
    return Traders(stack)


class TestWorkedExamples:
    def test_four_signals_come_out_as_the_examples_say(self, traders: Traders) -> None:
        traders.put_profiles(EXAMPLE)
        holland = traders.name("Holland Proctor")

        held_by_nobody = traders.create_order("STRATEGY_A", "GRASIM", "SELL")
        assert (held_by_nobody["RESPONSE"], held_by_nobody["USERS"]) == ("REJECTED", [])

        bought = traders.create_order("STRATEGY_B", "MINDA", "BUY")
        assert (bought["RESPONSE"], bought["USERS"]) == ("ACCEPTED", [holland])
        (position,) = traders.positions("STRATEGY_B")
        assert (position["user"], position["instrument"], position["signal_id"]) == (
            holland,
            "MINDA",
            bought["ORDER_ID"],
        )

        traded_by_nobody = traders.create_order("STRATEGY_D", "INFY", "BUY")
        assert (traded_by_nobody["RESPONSE"], traded_by_nobody["USERS"]) == ("REJECTED", [])

        sold = traders.create_order("STRATEGY_A", "MINDA", "SELL")
        assert (sold["RESPONSE"], sold["USERS"]) == ("ACCEPTED", [holland])
        assert traders.positions("STRATEGY_B") == []
        (entry,) = traders.log("Holland Proctor")
        assert (entry["buy_signal_id"], entry["sell_signal_id"]) == (bought["ORDER_ID"], sold["ORDER_ID"])
        assert (entry["strategy"], entry["closed_by"]) == (traders.name("STRATEGY_B"), traders.name("STRATEGY_A"))
        assert position["opened_at"] == entry["bought_at"] < entry["sold_at"]

    def test_second_buy_and_second_sell_are_rejected(self, traders: Traders) -> None:
        traders.put_profiles(EXAMPLE)
        answers = [
            traders.create_order("STRATEGY_B", "MINDA", position)["RESPONSE"]
            for position in ("BUY", "BUY", "SELL", "SELL")
        ]
        assert answers == ["ACCEPTED", "REJECTED", "ACCEPTED", "REJECTED"]

    def test_two_users_of_one_strategy_are_both_served_and_one_does_not_hinder_the_other(
        self, traders: Traders
    ) -> None:
        traders.put_profiles({"Anne": {"S": ["L&T"]}})
        traders.signal("S", "L&T", "BUY")
        traders.put_profiles({"Anne": {"S": ["L&T"]}, "Ben": {"S": ["L&T"]}, "Cleo": {"S": ["ACC"]}})

        answer = traders.signal("S", "L&T", "BUY")

        assert traders.verdicts(answer) == {"Anne": "already_held", "Ben": "opened", "Cleo": "not_traded"}
        sold = traders.signal("S", "L&T", "SELL")
        assert traders.verdicts(sold) == {"Anne": "closed", "Ben": "closed", "Cleo": "not_held"}

    def test_user_who_left_the_profile_is_still_sold_out(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ACC"]}, "Ben": {"S": ["ACC"]}})
        traders.signal("S", "ACC", "BUY")
        traders.put_profiles({"Ben": {"S": ["INFY"]}})
        assert len(traders.positions("S")) == 2

        assert traders.verdicts(traders.signal("S", "ACC", "BUY")) == {"Ben": "not_traded"}
        assert traders.verdicts(traders.signal("S", "ACC", "SELL")) == {"Ben": "closed", "Anne": "closed"}
        assert traders.positions("S") == []

    def test_position_of_another_strategy_is_closed_only_under_the_wide_scope(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ACC"], "T": ["INFY"]}})
        traders.signal("S", "ACC", "BUY")

        with traders.stack.environment("APIHandlerName", EXIT_SCOPE="strategy"):
            assert traders.verdicts(traders.signal("T", "ACC", "SELL")) == {"Anne": "not_held"}
        assert traders.verdicts(traders.signal("T", "ACC", "SELL")) == {"Anne": "closed"}

    def test_the_position_that_was_opened_first_is_closed_and_only_one(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ACC"], "T": ["ACC"], "U": []}})
        traders.signal("T", "ACC", "BUY")
        traders.signal("S", "ACC", "BUY")

        traders.signal("U", "ACC", "SELL")

        assert [row["strategy"] for row in traders.positions(user=traders.name("Anne"))] == [traders.name("S")]

    def test_preview_says_the_same_and_changes_nothing(self, traders: Traders) -> None:
        traders.put_profiles(EXAMPLE)
        preview = traders.signal("STRATEGY_B", "MINDA", "BUY", dry_run=True)
        assert preview["signal_id"] is None
        assert traders.positions("STRATEGY_B") == []

        answer = traders.signal("STRATEGY_B", "MINDA", "BUY")

        assert (preview["status"], traders.verdicts(preview)) == (answer["status"], traders.verdicts(answer))


class TestOrders:
    def test_orders_of_a_signal_reach_the_exchange_and_name_it(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["L&T"]}, "Ben": {"S": ["L&T"]}})
        answer = traders.signal("S", "L&T", "BUY")

        orders = traders.wait_until_placed(order_ids(answer))

        assert len(order_ids(answer)) == 2
        for row in answer["users"]:
            order = traders.stack.wait_for(row["order_id"], "NEW")
            assert (order["user"], order["strategy"], order["signal_id"]) == (
                row["user"],
                traders.name("S"),
                answer["signal_id"],
            )
            at_exchange = orders[row["order_id"]]
            assert (at_exchange["instrument"], at_exchange["side"], at_exchange["quantity"]) == ("L&T", "buy", 1)
        eventually(
            lambda: {row["order_status"] for row in traders.positions("S")}, lambda statuses: statuses == {"NEW"}
        )

    def test_a_sell_never_overtakes_its_buy_at_the_exchange(self, traders: Traders) -> None:
        users = [f"User {number}" for number in range(20)]
        traders.put_profiles({user: {"S": ["ACC"]} for user in users})
        traders.stack.exchange.behave("down")
        bought = traders.signal("S", "ACC", "BUY")
        sold = traders.signal("S", "ACC", "SELL")
        # The first attempts have failed before the exchange is back: each pair comes apart in the queue.
        eventually(
            lambda: [traders.stack.timeline(order_id)["attempts"] for order_id in order_ids(bought)],
            lambda attempts: min(attempts) >= 1,
        )
        eventually(
            lambda: {cause for order_id in order_ids(sold) for cause in traders.stack.causes(order_id)},
            lambda causes: "deferred" in causes,
        )
        traders.stack.exchange.behave("normal")

        orders = list(traders.wait_until_placed(order_ids(bought) + order_ids(sold)))

        # The exchange lists its orders as they came.
        pairs = zip(order_ids(bought), order_ids(sold), strict=True)
        assert all(orders.index(buy) < orders.index(sell) for buy, sell in pairs)

    def test_an_order_that_the_exchange_refuses_leaves_the_position_and_shows_there(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ADANIENT"]}})
        traders.stack.exchange.behave("normal", refuse=["ADANIENT"])
        answer = traders.signal("S", "ADANIENT", "BUY")

        (order_id,) = order_ids(answer)
        traders.stack.wait_for(order_id, "REJECTED")

        assert [row["order_status"] for row in traders.positions("S")] == ["REJECTED"]
        assert traders.stack.cancel(order_id).status_code == 409

    def test_order_of_a_signal_cannot_be_canceled(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ACC"]}})
        traders.stack.exchange.behave("down")
        (order_id,) = order_ids(traders.signal("S", "ACC", "BUY"))

        response = traders.stack.cancel(order_id)

        assert (response.status_code, response.json()["code"]) == (409, "signal_order")


class TestRaces:
    def test_fifty_identical_buys_at_once_buy_for_each_user_once(self, traders: Traders) -> None:
        users = [f"User {number}" for number in range(20)]
        traders.put_profiles({user: {"S": ["ACC"]} for user in users})

        def send(number: int) -> dict[str, Any]:
            """Send with a key of its own until it is answered: so many cold starts at once may take too long."""
            key = f"{traders.tag}-{number}"
            response = eventually(
                lambda: traders.post_signal("S", "ACC", "BUY", key=key),
                lambda sent: sent.status_code == 200,
                within=180,
                every=1,
            )
            answer: dict[str, Any] = response.json()
            return answer

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(send, range(50)))

        assert len({answer["signal_id"] for answer in answers}) == 50
        winners = Counter(row["user"] for answer in answers for row in answer["users"] if row["verdict"] == "ACCEPTED")
        assert winners == Counter({traders.name(user): 1 for user in users})
        positions = traders.positions("S")
        assert Counter(row["user"] for row in positions) == winners
        ordered = [order_id for answer in answers for order_id in order_ids(answer)]
        assert sorted(ordered) == sorted(row["order_id"] for row in positions)
        traders.wait_until_placed(ordered)

    def test_buy_racing_sell_leaves_what_one_of_the_two_orders_would_give(self, traders: Traders) -> None:
        users = [f"User {number}" for number in range(5)]
        traders.put_profiles({user: {"S": ["ACC"]} for user in users})
        for _ in range(ROUNDS):
            with ThreadPoolExecutor(2) as pool:
                buy, sell = pool.map(lambda side: traders.signal("S", "ACC", side), ("BUY", "SELL"))
            held = {row["user"] for row in traders.positions("S")}
            for row in buy["users"]:
                assert row["verdict"] == "ACCEPTED"
                sold = next(other for other in sell["users"] if other["user"] == row["user"])
                # Sold after the buy, so nothing is held; or the sell came first and found nothing.
                assert (row["user"] in held) == (sold["reason"] == "not_held")
            traders.signal("S", "ACC", "SELL")
            assert traders.positions("S") == []
        assert all(len(traders.log(user)) == ROUNDS for user in users)
