"""The broker and operations as they are, over fakes of everything outside; each use of it is an actor."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import Any

from chalicelib.broker.exchange import VenueAnswer
from chalicelib.broker.execution import ExecutionReport
from chalicelib.broker.hand_over import hand_over
from chalicelib.broker.models import OrderRequest
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer, Policy
from chalicelib.broker.reports import Applier, apply_reports
from chalicelib.broker.service import SignalTerms, cancel_order, signal_order, submit_order
from chalicelib.broker.store import OrderExistsError
from chalicelib.broker.worker import Worker, work_on_batch
from chalicelib.core.ids import derive_id
from chalicelib.core.lifecycle import FINAL, TRANSITIONS, OrderStatus
from chalicelib.operations.service import PLACEMENTS, redrive
from chalicelib.operations.sweep import Sweeper, sweep
from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.exchange import FakeExchange, Mode, Venue
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.broker.fakes.queue import MemoryLetterBox, MemoryQueue, QueuedMessage, QueueSender
from tests.unit.broker.fakes.states import MemoryStateStore
from tests.unit.broker.fakes.store import FaultyOrderStore, MemoryOrderStore
from tests.unit.broker.orders import ISIN

POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), max_receives=3)
REQUEST = OrderRequest(type="limit", side="buy", instrument=ISIN, limit_price="10.25", quantity=3)
LONGER_THAN_ANY_RETENTION = 15 * 24 * 3600.0
REPORTS = "reports"
"""Who applies reports, as a writer of orders."""
ENDED = (Answer.FILLED, Answer.EXPIRED, Answer.CANCELED)
MAY_BE_FOLLOWED = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED} | FINAL


class Platform:
    """One deployment."""

    def __init__(self, policy: Policy = POLICY, *, trading: bool = False) -> None:
        self.policy = policy
        self.trading = trading
        self.clock = FakeClock()
        self.store = MemoryOrderStore()
        self.queue = MemoryQueue(self.clock, policy.visibility, policy.max_receives)
        self.venue = Venue()
        self.states = MemoryStateStore()
        self.accepted: dict[OrderId, datetime] = {}
        self.overtakers: list[OrderId] = []
        self.streamed = 0
        self._workers = count(1)

    def submitting(self, key: str) -> Actor:
        """Return a client that sends an order."""

        def run(hook: Hook) -> None:
            submission = submit_order(FaultyOrderStore(self.store, hook), REQUEST, key, self.clock)
            self.accepted[submission.order.order_id] = submission.order.created_at

        return Actor(f"submit {key}", run)

    def signaling(self, key: str, after: OrderId | None = None) -> Actor:
        """Return a strategy that orders for a user, to close a position if it comes after another order."""

        def run(hook: Hook) -> None:
            terms = SignalTerms("user", "strategy", key, "sell" if after else "buy", "ACME", 3, after)
            order = signal_order(OrderId(derive_id("signal", key)), self.clock(), terms)
            try:
                FaultyOrderStore(self.store, hook).create(order)
            except OrderExistsError as error:
                order = error.existing
            self.accepted[order.order_id] = order.created_at

        return Actor(f"signal {key}", run)

    def canceling(self, order_id: OrderId) -> Actor:
        """Return a client that cancels an order."""

        def run(hook: Hook) -> None:
            cancel_order(FaultyOrderStore(self.store, hook), order_id, self.clock, can_cancel=True)

        return Actor("cancel", run)

    def working(self, record: dict[str, Any]) -> Actor:
        """Return a placement function that got this message. Its lease tokens begin with its name."""
        name = f"worker {next(self._workers)}"
        tokens = (f"{name} token {number}" for number in count(1))

        def run(hook: Hook) -> None:
            worker = Worker(
                store=FaultyOrderStore(self.store, hook, name),
                exchange=WatchedExchange(self, hook),
                policy=self.policy,
                clock=self.clock,
                token=lambda: next(tokens),
                jitter=lambda: 0.5,
            )
            answer = work_on_batch([record], worker, QueueSender(self.queue, hook))
            hook("before ack")
            if not answer["batchItemFailures"]:
                self.queue.delete(record["receiptHandle"])

        return Actor(name, run)

    def reporting(self, order_id: OrderId, reports: list[ExecutionReport]) -> Actor:
        """Return a function that applies reports of an order. Crashing or failing, it leaves them to be sent again."""

        def run(hook: Hook) -> None:
            store = FaultyOrderStore(self.store, hook, REPORTS)
            applier = Applier(store, _NoQueue(), _NoQueue(), self.clock)
            applied = apply_reports(applier, {order_id: reports})
            assert not applied.refused, applied.refused

        return Actor(REPORTS, run)

    def report_everything(self) -> None:
        """Let every report of the exchange arrive."""
        for order_id, reports in self.venue.reports.items():
            actor = self.reporting(order_id, reports)
            actor.finish()
            assert actor.error is None, actor.error

    def sweeping(self) -> Actor:
        """Return a sweep."""
        return Actor("sweep", lambda hook: void(sweep(self.sweeper(hook))))

    def redriving(self) -> Actor:
        """Return a redrive of the placements' dead letters."""

        def run(hook: Hook) -> None:
            sweeper = self.sweeper(hook)
            redrive({PLACEMENTS: sweeper.letters}, {}, PLACEMENTS, self.clock)

        return Actor("redrive", run)

    def hand_over_stream(self, records: int) -> None:
        """Hand over the next records of the orders' stream."""
        hand_over(self.store.stream[self.streamed : self.streamed + records], QueueSender(self.queue))
        self.streamed += records

    def take_up(self, message: QueuedMessage) -> Actor:
        """Return a placement function that received this visible message."""
        return self.working(self.queue.deliver(message))

    def visible(self) -> list[QueuedMessage]:
        """Return the messages that can be received now."""
        self.queue.bury()
        return [message for message in self.queue.messages if message.visible_at <= self.clock()]

    def wait_for_message(self) -> None:
        """Let time pass until a message can be received."""
        next_visible_at = self.queue.next_visible_at()
        if next_visible_at is not None:
            self.clock.now = max(self.clock.now, next_visible_at)

    def work_until_quiet(self) -> None:
        """Let workers take every visible message, one after the other."""
        while record := self.queue.receive():
            self.working(record).finish()

    def settle(self) -> None:
        """Let the exchange be well and time pass, with sweeps and redrives, until no order waits."""
        self.venue.mode = Mode.NORMAL
        self.venue.script.clear()
        for _ in range(12):
            self.clock.advance(LONGER_THAN_ANY_RETENTION)
            self.sweeping().finish()
            self.redriving().finish()
            self.work_until_quiet()
            self.venue.let_late_arrive()
        if self.trading:
            self.report_everything()

    def waiting(self) -> list[Order]:
        """Return the orders that an answer of the exchange is owed."""
        return [order for order in self.store.orders.values() if order.is_pending]

    def sweeper(self, hook: Hook = nothing) -> Sweeper:
        """Return what a sweep works with; its calls pass the hook."""
        return Sweeper(
            orders=FaultyOrderStore(self.store, hook),
            queue=QueueSender(self.queue, hook),
            letters=MemoryLetterBox(self.queue, self.clock, hook),
            states=self.states,
            policy=self.policy,
            clock=self.clock,
        )


class _NoQueue:
    """In place of the queues of reports, which are handed to the applier past them: whoever uses it is wrong."""

    def send_bodies(self, bodies: Sequence[str], delay: int = 0) -> None:
        raise NotImplementedError(f"{len(bodies)} messages of reports are sent to a queue that is not there")

    def change_visibility(self, delays: dict[str, int]) -> None:
        raise NotImplementedError(f"{len(delays)} messages of reports are hidden in a queue that is not there")


class WatchedExchange(FakeExchange):
    """An exchange that notes which orders come before those they should come after."""

    def __init__(self, platform: Platform, hook: Hook) -> None:
        super().__init__(platform.venue, hook)
        self._platform = platform

    def place(self, order: Order) -> VenueAnswer:
        if order.after is not None:
            ways = [version.status for version in self._platform.store.history[order.after]]
            if not MAY_BE_FOLLOWED.intersection(ways):
                self._platform.overtakers.append(order.order_id)
        return super().place(order)


def void(value: object) -> None:
    """Forget the value."""
    del value


def check_order(platform: Platform, order: Order) -> None:
    """Check what must be true of an order at any moment, whatever happened."""
    at_venue = platform.venue.states.get(order.order_id)
    if order.status is OrderStatus.NEW:
        assert (order.lease_token, order.failures, order.dead_lettered_at) == (None, 0, None)
        known = at_venue is Answer.WORKING or (platform.trading and at_venue in ENDED)
        assert known, f"NEW with us, {at_venue} at the exchange"
    if order.status is OrderStatus.CANCELED:
        assert at_venue in (None, Answer.CANCELED), f"CANCELED with us, {at_venue} at the exchange"
    if order.status is OrderStatus.REJECTED:
        assert at_venue is Answer.REJECTED, f"REJECTED with us, {at_venue} at the exchange"
    if order.signal_id is not None and not platform.trading:
        assert order.status not in (OrderStatus.PENDING_CANCEL, OrderStatus.CANCELED), "a signal's order was canceled"
    assert order.attempts or order.dead_lettered_at is None, "an order is a dead letter though nothing failed"
    assert platform.venue.acceptances.get(order.order_id, 0) <= 1


def check_standing(platform: Platform, order: Order) -> None:
    """Check that an order whose reports have all arrived is as the exchange has it."""
    reports = platform.venue.reports.get(order.order_id)
    if not reports:
        assert order.status is OrderStatus.CANCELED, "an order that the exchange never had is not canceled"
        return
    last = reports[-1]
    assert (order.status, order.cum_qty, order.avg_px) == (last.status, last.cum_qty, last.avg_px)
    assert (order.venue_seq, order.venue_gaps) == (last.order_seq, ())


def check_history(versions: list[Order]) -> None:
    """Check that the versions of an order follow each other as the rules have it."""
    for before, after in pairwise(versions):
        assert after.version == before.version + 1
        assert after.status == before.status or after.status in TRANSITIONS[before.status]
        # Neither does this exchange ever refuse a cancel.
        assert (before.status, after.status) != (OrderStatus.PENDING_CANCEL, OrderStatus.NEW), "a cancel was forgotten"
        assert after.timeline_count >= before.timeline_count
        assert after.attempts >= before.attempts
        assert after.venue_seq >= before.venue_seq
        assert after.cum_qty >= before.cum_qty


def check_leases(versions: list[Order], writers: list[str]) -> None:
    """Check that a lease was given back by nobody but its holder, and taken over by nobody before its end."""
    for before, after, writer in zip(versions, versions[1:], writers[1:], strict=False):
        if before.lease_token is not None and after.lease_token is None:
            may_give_back = writer == REPORTS or before.lease_token.startswith(f"{writer} ")
            assert may_give_back, f"{writer} gave back the lease of {before.lease_token}"
        if before.lease_token != after.lease_token and None not in (before.lease_token, after.lease_token):
            assert before.next_attempt_at is not None
            assert after.next_attempt_at is not None
            assert after.next_attempt_at - POLICY.lease >= before.next_attempt_at, "a live lease was taken"


def check_always(platform: Platform) -> None:
    """Check what must be true at any moment."""
    for order_id, created_at in platform.accepted.items():
        assert platform.store.orders[order_id].created_at == created_at, "an accepted order is another one"
    assert not platform.overtakers, f"{platform.overtakers} came before the orders they come after"
    for order_id, order in platform.store.orders.items():
        check_order(platform, order)
        versions = platform.store.history[order_id]
        check_history(versions)
        check_leases(versions, platform.store.writers[order_id])


def check_messages(platform: Platform) -> None:
    """Check that every order that waits has a message. So it is as long as no message was lost by others."""
    bodies = [message.body for message in (*platform.queue.messages, *platform.queue.dead)]
    for order in platform.waiting():
        assert any(order.order_id in body for body in bodies), "an order waits without a message"


def check_settled(platform: Platform) -> None:
    """Check what must be true once everything has come to rest."""
    check_always(platform)
    assert not platform.waiting(), "an order waits for ever"
    for order in platform.store.orders.values():
        if order.signal_id is not None and not platform.trading:
            assert order.status in (OrderStatus.NEW, OrderStatus.REJECTED), "a signal's order was never placed"
        if platform.trading:
            check_standing(platform, order)
    assert not platform.queue.messages
    assert not platform.queue.dead
