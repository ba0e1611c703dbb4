"""Signals: the worked examples, what each user's verdict leads to, and what a preview leaves alone."""

from typing import Any

import pytest

from chalicelib.core.clock import parse_timestamp
from chalicelib.core.ids import is_id
from chalicelib.strategies.service import MAX_USERS
from tests.functional.gateway import REQUEST_ID, UNKNOWN_IDS
from tests.functional.traders import (
    BUY,
    EXAMPLE,
    HOLLAND,
    NOT_TRADED,
    OAKLEE,
    SELL,
    Signal,
    Traders,
    order_ids,
    reasons,
)

WORKED: list[tuple[Signal, str, list[str], str]] = [
    (("STRATEGY_A", "GRASIM", "SELL"), "REJECTED", [], "No user of STRATEGY_A holds GRASIM."),
    (("STRATEGY_B", "MINDA", "BUY"), "ACCEPTED", [HOLLAND], "Valid for 1 user."),
    (("STRATEGY_D", "INFY", "BUY"), "REJECTED", [], "No user trades INFY with STRATEGY_D."),
    (("STRATEGY_A", "MINDA", "SELL"), "ACCEPTED", [HOLLAND], "Valid for 1 user."),
]
VERDICTS = [{HOLLAND: "not_held"}, {HOLLAND: "opened"}, {OAKLEE: "not_traded"}, {HOLLAND: "closed"}]


@pytest.fixture
def traders(aws: dict[str, str]) -> Traders:
    made = Traders(aws)
    assert made.put_profiles(EXAMPLE).status == 200
    return made


class TestWorkedExamples:
    def test_create_order_answers_as_the_examples_say(self, traders: Traders) -> None:
        for signal, response, users, reason in WORKED:
            answer = traders.create_order(signal)
            signal_id = answer.content["ORDER_ID"]
            assert (answer.status, is_id(signal_id)) == (200, True)
            assert answer.content == {"RESPONSE": response, "ORDER_ID": signal_id, "REASON": reason, "USERS": users}
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["X-Request-Id"] == REQUEST_ID
            assert "Idempotency-Replayed" not in answer.headers

    def test_signals_answers_as_the_examples_say(self, traders: Traders) -> None:
        for (signal, status, users, _), verdicts in zip(WORKED, VERDICTS, strict=True):
            answer = traders.post_signal(signal)
            assert (answer.status, answer.content["status"]) == (200, status)
            assert (reasons(answer.content), list(order_ids(answer.content))) == (verdicts, users)

    @pytest.mark.parametrize("route", ["create_order", "signals"])
    def test_examples_leave_one_round_trip_and_two_orders(self, traders: Traders, route: str) -> None:
        for signal, *_ in WORKED:
            traders.create_order(signal) if route == "create_order" else traders.post_signal(signal)
        sale, _, purchase, _ = traders.signals()
        (trip,) = traders.log()
        assert trip == {
            "user": HOLLAND,
            "strategy": "STRATEGY_B",
            "instrument": "MINDA",
            "bought_at": trip["bought_at"],
            "buy_signal_id": purchase["signal_id"],
            "sold_at": trip["sold_at"],
            "sell_signal_id": sale["signal_id"],
            "closed_by": "STRATEGY_A",
        }
        assert parse_timestamp(trip["bought_at"]) < parse_timestamp(trip["sold_at"])
        assert traders.positions() == []
        assert [order["side"] for order in traders.orders()] == ["sell", "buy"]


class TestAnswer:
    def test_answer_has_exactly_these_members(self, traders: Traders) -> None:
        content = traders.signal(*BUY)
        (row,) = content["users"]
        assert content == {
            "signal_id": content["signal_id"],
            "status": "ACCEPTED",
            "strategy": "STRATEGY_B",
            "instrument": "MINDA",
            "position": "BUY",
            "created_at": content["created_at"],
            "users": [{"user": HOLLAND, "verdict": "ACCEPTED", "reason": "opened", "order_id": row["order_id"]}],
        }
        assert is_id(content["signal_id"])
        assert parse_timestamp(content["created_at"]).tzinfo is not None

    def test_every_user_of_the_strategy_has_a_verdict_and_a_reason(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["L&T"]}})
        traders.signal("S", "L&T", "BUY")
        traders.put_profiles(
            {"Anne": {"S": ["L&T"]}, "Ben": {"S": ["L&T"]}, "Cleo": {"S": ["ACC"]}, "Dan": {"T": ["L&T"]}}
        )
        content = traders.signal("S", "L&T", "BUY")
        assert content["status"] == "ACCEPTED"
        assert [(row["user"], row["verdict"], row["reason"]) for row in content["users"]] == [
            ("Anne", "REJECTED", "already_held"),
            ("Ben", "ACCEPTED", "opened"),
            ("Cleo", "REJECTED", "not_traded"),
        ]
        assert list(order_ids(content)) == ["Ben"]
        assert reasons(traders.signal("S", "L&T", "SELL")) == {"Anne": "closed", "Ben": "closed", "Cleo": "not_held"}

    def test_create_order_names_those_it_was_valid_for(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["L&T"]}, "Ben": {"S": ["L&T"]}, "Cleo": {"S": ["ACC"]}})
        content = traders.create_order(("S", "L&T", "BUY")).content
        assert (content["USERS"], content["REASON"]) == (["Anne", "Ben"], "Valid for 2 users.")

    @pytest.mark.parametrize(
        ("signal", "reason"),
        [
            (("STRATEGY_X", "MINDA", "BUY"), "No user trades MINDA with STRATEGY_X."),
            (("STRATEGY_B", "L&T", "BUY"), "No user trades L&T with STRATEGY_B."),
            (("STRATEGY_X", "MINDA", "SELL"), "No user of STRATEGY_X holds MINDA."),
            (("STRATEGY_B", "nonsense", "SELL"), "No user of STRATEGY_B holds nonsense."),
            (("strategy_b", "MINDA", "BUY"), "No user trades MINDA with strategy_b."),
            (("STRATEGY_B ", "MINDA", "BUY"), "No user trades MINDA with STRATEGY_B ."),
            (("策略", "😀" * 64, "BUY"), f"No user trades {'😀' * 64} with 策略."),
        ],
    )
    def test_unknown_strategy_or_instrument_is_a_rejected_signal(
        self, traders: Traders, signal: Signal, reason: str
    ) -> None:
        answer = traders.create_order(signal)
        assert (answer.status, answer.content["RESPONSE"], answer.content["REASON"]) == (200, "REJECTED", reason)
        assert traders.view(answer.content["ORDER_ID"])["status"] == "REJECTED"

    def test_second_buy_is_rejected_because_it_is_held(self, traders: Traders) -> None:
        traders.create_order(BUY)
        content = traders.create_order(BUY).content
        assert (content["RESPONSE"], content["USERS"]) == ("REJECTED", [])
        assert content["REASON"] == "Every user who trades MINDA with STRATEGY_B holds it already."

    def test_without_any_profiles_every_signal_is_rejected(self, aws: dict[str, str]) -> None:
        traders = Traders(aws)
        for signal in (BUY, SELL):
            content = traders.signal(*signal)
            assert (content["status"], content["users"]) == ("REJECTED", [])
            assert traders.view(content["signal_id"]) == content


class TestManyUsers:
    @pytest.mark.no_cover
    def test_signal_for_more_users_than_a_transaction_takes_is_carried_out_for_each(
        self, traders: Traders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # moto copies every table for each transaction, and stumbles over another one at the same time.
        monkeypatch.setattr("chalicelib.strategies.fan_out.PARALLEL", 1)
        # Nor does it matter here how long that takes.
        monkeypatch.setenv("SIGNAL_LEASE", "3600")
        names = [f"User {number:03d}" for number in range(120)]
        traders.put_profiles({name: {"S": ["ACC"]} for name in names})
        for position, reason in (("BUY", "opened"), ("SELL", "closed")):
            content = traders.signal("S", "ACC", position)
            assert reasons(content) == dict.fromkeys(names, reason)
            assert traders.view(content["signal_id"]) == content
            assert len(traders.positions()) == (120 if position == "BUY" else 0)
        assert len({order["id"] for order in traders.orders()}) == 240

    def test_signal_for_more_users_than_a_request_can_carry_out_is_refused_and_writes_nothing(
        self, traders: Traders
    ) -> None:
        traders.put_profiles({f"User {number}": {"S": ["ACC"]} for number in range(MAX_USERS + 1)})
        before = traders.everything()
        for query in ("", "?dry_run=true"):
            answer = traders.post_signal(("S", "ACC", "BUY"), query)
            assert (answer.status, answer.content["code"]) == (409, "too_many_users")
        answer = traders.create_order(("S", "ACC", "BUY"))
        assert (answer.status, answer.content["RESPONSE"]) == (409, "REJECTED")
        assert "10001 users" in answer.content["REASON"]
        assert "ORDER_ID" not in answer.content
        assert traders.everything() == before


class TestOrders:
    def test_accepted_user_has_an_order_that_tells_whose_it_is(self, traders: Traders) -> None:
        content = traders.signal(*BUY)
        order = traders.order(order_ids(content)[HOLLAND])
        assert order == {
            "id": order_ids(content)[HOLLAND],
            "created_at": order["created_at"],
            "type": "market",
            "side": "buy",
            "instrument": "MINDA",
            "limit_price": None,
            "quantity": 1,
            "status": "PENDING_NEW",
            "cum_qty": 0,
            "leaves_qty": 1,
            "user": HOLLAND,
            "strategy": "STRATEGY_B",
            "signal_id": content["signal_id"],
        }

    def test_closing_order_is_that_of_the_strategy_that_sold(self, traders: Traders) -> None:
        traders.signal(*BUY)
        content = traders.signal("STRATEGY_A", "MINDA", "SELL")
        order = traders.order(order_ids(content)[HOLLAND])
        assert (order["side"], order["instrument"], order["user"]) == ("sell", "MINDA", HOLLAND)
        assert (order["strategy"], order["signal_id"]) == ("STRATEGY_A", content["signal_id"])

    def test_rejected_user_has_none(self, traders: Traders) -> None:
        traders.signal(*NOT_TRADED)
        assert traders.orders() == []

    def test_order_cannot_be_canceled(self, traders: Traders) -> None:
        order_id = order_ids(traders.signal(*BUY))[HOLLAND]
        before = traders.everything()
        answer = traders.gateway.post(f"/orders/{order_id}/cancel")
        assert (answer.status, answer.content["code"]) == (409, "signal_order")
        assert traders.everything() == before

    def test_position_is_sold_in_the_quantity_that_was_bought(
        self, traders: Traders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIGNAL_QUANTITY", "7")
        bought = traders.signal(*BUY)
        monkeypatch.setenv("SIGNAL_QUANTITY", "2")
        sold = traders.signal(*SELL)
        assert [traders.order(order_ids(content)[HOLLAND])["quantity"] for content in (bought, sold)] == [7, 7]


class TestExitScope:
    def test_sell_prefers_the_strategys_own_position(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"A": ["ACC"], "B": ["ACC"]}})
        traders.signal("A", "ACC", "BUY")
        traders.signal("B", "ACC", "BUY")
        traders.signal("B", "ACC", "SELL")
        assert [position["strategy"] for position in traders.positions()] == ["A"]

    def test_sell_of_a_strategy_without_one_closes_the_one_opened_first(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"A": [], "B": ["ACC"], "C": ["ACC"]}})
        traders.signal("C", "ACC", "BUY")
        traders.signal("B", "ACC", "BUY")
        for left in (["B"], []):
            assert reasons(traders.signal("A", "ACC", "SELL")) == {"Anne": "closed"}
            assert [position["strategy"] for position in traders.positions()] == left
        assert reasons(traders.signal("A", "ACC", "SELL")) == {"Anne": "not_held"}

    @pytest.fixture
    def strict(self, traders: Traders, monkeypatch: pytest.MonkeyPatch) -> Traders:
        monkeypatch.setenv("EXIT_SCOPE", "strategy")
        return traders

    def test_strict_scope_rejects_the_fourth_example(self, strict: Traders) -> None:
        answers = [strict.create_order(signal).content["RESPONSE"] for signal, *_ in WORKED]
        assert answers == ["REJECTED", "ACCEPTED", "REJECTED", "REJECTED"]
        assert [position["user"] for position in strict.positions()] == [HOLLAND]

    def test_strict_scope_sells_the_strategys_own_position(self, strict: Traders) -> None:
        strict.signal(*BUY)
        assert reasons(strict.signal(*SELL)) == {HOLLAND: "closed"}


class TestPreview:
    @pytest.mark.parametrize("signal", [BUY, ("STRATEGY_A", "MINDA", "SELL"), NOT_TRADED])
    @pytest.mark.parametrize("is_held", [False, True])
    def test_preview_tells_what_the_signal_would_mean_and_writes_nothing(
        self, traders: Traders, signal: Signal, is_held: bool
    ) -> None:
        if is_held:
            traders.signal(*BUY)
        before = traders.everything()
        preview = traders.post_signal(signal, "?dry_run=true")
        assert (preview.status, preview.content["signal_id"]) == (200, None)
        assert "Idempotency-Replayed" not in preview.headers
        assert traders.everything() == before
        assert without_ids(preview.content) == without_ids(traders.signal(*signal))

    def test_preview_names_no_order(self, traders: Traders) -> None:
        (row,) = traders.post_signal(BUY, "?dry_run=true").content["users"]
        assert row == {"user": HOLLAND, "verdict": "ACCEPTED", "reason": "opened"}

    def test_preview_does_not_use_up_its_key(self, traders: Traders) -> None:
        traders.post_signal(BUY, "?dry_run=true", Idempotency_Key="a-key")
        answer = traders.post_signal(SELL, Idempotency_Key="a-key")
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (200, False)

    def test_preview_looks_at_what_is_true_now_whatever_its_key_was_used_for(self, traders: Traders) -> None:
        traders.post_signal(BUY, Idempotency_Key="a-key")
        before = traders.everything()
        preview = traders.post_signal(BUY, "?dry_run=true", Idempotency_Key="a-key")
        assert reasons(preview.content) == {HOLLAND: "already_held"}
        assert traders.everything() == before

    def test_dry_run_that_is_false_is_none(self, traders: Traders) -> None:
        traders.post_signal(BUY, "?dry_run=false")
        assert len(traders.positions()) == 1

    def test_other_route_knows_no_preview(self, traders: Traders) -> None:
        traders.gateway.post(
            "/create_order?dry_run=true", {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
        )
        assert len(traders.positions()) == 1


def without_ids(content: Any) -> Any:
    """Return an answer without what is of one signal only."""
    rows = [{name: value for name, value in row.items() if name != "order_id"} for row in content["users"]]
    return {**content, "signal_id": None, "created_at": None, "users": rows}


class TestView:
    @pytest.mark.parametrize("signal", [BUY, NOT_TRADED])
    def test_signal_is_shown_as_it_was_answered(self, traders: Traders, signal: Signal) -> None:
        content = traders.signal(*signal)
        answer = traders.gateway.get(f"/signals/{content['signal_id']}")
        assert (answer.status, answer.content) == (200, content)
        assert answer.headers["Cache-Control"] == "no-store"

    def test_signal_of_create_order_is_found_by_its_order_id(self, traders: Traders) -> None:
        signal_id = traders.create_order(BUY).content["ORDER_ID"]
        assert (traders.view(signal_id)["signal_id"], reasons(traders.view(signal_id))) == (
            signal_id,
            {HOLLAND: "opened"},
        )

    def test_signal_keeps_its_verdicts_when_profiles_and_positions_change(self, traders: Traders) -> None:
        content = traders.signal(*BUY)
        traders.signal(*SELL)
        traders.put_profiles({"Zoe": {"STRATEGY_B": ["MINDA"]}})
        assert traders.view(content["signal_id"]) == content

    def test_signal_whose_profiles_are_not_kept_any_more_still_has_its_status(self, traders: Traders) -> None:
        content = traders.signal(*BUY)
        traders.forget_profiles()
        assert traders.view(content["signal_id"]) == {**content, "users": []}

    @pytest.mark.parametrize("signal_id", UNKNOWN_IDS)
    def test_unknown_signal_is_not_found(self, traders: Traders, signal_id: str) -> None:
        answer = traders.gateway.get(f"/signals/{signal_id}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_signal")
        assert len(answer.text) < 500
