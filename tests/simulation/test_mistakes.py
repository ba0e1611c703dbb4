"""What the rules are worth: mistakes that are put into the platform on purpose break one, and the smallest is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.broker.placement import Answer, next_step
from chalicelib.market.book import Trade
from chalicelib.market.store import MarketStore
from chalicelib.operations.dead_letters import SqsLetterBox
from chalicelib.strategies.profiles import DynamoProfileStore
from tests.simulation.run import Case, Report, live

SEEDS = 200
Patch = Callable[[pytest.MonkeyPatch], None]


def first_broken() -> Report:
    """Return the first history that breaks a rule."""
    for seed in range(SEEDS):
        report = live(Case(seed))
        if report.violation is not None:
            return report
    pytest.fail(f"None of {SEEDS} histories breaks a rule")


def price_of_the_taker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Trade, "price", property(lambda trade: trade.taker.price))


def book_that_lags(patch: pytest.MonkeyPatch) -> None:
    def read_side(store: Any, artwork_id: Any, side: Any, limit: int, after: Any = None) -> Any:
        page = original(store, artwork_id, side, limit, after)
        return replace(page, orders=[order for order in page.orders if order.user_id != 1])

    original = MarketStore.read_side
    patch.setattr(MarketStore, "read_side", read_side)


def leases_that_nobody_respects(patch: pytest.MonkeyPatch) -> None:
    def step(order: Any, now: Any, predecessor: Any = None) -> Any:
        return next_step(replace(order, next_attempt_at=None), now, predecessor)

    patch.setattr("chalicelib.broker.worker.next_step", step)


def sales_that_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.broker.worker.predecessor_of", lambda _: None)


def answers_that_are_guessed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.broker.exchange.Answer.UNKNOWN", Answer.WORKING)


def orders_of_a_signal_that_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.broker.store.DynamoOrderStore.get_many", lambda *_, **__: {})


def letters_that_are_removed_before_they_are_sent(patch: pytest.MonkeyPatch) -> None:
    def take(box: SqsLetterBox) -> Any:
        letters = original(box)
        if letters:
            box.remove(letters)
        return letters

    original = SqsLetterBox.take
    patch.setattr(SqsLetterBox, "take", take)


def messages_that_are_done_with_too_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.operations.sweep.is_overdue", lambda *_: False)


def profiles_without_a_strategy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DynamoProfileStore, "profiles", lambda *_: {})


MISTAKES: dict[Patch, str] = {
    price_of_the_taker: "the price is the resting order's",
    book_that_lags: "no book is crossed",
    sales_that_do_not_wait: "no order overtakes the one it closes",
    profiles_without_a_strategy: "profiles are never mixed",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__.replace("_", " "))
def test_mistake_breaks_a_rule(monkeypatch: pytest.MonkeyPatch, mistake: Patch) -> None:
    mistake(monkeypatch)
    violation = first_broken().violation
    assert violation is not None
    assert violation.rule == MISTAKES[mistake]
