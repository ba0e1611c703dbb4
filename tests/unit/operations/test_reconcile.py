"""Reconciling: orders without news are asked for, and the exchange's standing is folded in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.broker.exchange import GivenExchange, VenueAnswer
from chalicelib.broker.execution import fold
from chalicelib.broker.item import SHARDS
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer
from chalicelib.core.ids import new_id, shard_of
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.operations import reconcile as module
from chalicelib.operations.reconcile import ASKED, PAGE, STATE, Reconciler, reconcile
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.exchange import FakeExchange, Mode, Venue
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.broker.fakes.states import MemoryStateStore
from tests.unit.broker.fakes.store import FaultyOrderStore, MemoryOrderStore
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import new_order

QUANTITY = 100
AFTER = timedelta(seconds=300)


class AnsweringExchange(FakeExchange):
    """An exchange that answers questions as a test has it."""

    def __init__(self, venue: Venue, answer: Callable[[Order], VenueAnswer]) -> None:
        super().__init__(venue)
        self._answer = answer

    def find(self, order: Order) -> VenueAnswer:
        return self._answer(order)


class Scene:
    """Orders with us and at the exchange."""

    def __init__(self) -> None:
        self.clock, self.venue = FakeClock(), Venue()
        self.store, self.states = MemoryOrderStore(), MemoryStateStore()

    def place(self, **changes: Any) -> OrderId:
        """Return an order that works since now, with us and at the exchange."""
        working: dict[str, Any] = {
            "status": OrderStatus.NEW,
            "placed_at": self.clock(),
            "venue_seq": 1,
            "venue_at": self.clock(),
        }
        order = new_order(self.clock(), quantity=QUANTITY, **(working | changes))
        self.store.create(order)
        self.venue.place(order.order_id)
        return order.order_id

    def order(self, order_id: OrderId) -> Order:
        return self.store.orders[order_id]

    def sweep(self, hook: Hook = nothing) -> dict[str, int]:
        store = FaultyOrderStore(self.store, hook)
        reconciler = Reconciler(store, FakeExchange(self.venue), self.states, AFTER, self.clock)
        return dict(reconcile(reconciler))

    def reconciler(self, find: Callable[[Order], VenueAnswer]) -> Reconciler:
        """Return one whose exchange answers so."""
        return Reconciler(self.store, AnsweringExchange(self.venue, find), self.states, AFTER, self.clock)

    def wait(self, seconds: float = 301) -> None:
        self.clock.advance(seconds)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_order_whose_reports_never_came_is_as_the_exchange_has_it(scene: Scene) -> None:
    order_id = scene.place()
    scene.venue.fill(order_id, 30, QUANTITY)
    scene.venue.fill(order_id, 100, QUANTITY)
    scene.wait()
    assert scene.sweep() == {"reconciled": 1}
    order = scene.order(order_id)
    assert (order.status, order.cum_qty, order.venue_seq, order.venue_gaps) == (OrderStatus.FILLED, 100, 3, ())
    assert scene.sweep() == {}


def test_order_with_nothing_new_is_not_written(scene: Scene) -> None:
    order_id = scene.place()
    scene.wait()
    assert scene.sweep() == {"unchanged": 1}
    assert len(scene.store.history[order_id]) == 1


def test_order_is_left_alone_while_it_has_news(scene: Scene) -> None:
    young = scene.place()
    scene.wait(299)
    old = scene.place(placed_at=scene.clock() - timedelta(hours=1))
    assert scene.sweep() == {}
    assert len(scene.store.history[young]) == len(scene.store.history[old]) == 1


def test_order_with_gaps_is_asked_for_though_it_has_news(scene: Scene) -> None:
    order_id = scene.place()
    scene.wait()
    for cum_qty in (20, 30, 40):
        scene.venue.fill(order_id, cum_qty, QUANTITY)
    report = report_of(scene.order(order_id), 3, OrderStatus.PARTIALLY_FILLED, 30, at=scene.clock())
    folded = fold(scene.order(order_id), [report], scene.clock())
    assert folded.order.venue_gaps == ((2, 2),)
    scene.store.save(folded.order)
    assert scene.sweep() == {"reconciled": 1}
    assert (scene.order(order_id).venue_gaps, scene.order(order_id).cum_qty) == ((), 40)


def test_order_that_the_exchange_does_not_know_is_told_and_stays_as_it_is(scene: Scene) -> None:
    order_id = scene.place()
    scene.venue.states.clear()
    scene.wait()
    assert scene.sweep() == {"unknown": 1}
    assert scene.order(order_id).status is OrderStatus.NEW


def test_standing_that_cannot_be_changes_nothing(scene: Scene) -> None:
    order_id = scene.place(cum_qty=50, status=OrderStatus.PARTIALLY_FILLED)
    scene.venue.fill(order_id, 40, QUANTITY)
    scene.wait()
    assert scene.sweep() == {"impossible": 1}
    assert scene.order(order_id).cum_qty == 50


@pytest.mark.parametrize("mode", [Mode.DOWN, Mode.LOST_BEFORE])
def test_exchange_that_cannot_tell_is_asked_again_later(scene: Scene, mode: Mode) -> None:
    order_id = scene.place()
    scene.venue.fill(order_id, 100, QUANTITY)
    scene.wait()
    scene.venue.mode = mode
    assert scene.sweep() == {"unanswered": 1}
    scene.venue.mode = Mode.NORMAL
    scene.sweep()
    scene.sweep()
    assert scene.order(order_id).status is OrderStatus.FILLED


def test_order_that_moved_on_meanwhile_is_left_to_those_who_moved_it(scene: Scene) -> None:
    order_id = scene.place()
    scene.venue.fill(order_id, 100, QUANTITY)
    scene.wait()

    def cancel(point: str) -> None:
        if point == "before save":
            scene.store.save(replace(scene.order(order_id), status=OrderStatus.PENDING_CANCEL))

    assert scene.sweep(hook=cancel) == {"unchanged": 1}
    assert scene.order(order_id).status is OrderStatus.PENDING_CANCEL


def test_order_that_cannot_be_written_stops_no_other(scene: Scene) -> None:
    made = [scene.place() for _ in range(3)]
    for order_id in made:
        scene.venue.fill(order_id, 100, QUANTITY)
    scene.wait()
    assert scene.sweep(hook=failing_once("before save")) == {"failed": 1, "reconciled": 2}


def failing_once(where: str) -> Callable[[str], None]:
    left = [True]

    def hook(point: str) -> None:
        if point == where and left[0]:
            left[0] = False
            raise ConnectionError

    return hook


def test_every_order_has_its_turn_whatever_shard_it_is_in(scene: Scene) -> None:
    made = [scene.place() for _ in range(3 * ASKED)]
    assert len({shard_of(order_id, SHARDS) for order_id in made}) == SHARDS
    for order_id in made:
        scene.venue.fill(order_id, 30, QUANTITY)
    scene.wait()
    asked = [sum(scene.sweep().values()) for _ in range(4)]
    assert max(asked) <= ASKED
    assert {scene.order(order_id).cum_qty for order_id in made} == {30}


def test_orders_that_stay_without_news_do_not_keep_it_from_the_others(scene: Scene) -> None:
    in_shard: list[OrderId] = []
    while len(in_shard) < PAGE + 20:
        order_id = OrderId(new_id())
        if shard_of(order_id, SHARDS) == 3:
            scene.store.create(new_order(scene.clock(), order_id, status=OrderStatus.NEW, placed_at=scene.clock()))
            scene.venue.place(order_id)
            in_shard.append(order_id)
    seen: list[OrderId] = []

    def note(order: Order) -> VenueAnswer:
        seen.append(order.order_id)
        return VenueAnswer(Answer.UNKNOWN)

    scene.wait()
    for _ in range(30):
        reconcile(scene.reconciler(note))
    assert set(seen) == set(in_shard)


def test_sweep_stops_asking_when_its_time_is_up_and_the_next_one_goes_on_there(scene: Scene) -> None:
    made = [scene.place() for _ in range(4 * module.PARALLEL)]
    seen: list[OrderId] = []

    def answer_slowly(order: Order) -> VenueAnswer:
        seen.append(order.order_id)
        scene.clock.advance(module.BUDGET.total_seconds())
        return scene.venue.describe(order.order_id)

    scene.wait()
    for sweeps in range(1, 5):
        reconcile(scene.reconciler(answer_slowly))
        assert len(seen) == sweeps * module.PARALLEL
    assert set(seen) == set(made)


def test_quiet_platform_is_not_written_to_every_minute(scene: Scene) -> None:
    scene.sweep()
    before = scene.states.load(STATE)
    scene.sweep()
    assert scene.states.load(STATE) == before


def test_exchange_that_cannot_be_asked_is_not(scene: Scene) -> None:
    scene.place()
    scene.wait()
    given = GivenExchange(failure_rate=0, latency=0)
    assert not reconcile(Reconciler(scene.store, given, scene.states, AFTER, scene.clock))
