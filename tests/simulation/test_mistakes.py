"""What the rules are worth: mistakes that are put into the platform on purpose break one, and the smallest is told."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from chalicelib.broker.order import Order
from chalicelib.broker.placement import request_cancel
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.market.book import Trade
from chalicelib.market.store import MarketStore
from chalicelib.strategies.profiles import DynamoProfileStore
from tests.bite.hunt import seeds_of
from tests.simulation.run import Case, Report, live, read_case
from tests.simulation.simulate import tell_of

SEEDS = 60
Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Notice:
    """The part of the platform that a mistake is made in, the rule that it breaks, and in how many histories."""

    part: str
    rule: str
    within: int = SEEDS


def first_broken(part: str, within: int = SEEDS) -> Report:
    """Return the first history that breaks a rule, of those in which a part of the platform is used."""
    for seed in islice(seeds_of(part), within):
        report = live(Case(seed))
        if report.violation is not None:
            return report
    pytest.fail(f"None of {within} histories breaks a rule")


def price_of_the_later_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Trade, "price", property(lambda trade: trade.taker.price))


def users_whose_offers_are_not_seen(patch: pytest.MonkeyPatch) -> None:
    def read_side(*args: Any) -> Any:
        page = original(*args)
        return replace(page, orders=[order for order in page.orders if order.user_id != 1])

    original = MarketStore.read_side
    patch.setattr(MarketStore, "read_side", read_side)


def sales_that_do_not_wait_for_their_buy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.broker.worker.predecessor_of", lambda _: None)


def profiles_that_are_shown_in_part(patch: pytest.MonkeyPatch) -> None:
    def profiles(store: DynamoProfileStore, generation_id: str) -> Any:
        return {user: found for user, found in original(store, generation_id).items() if user != "Anne"}

    original = DynamoProfileStore.profiles
    patch.setattr(DynamoProfileStore, "profiles", profiles)


def letters_that_outlive_their_cancel(patch: pytest.MonkeyPatch) -> None:
    """The simulation found this one in the platform as it was."""

    def request(order: Order, now: datetime, *, can_cancel: bool) -> Order:
        asked = request_cancel(order, now, can_cancel=can_cancel)
        is_ours = asked.status is OrderStatus.CANCELED
        return replace(asked, dead_lettered_at=order.dead_lettered_at) if is_ours else asked

    patch.setattr("chalicelib.broker.service.request_cancel", request)


MISTAKES: dict[Patch, Notice] = {
    price_of_the_later_order: Notice("market", "the price is the resting order's"),
    users_whose_offers_are_not_seen: Notice("market", "no book is crossed"),
    sales_that_do_not_wait_for_their_buy: Notice("strategies", "no order overtakes the one it closes"),
    profiles_that_are_shown_in_part: Notice("strategies", "profiles are never mixed"),
    # An order that was never sent has to end as a letter, and a client has to cancel it then: the 60th is the first.
    letters_that_outlive_their_cancel: Notice("broker", "nobody has it any more", within=100),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__.replace("_", " "))
def test_mistake_breaks_a_rule(monkeypatch: pytest.MonkeyPatch, mistake: Patch) -> None:
    mistake(monkeypatch)
    notice = MISTAKES[mistake]
    violation = first_broken(notice.part, notice.within).violation
    assert violation is not None
    assert violation.rule == notice.rule


def test_smallest_history_is_told_and_can_be_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    price_of_the_later_order(monkeypatch)
    told = tell_of(first_broken("market")).splitlines()
    assert "the price is the resting order's" in told[0]
    case = read_case(told[-1].partition("REPLAY='")[2].rstrip("'"))
    # Two offers make a trade; no fault is needed for it.
    again = live(case, tell=True)
    assert (len(again.clients), again.struck) == (2, [])
    assert again.story[-60:] == told[2:-1][-60:]
    # It ends where the rule was broken, with the write that broke it.
    assert "Transact" in again.story[-2]
    assert again.story[-1].startswith("VIOLATION the price is the resting order's")
