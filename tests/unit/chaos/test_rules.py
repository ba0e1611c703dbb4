"""Every rule fails on a history in which just that went wrong, and a sound one breaks none."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.chaos.evidence import Evidence
from tests.chaos.rules import RULES, judge
from tests.e2e.stack import Item
from tests.simulation.history import Request
from tests.unit.chaos.story import tell_story

ACCEPTED = "what was accepted is there, once, as asked for"
MARKET = "works change hands once, for the same money"
NOTHING_ELSE = "nothing is there that nobody asked for"
PLACED = "every order is placed exactly once"
TURNS = "no sale overtakes its purchase"
EQUAL = "every order ends as the exchange has it"
TRUE = "what was told of an order was true"
POSITIONS = "positions, log and orders tell the same"
SIGNALS = "accepted signals are done, once for each user"
REST = "everything comes to rest"
OWN = "the platform's own check agrees"

_story = cache(tell_story)


@pytest.fixture
def evidence() -> Evidence:
    return copy.deepcopy(_story())


def _broken(evidence: Evidence) -> set[str]:
    return {verdict.promise for verdict in judge(evidence) if verdict.violations}


def _item(evidence: Evidence, table: str, wanted: Callable[[Item], bool] = lambda _: True) -> Item:
    return next(item for item in evidence.tables[table] if wanted(item))


def _take(evidence: Evidence, table: str, wanted: Callable[[Item], bool] = lambda _: True) -> Item:
    item = _item(evidence, table, wanted)
    evidence.tables[table].remove(item)
    return item


def _request(evidence: Evidence, method: str, path: str, wanted: Callable[[Request], Any] = lambda _: True) -> Request:
    return next(one for one in evidence.requests if one.method == method and one.path.startswith(path) and wanted(one))


def _is(name: str, value: str) -> Callable[[Item], bool]:
    return lambda item: item.get(name) == {"S": value}


def _placed(item: Item) -> bool:
    return "signal" not in item and item["status"]["S"] == "NEW"


def _sale(item: Item) -> bool:
    return "after" in item


def _purchase(item: Item) -> bool:
    return "signal" in item and "after" not in item


def test_a_sound_history_breaks_no_rule_and_has_something_for_each(evidence: Evidence) -> None:
    verdicts = judge(evidence)

    assert {verdict.promise: verdict.violations for verdict in verdicts if verdict.violations} == {}
    assert all(verdict.checked for verdict in verdicts)


class TestLost:
    def test_an_order(self, evidence: Evidence) -> None:
        order_id = _take(evidence, "BrokerOrders", _placed)["order_id"]["S"]
        del evidence.venue[order_id]

        assert _broken(evidence) == {ACCEPTED}

    def test_an_order_of_which_only_its_201_was_heard(self, evidence: Evidence) -> None:
        order_id = _take(evidence, "BrokerOrders", _is("status", "CANCELED"))["order_id"]["S"]
        evidence.requests = [one for one in evidence.requests if f"/{order_id}" not in one.path]

        assert _broken(evidence) == {ACCEPTED}

    def test_an_offer(self, evidence: Evidence) -> None:
        _take(evidence, "MarketOrders", _is("status", "NEW"))

        assert _broken(evidence) == {MARKET}

    def test_a_signal(self, evidence: Evidence) -> None:
        _take(evidence, "Signals")

        assert _broken(evidence) == {SIGNALS}

    def test_a_placement(self, evidence: Evidence) -> None:
        order_id = _item(evidence, "BrokerOrders", _placed)["order_id"]["S"]
        del evidence.venue[order_id]
        evidence.accepted.remove(order_id)

        assert _broken(evidence) == {PLACED, EQUAL}

    def test_a_transaction(self, evidence: Evidence) -> None:
        _take(evidence, "Trades")

        assert _broken(evidence) == {MARKET}

    def test_a_position(self, evidence: Evidence) -> None:
        _take(evidence, "Positions")

        assert _broken(evidence) == {POSITIONS}

    def test_a_row_of_the_log(self, evidence: Evidence) -> None:
        _take(evidence, "OrderLog")

        assert _broken(evidence) == {POSITIONS}

    def test_an_order_of_a_signal(self, evidence: Evidence) -> None:
        order_id = _take(evidence, "BrokerOrders", _purchase)["order_id"]["S"]
        del evidence.venue[order_id]

        assert POSITIONS in _broken(evidence)


class TestDoubled:
    def test_an_order_under_one_key(self, evidence: Evidence) -> None:
        order = copy.deepcopy(_item(evidence, "BrokerOrders", _placed))
        first, again = [one for one in evidence.requests if one.key == "placed"]
        order["order_id"] = {"S": "another"}
        evidence.tables["BrokerOrders"].append(order)
        evidence.venue["another"] = evidence.venue[first.content["id"]]
        evidence.accepted.append("another")
        again.content = {**first.content, "id": "another"}

        assert _broken(evidence) == {ACCEPTED}

    def test_an_order_that_nobody_heard_of(self, evidence: Evidence) -> None:
        order = copy.deepcopy(_item(evidence, "BrokerOrders", _is("status", "CANCELED")))
        evidence.tables["BrokerOrders"].append({**order, "order_id": {"S": "another"}})

        assert _broken(evidence) == {NOTHING_ELSE}

    def test_an_offer_that_nobody_heard_of(self, evidence: Evidence) -> None:
        offer = copy.deepcopy(_item(evidence, "MarketOrders", _is("status", "NEW")))
        evidence.tables["MarketOrders"].append({**offer, "order_id": {"S": "7-another"}})

        assert _broken(evidence) == {NOTHING_ELSE}

    def test_a_signal_that_nobody_heard_of(self, evidence: Evidence) -> None:
        signal = copy.deepcopy(_item(evidence, "Signals"))
        evidence.tables["Signals"].append({**signal, "signal_id": {"S": "another"}})

        assert _broken(evidence) == {NOTHING_ELSE}

    def test_a_signal_under_one_key(self, evidence: Evidence) -> None:
        second = [one for one in evidence.requests if one.key == "BUY INFY"][1]
        signal = copy.deepcopy(_item(evidence, "Signals", _is("signal_id", second.content["signal_id"])))
        evidence.tables["Signals"].append({**signal, "signal_id": {"S": "another"}})
        second.content = {**second.content, "signal_id": "another", "users": []}

        assert _broken(evidence) == {SIGNALS}

    def test_a_placement(self, evidence: Evidence) -> None:
        evidence.accepted.append(next(iter(evidence.venue)))

        assert _broken(evidence) == {PLACED}

    def test_an_order_at_the_exchange_that_is_not_ours(self, evidence: Evidence) -> None:
        evidence.venue["stranger"] = ("NEW", 0, 1, None)

        assert _broken(evidence) == {PLACED}

    def test_a_transaction(self, evidence: Evidence) -> None:
        trade = copy.deepcopy(_item(evidence, "Trades"))
        evidence.tables["Trades"].append({**trade, "trade_id": {"S": "another"}})

        assert _broken(evidence) == {MARKET}

    def test_a_position(self, evidence: Evidence) -> None:
        evidence.tables["Positions"].append(copy.deepcopy(_item(evidence, "Positions")))

        assert _broken(evidence) == {POSITIONS}

    def test_an_order_of_a_signal_for_a_user(self, evidence: Evidence) -> None:
        order = copy.deepcopy(_item(evidence, "BrokerOrders", _purchase))
        order_id = order["order_id"]["S"]
        evidence.tables["BrokerOrders"].append({**order, "order_id": {"S": "another"}})
        evidence.venue["another"] = evidence.venue[order_id]
        evidence.accepted.append("another")

        assert _broken(evidence) == {POSITIONS}


class TestUntrue:
    def test_terms_that_nobody_asked_for(self, evidence: Evidence) -> None:
        _item(evidence, "BrokerOrders", _placed)["limit_price"] = {"N": "10.26"}

        assert _broken(evidence) == {ACCEPTED}

    def test_a_standing_that_is_not_the_exchanges(self, evidence: Evidence) -> None:
        evidence.venue[next(iter(evidence.venue))] = ("FILLED", 3, 0, 10.25)

        assert _broken(evidence) == {EQUAL}

    def test_a_cancel_that_was_taken_and_forgotten(self, evidence: Evidence) -> None:
        order = _item(evidence, "BrokerOrders", _is("status", "CANCELED"))
        order["status"] = {"S": "NEW"}
        evidence.venue[order["order_id"]["S"]] = ("NEW", 0, 3, None)
        evidence.accepted.append(order["order_id"]["S"])

        assert _broken(evidence) == {TRUE}

    def test_a_pending_cancel_that_was_forgotten(self, evidence: Evidence) -> None:
        order_id = _item(evidence, "BrokerOrders", _placed)["order_id"]["S"]
        cancel = copy.copy(_request(evidence, "POST", "/orders/"))
        cancel.path, cancel.content = f"/orders/{order_id}/cancel", {"status": "PENDING_CANCEL"}
        evidence.requests.append(cancel)

        assert _broken(evidence) == {TRUE}

    def test_an_order_that_was_not_found(self, evidence: Evidence) -> None:
        view = _request(evidence, "GET", "/orders/")
        view.status, view.content = 404, {}

        assert _broken(evidence) == {TRUE}

    def test_an_offer_that_was_told_to_be_canceled_and_traded(self, evidence: Evidence) -> None:
        cancel = _request(evidence, "POST", "/market/orders/", lambda one: one.status == 409)
        cancel.status, cancel.content = 200, {"is_canceled": True}

        assert _broken(evidence) == {MARKET}

    def test_an_offer_that_was_seen_open_after_it_was_told_to_be_filled(self, evidence: Evidence) -> None:
        view = _request(evidence, "GET", "/market/orders/")
        later = copy.copy(view)
        later.sent, later.answered = (view.answered or 0) + 1, (view.answered or 0) + 2
        later.content = {name: value for name, value in view.content.items() if name != "transaction"}
        later.content["status"] = "open"
        evidence.requests.append(later)

        assert _broken(evidence) == {MARKET}

    def test_a_price_that_is_not_the_resting_orders(self, evidence: Evidence) -> None:
        _item(evidence, "Trades")["price"] = {"N": "11"}

        assert _broken(evidence) == {MARKET}

    def test_a_book_that_is_crossed(self, evidence: Evidence) -> None:
        offer = _item(evidence, "MarketOrders", _is("status", "NEW"))
        other = copy.deepcopy(offer) | {"order_id": {"S": "7-other"}, "side": {"S": "sell"}, "user_id": {"N": "9"}}
        evidence.tables["MarketOrders"].append(other)

        assert _broken(evidence) == {MARKET, NOTHING_ELSE}

    def test_a_sale_that_names_another_purchase(self, evidence: Evidence) -> None:
        _item(evidence, "OrderLog")["buy_signal_id"] = {"S": "another"}

        assert _broken(evidence) == {POSITIONS}

    def test_a_sale_without_its_purchase(self, evidence: Evidence) -> None:
        del _item(evidence, "BrokerOrders", _sale)["after"]

        assert _broken(evidence) == {POSITIONS}

    def test_a_sale_that_overtakes_its_purchase(self, evidence: Evidence) -> None:
        sale = _item(evidence, "BrokerOrders", _sale)["order_id"]["S"]
        evidence.accepted.remove(sale)
        evidence.accepted.insert(0, sale)

        assert _broken(evidence) == {TURNS}

    def test_a_user_who_was_told_and_not_served(self, evidence: Evidence) -> None:
        content = _request(evidence, "POST", "/signals").content
        content["users"][0] = {**content["users"][0], "order_id": "another"}

        assert _broken(evidence) == {SIGNALS}

    def test_a_producer_who_was_told_another_story(self, evidence: Evidence) -> None:
        answer = _request(evidence, "POST", "/create_order")
        answer.content = {**answer.content, "RESPONSE": "REJECTED", "USERS": []}

        assert _broken(evidence) == {SIGNALS}


class TestUnrest:
    def test_a_queue(self, evidence: Evidence) -> None:
        evidence.restless = ["the queue placements: depth 1"]

        assert _broken(evidence) == {REST}

    def test_a_signal_that_is_open(self, evidence: Evidence) -> None:
        _item(evidence, "Signals")["is_complete"] = {"BOOL": False}

        assert _broken(evidence) == {REST}

    def test_an_order_that_somebody_holds(self, evidence: Evidence) -> None:
        _item(evidence, "BrokerOrders")["lease_token"] = {"S": "a worker's"}

        assert _broken(evidence) == {REST}

    def test_an_errand_that_nobody_was_told_of(self, evidence: Evidence) -> None:
        evidence.unsettled = ["an order"]

        assert _broken(evidence) == {NOTHING_ELSE}

    @pytest.mark.parametrize("found", [{}, {"no_book_is_crossed": ["7"]}])
    def test_a_check_of_its_own_that_says_otherwise(self, evidence: Evidence, found: dict[str, list[str]]) -> None:
        evidence.invariants = found

        assert _broken(evidence) == {OWN}


def test_every_rule_has_its_wrong_history() -> None:
    shown = {ACCEPTED, MARKET, NOTHING_ELSE, PLACED, TURNS, EQUAL, TRUE, POSITIONS, SIGNALS, REST, OWN}

    assert {promise for promise, _, _ in RULES} == shown
