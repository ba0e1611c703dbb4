"""Reports that arrive at any point of a placement or a cancel: the order ends as the exchange has it, every time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import pytest

from chalicelib.broker.execution import ExecutionReport, fold
from chalicelib.broker.order import Cause, Order
from chalicelib.broker.placement import Answer, request_cancel
from chalicelib.core.batches import Again, Done
from chalicelib.core.lifecycle import FINAL, OrderStatus
from tests.unit.broker.bench import Bench, at
from tests.unit.broker.fakes.exchange import PRICE, Mode
from tests.unit.broker.orders import new_order
from tests.unit.broker.platform import check_history

# The same lines again and again, each of them slower while it is counted which run; other tests count them.
pytestmark = pytest.mark.no_cover

QUANTITY = 3
CALLS = 16
"""More calls to the outside than a message ever makes."""


@dataclass(frozen=True)
class Scene:
    """What happens to an order at the exchange, and which of its reports arrive first."""

    events: tuple[Callable[[Bench], None], ...]
    first: slice


def fill(cum_qty: int) -> Callable[[Bench], None]:
    return lambda bench: bench.venue.fill(bench.order_id, cum_qty, QUANTITY)


def end(state: Answer) -> Callable[[Bench], None]:
    return lambda bench: bench.venue.end(bench.order_id, state)


LIVES = {
    "acknowledged": tuple[Callable[[Bench], None], ...](),
    "partially filled": (fill(1), fill(2)),
    "filled": (fill(1), fill(3)),
    "filled at once": (fill(3),),
    "expired": (fill(1), end(Answer.EXPIRED)),
    "canceled by the exchange": (end(Answer.CANCELED),),
}
FIRST = {"all": slice(None), "the last": slice(-1, None), "the first": slice(1)}
every_life = pytest.mark.parametrize("life", LIVES)
every_first = pytest.mark.parametrize("first", FIRST)
every_mode = pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.LOST_AFTER, Mode.REFUSE])


def deliver(bench: Bench, reports: list[ExecutionReport]) -> None:
    """Apply reports in one batch; none of them is impossible."""
    folded = fold(bench.order, reports, bench.clock())
    assert folded.impossible == ()
    if folded.order != bench.order:
        bench.store.save(folded.order)


class Race:
    """A worker at its message, with things that happen when it stands at the given one of its calls."""

    def __init__(self, bench: Bench, scene: Scene, mode: Mode) -> None:
        self.bench, self.scene = bench, scene
        self.plan: dict[int, list[Callable[[], None]]] = {}
        bench.venue.script.append(mode)

    def at(self, call: int, act: Callable[[], None]) -> None:
        self.plan.setdefault(call, []).append(act)

    def trade(self) -> None:
        """Let the events happen, as far as the order is alive at the exchange."""
        for event in self.scene.events:
            if self.bench.venue.states.get(self.bench.order_id) is Answer.WORKING:
                event(self.bench)
        self.scene = Scene((), self.scene.first)

    def report(self) -> None:
        """Let the first reports arrive, if there are any yet."""
        if self.bench.venue.states.get(self.bench.order_id) is not None:
            deliver(self.bench, self.reports()[self.scene.first])

    def reports(self) -> list[ExecutionReport]:
        return self.bench.venue.reports.get(self.bench.order_id, [])

    def run(self) -> Order:
        """Let the worker work, then the rest happen and arrive, until all is at rest; return the order."""
        calls = iter(range(1_000))

        def hook(_: str) -> None:
            for act in self.plan.pop(next(calls), []):
                act()

        for _ in range(5):
            if isinstance(result := self.bench.work(hook), Again):
                self.bench.clock.advance(result.after)
        for act in (act for acts in self.plan.values() for act in acts):
            act()
        deliver(self.bench, self.reports())
        self.bench.clock.advance(1_000)
        assert isinstance(self.bench.work(), Done)
        deliver(self.bench, self.reports()[::-1])
        return self.bench.order

    def check(self, order: Order) -> None:
        """Check that the order is as the exchange has it, and that it came there by legal steps."""
        last = self.reports()[-1]
        assert (order.status, order.cum_qty, order.avg_px) == (last.status, last.cum_qty, last.avg_px)
        assert (order.venue_seq, order.venue_gaps) == (last.order_seq, ())
        assert (order.lease_token, order.in_doubt, order.failures, order.dead_lettered_at) == (None, False, 0, None)
        assert (order.placed_at is None) == (order.status is OrderStatus.REJECTED)
        check_steps(self.bench.store.history[order.order_id])


def check_steps(versions: list[Order]) -> None:
    check_history(versions)
    for before, after in pairwise(versions):
        assert after.cum_qty >= before.cum_qty
        assert after.venue_seq >= before.venue_seq
        assert before.status not in FINAL or after.status is before.status


def new_bench() -> Bench:
    return Bench(new_order(quantity=QUANTITY))


def placed_bench(*, to_be_canceled: bool) -> Bench:
    """Return a bench whose order was placed and acknowledged, and is to be canceled."""
    bench = new_bench()
    bench.work()
    if to_be_canceled:
        bench.cancel()
    return bench


@every_life
@every_first
@every_mode
def test_reports_at_any_point_of_a_placement(life: str, first: str, mode: Mode) -> None:
    for trades_at, arrives_at in moments():
        race = Race(new_bench(), Scene(LIVES[life], FIRST[first]), mode)
        race.at(trades_at, race.trade)
        race.at(arrives_at, race.report)
        race.check(race.run())
        assert race.bench.venue.acceptances[race.bench.order_id] == (mode is not Mode.REFUSE)


@every_life
@every_first
def test_reports_at_any_point_of_a_cancel(life: str, first: str) -> None:
    for trades_at, arrives_at in moments():
        race = Race(placed_bench(to_be_canceled=True), Scene(LIVES[life], FIRST[first]), Mode.NORMAL)
        race.at(trades_at, race.trade)
        race.at(arrives_at, race.report)
        order = race.run()
        assert order.status in FINAL
        race.check(order)


@every_life
@every_first
def test_cancel_and_reports_at_any_point_of_a_placement(life: str, first: str) -> None:
    for cancels_at, arrives_at in moments():
        race = Race(new_bench(), Scene(LIVES[life], FIRST[first]), Mode.NORMAL)
        race.at(cancels_at, partial(cancel, race.bench))
        race.at(arrives_at, race.trade)
        race.at(arrives_at, race.report)
        order = race.run()
        if not race.reports():
            assert order.status is OrderStatus.CANCELED
            assert race.bench.venue.states.get(order.order_id) in (None, Answer.CANCELED)
            continue
        race.check(order)


def cancel(bench: Bench) -> None:
    if bench.order.status not in FINAL:
        bench.store.save(request_cancel(bench.order, bench.clock(), can_cancel=True))


def moments() -> Iterator[tuple[int, int]]:
    return product(range(CALLS), range(CALLS))


def test_fill_that_wins_the_race_against_a_cancel_is_shown_as_filled() -> None:
    bench = placed_bench(to_be_canceled=True)
    bench.venue.fill(bench.order_id, QUANTITY, QUANTITY)
    assert bench.work() == Done("FILLED")
    order = bench.order
    assert (order.status, order.cum_qty, order.avg_px, order.venue_seq) == (OrderStatus.FILLED, 3, PRICE, 2)


def test_report_of_that_fill_in_the_middle_of_the_cancel_makes_its_answer_harmless() -> None:
    bench = placed_bench(to_be_canceled=True)
    bench.venue.fill(bench.order_id, QUANTITY, QUANTITY)
    reports = bench.venue.reports[bench.order_id]
    assert bench.work(at("after cancel", lambda _: deliver(bench, reports))) == Done("FILLED")
    assert bench.causes()[-1] is Cause.FILLED


def test_cancel_that_the_exchange_refuses_leaves_a_partially_filled_order() -> None:
    bench = placed_bench(to_be_canceled=True)
    bench.venue.fill(bench.order_id, 1, QUANTITY)
    bench.venue.refuses_cancels = True
    assert bench.work() == Done("PARTIALLY_FILLED")
    assert bench.causes()[-2:] == [Cause.CANCEL_REFUSED, Cause.PARTIALLY_FILLED]


def test_later_reports_find_the_mark_that_the_answer_left() -> None:
    bench = placed_bench(to_be_canceled=False)
    assert (bench.order.venue_seq, bench.order.venue_gaps) == (1, ())
    bench.venue.fill(bench.order_id, 1, QUANTITY)
    folded = fold(bench.order, bench.venue.reports[bench.order_id], bench.clock())
    assert (len(folded.applied), folded.duplicates, folded.order.venue_gaps) == (1, 1, ())
