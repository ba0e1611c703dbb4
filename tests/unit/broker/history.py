"""A random history of a platform: clients, events, crashes, lost answers, outages and time, in any order.

The same seed gives the same history. Every actor can stand at any of its calls to the outside while others go on.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import TypeVar

from chalicelib.broker.placement import Answer
from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.exchange import Mode
from tests.unit.broker.platform import POLICY, Platform, check_always, check_messages, check_settled

QUANTITY = 3
MAX_ORDERS = 3
MAX_ACTORS = 4
MODES = [Mode.NORMAL] * 4 + [Mode.REFUSE, Mode.DOWN, Mode.DOWN, Mode.LOST_BEFORE, Mode.LOST_AFTER, Mode.LATE]
SECONDS = [0.5, 3, 3, 31, 31, 31, 121, 121, 121, 1_000, 20_000, 16 * 24 * 3600]

_T = TypeVar("_T")


class History:
    """One history. ``steps`` tells what happened, for the message of a failed check."""

    def __init__(self, seed: int, *, trading: bool = False) -> None:
        self._random = Random(seed)
        self._may_lose_messages = seed % 2 == 0
        self._changes_of_exchange = self._pick([1, 4])
        self.platform = Platform(replace(POLICY, max_receives=self._pick([2, 3, 6])), trading=trading)
        self.platform.venue.mode = self._pick(MODES)
        self.actors: list[Actor] = []
        self.steps: list[str] = []
        self._keys = 0
        self._clients: dict[str, Callable[[], Actor]] = {}

    def run(self, length: int) -> None:
        """Take so many steps, then let everything come to rest; check after each step and at the end."""
        try:
            self._take_steps(length)
            for actor in self.actors:
                self._pick([actor.finish, actor.crash])()
        finally:
            # Also after a failed check: a thread that waits for ever would keep the test process alive.
            for actor in self.actors:
                actor.crash()
        check_always(self.platform)
        if not self._may_lose_messages:
            self.platform.hand_over_stream(len(self.platform.store.stream))
            check_messages(self.platform)
        self.platform.settle()
        check_settled(self.platform)

    def _take_steps(self, length: int) -> None:
        kinds = self._weighted_steps()
        for _ in range(length):
            step = self._random.choice(kinds)
            self.steps.append(f"{self.platform.clock()} {step.__name__}")
            step()
            self.actors = [actor for actor in self.actors if not actor.done]
            check_always(self.platform)

    def _weighted_steps(self) -> list[Callable[[], None]]:
        weights = {
            self.submit: 2,
            self.cancel: 3,
            self.hand_over: 4,
            self.deliver: 8,
            self.go_on: 14,
            self.finish: 4,
            self.lose_answer: 3,
            self.crash: 3,
            self.sweep: 2,
            self.redrive: 3,
            self.duplicate_message: 2,
            self.lose_message: 3,
            self.change_exchange: self._changes_of_exchange,
            self.late_call_arrives: 2,
            self.time_passes: 4,
            self.wait_for_message: 6,
        }
        if self.platform.trading:
            weights |= {self.trade: 6, self.report: 8}
        return [step for step, weight in weights.items() for _ in range(weight)]

    # --- Clients -----------------------------------------------------------------------------------------------

    def submit(self) -> None:
        """Send an order; when the answer is lost, a later step sends it again with the same key."""
        if self._keys < MAX_ORDERS:
            actor = self._submitting(f"key {self._keys}")
            for _ in range(self._random.randint(1, 3)):
                actor.go_on()
            self._pick([actor.finish, actor.finish, actor.fail, actor.crash])()
            actor.finish()
            self._keys += actor.error is None

    def _submitting(self, key: str) -> Actor:
        if key not in self._clients:
            orders = list(self.platform.store.orders)
            signaling = partial(self.platform.signaling, key, self._pick([None, *orders, *orders]))
            self._clients[key] = self._pick([partial(self.platform.submitting, key), signaling])
        return self._clients[key]()

    def cancel(self) -> None:
        """Let a client begin to cancel an order."""
        if self.platform.store.orders:
            self._start(lambda: self.platform.canceling(self._pick(list(self.platform.store.orders))))

    # --- Events ------------------------------------------------------------------------------------------------

    def hand_over(self) -> None:
        """Hand over some stream records: mostly once, sometimes twice or never."""
        start, records = self.platform.streamed, self._random.randint(1, 5)
        for _ in range(self._pick([1, 1, 1, 1, 2, 1 - self._may_lose_messages])):
            self.platform.streamed = start
            self.platform.hand_over_stream(records)
        self.platform.streamed = min(start + records, len(self.platform.store.stream))

    def deliver(self) -> None:
        """Let a worker receive any visible message."""
        if messages := self.platform.visible():
            self._start(lambda: self.platform.take_up(self._pick(messages)))

    def duplicate_message(self) -> None:
        """Let a message be there twice."""
        if 0 < len(self.platform.queue.messages) < 6:
            self.platform.queue.put(self._pick(self.platform.queue.messages).body)

    def lose_message(self) -> None:
        """Let a message or a dead letter expire."""
        messages = self._pick([self.platform.queue.messages, self.platform.queue.dead])
        if messages and self._may_lose_messages:
            messages.remove(self._pick(messages))

    def sweep(self) -> None:
        """Begin a sweep."""
        self._start(self.platform.sweeping)

    def redrive(self) -> None:
        """Begin a redrive."""
        if self.platform.queue.dead:
            self._start(self.platform.redriving)

    # --- Actors between two of their calls ---------------------------------------------------------------------

    def go_on(self) -> None:
        """Let somebody take a few steps."""
        if self.actors:
            actor = self._pick(self.actors)
            for _ in range(self._random.randint(1, 4)):
                actor.go_on()

    def finish(self) -> None:
        """Let somebody come to an end."""
        if self.actors:
            self._pick(self.actors).finish()

    def lose_answer(self) -> None:
        """Let somebody's call fail, before or after it took effect."""
        if self.actors:
            self._pick(self.actors).fail()

    def crash(self) -> None:
        """Let somebody die."""
        if self.actors:
            self._pick(self.actors).crash()

    # --- The exchange and time ---------------------------------------------------------------------------------

    def change_exchange(self) -> None:
        """Let the exchange be well or ill."""
        self.platform.venue.mode = self._pick(MODES)

    def late_call_arrives(self) -> None:
        """Let a call reach the exchange long after its caller gave up."""
        self.platform.venue.let_late_arrive(self._random.randint(0, 7))

    def trade(self) -> None:
        """Let something happen to an order that works at the exchange."""
        venue = self.platform.venue
        if working := [order_id for order_id, state in venue.states.items() if state is Answer.WORKING]:
            order_id = self._pick(working)
            filled = venue.reports[order_id][-1].cum_qty
            self._pick(
                [
                    partial(venue.fill, order_id, self._random.randint(filled + 1, QUANTITY), QUANTITY),
                    partial(venue.end, order_id, self._pick([Answer.EXPIRED, Answer.CANCELED])),
                ]
            )()

    def report(self) -> None:
        """Let some reports of an order begin to arrive: any of them, in any order, some of them twice."""
        if reports := self.platform.venue.reports:
            order_id = self._pick(list(reports))
            some = [self._pick(reports[order_id]) for _ in range(self._random.randint(1, 3))]
            self._start(lambda: self.platform.reporting(order_id, some))

    def time_passes(self) -> None:
        """Let some time pass."""
        self.platform.clock.advance(self._pick(SECONDS))

    def wait_for_message(self) -> None:
        """Let time pass until a message can be received."""
        self.platform.wait_for_message()

    def _start(self, make: Callable[[], Actor]) -> None:
        if len(self.actors) < MAX_ACTORS:
            actor = make()
            self.actors.append(actor)
            actor.go_on()

    def _pick(self, choices: list[_T]) -> _T:
        return self._random.choice(choices)
