"""Whatever the order of events, crashes and lost answers, no order is lost and none is in two states.

Hypothesis invents histories of submits, cancels, deliveries, duplicates, losses, crashes, lost answers, outages and
time, over the real submit, cancel, hand-over, worker, sweep and redrive. Every actor can stand at any of its calls
to the outside while others go on.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.exchange import Mode
from tests.unit.broker.platform import Platform, check_always, check_settled

MAX_ORDERS = 2
MAX_ACTORS = 4
index = st.integers(0, 7)
delays = st.sampled_from([0.5, 3.0, 29.0, 31.0, 121.0, 600.0, 5_000.0, 100_000.0])


class BrokerHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.platform = Platform()
        self.actors: list[Actor] = []
        self.keys = 0

    # --- Clients -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.keys < MAX_ORDERS)
    @rule(fails_at=st.sampled_from([None, None, "before create", "after create"]))
    def submit(self, fails_at: str | None) -> None:
        actor = self.platform.submitting(f"key {self.keys}")
        actor.go_on()
        while not actor.done:
            if actor.point == fails_at:
                actor.fail()
            else:
                actor.go_on()
        self.keys += actor.error is None

    @precondition(lambda self: self.platform.store.orders and len(self.actors) < MAX_ACTORS)
    @rule(at=index)
    def cancel(self, at: int) -> None:
        orders = list(self.platform.store.orders)
        self.start(self.platform.canceling(orders[at % len(orders)]))

    # --- Events ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.platform.streamed < len(self.platform.store.stream))
    @rule(records=st.integers(1, 5), times=st.sampled_from([1, 1, 1, 0, 2]))
    def hand_over(self, records: int, times: int) -> None:
        at = self.platform.streamed
        self.platform.streamed += records * (times == 0)
        for _ in range(times):
            self.platform.streamed = at
            self.platform.hand_over_stream(records)

    @precondition(lambda self: self.platform.visible() and len(self.actors) < MAX_ACTORS)
    @rule(at=index)
    def deliver(self, at: int) -> None:
        messages = self.platform.visible()
        self.start(self.platform.take_up(messages[at % len(messages)]))

    @precondition(lambda self: self.platform.visible())
    @rule(at=index)
    def deliver_and_finish(self, at: int) -> None:
        messages = self.platform.visible()
        self.platform.take_up(messages[at % len(messages)]).finish()

    @precondition(lambda self: self.platform.queue.messages)
    @rule(times=st.integers(1, 4))
    def wait_and_deliver(self, times: int) -> None:
        for _ in range(times):
            self.platform.wait_for_message()
            if record := self.platform.queue.receive():
                self.platform.working(record).finish()

    @precondition(lambda self: 0 < len(self.platform.queue.messages) < 6)
    @rule(at=index)
    def duplicate_message(self, at: int) -> None:
        messages = self.platform.queue.messages
        self.platform.queue.put(messages[at % len(messages)].body)

    @precondition(lambda self: self.platform.queue.messages)
    @rule(at=index)
    def lose_message(self, at: int) -> None:
        messages = self.platform.queue.messages
        del messages[at % len(messages)]

    @precondition(lambda self: self.platform.queue.dead)
    @rule(at=index)
    def lose_dead_letter(self, at: int) -> None:
        letters = self.platform.queue.dead
        del letters[at % len(letters)]

    @precondition(lambda self: len(self.actors) < MAX_ACTORS)
    @rule()
    def sweep(self) -> None:
        self.start(self.platform.sweeping())

    @precondition(lambda self: self.platform.queue.dead and len(self.actors) < MAX_ACTORS)
    @rule()
    def redrive(self) -> None:
        self.start(self.platform.redriving())

    # --- Actors between two of their calls ---------------------------------------------------------------------

    @precondition(lambda self: self.actors)
    @rule(at=index, steps=st.integers(1, 4))
    def go_on(self, at: int, steps: int) -> None:
        for _ in range(steps):
            self.actor(at).go_on()
        self.forget_done()

    @precondition(lambda self: self.actors)
    @rule(at=index)
    def finish(self, at: int) -> None:
        self.actor(at).finish()
        self.forget_done()

    @precondition(lambda self: self.actors)
    @rule(at=index)
    def lose_answer_and_finish(self, at: int) -> None:
        self.actor(at).fail()
        self.actor(at).finish()
        self.forget_done()

    @precondition(lambda self: self.actors)
    @rule(at=index)
    def crash(self, at: int) -> None:
        self.actor(at).crash()
        self.forget_done()

    # --- The exchange and time ---------------------------------------------------------------------------------

    @rule(mode=st.sampled_from(Mode))
    def set_exchange(self, mode: Mode) -> None:
        self.platform.venue.mode = mode

    @precondition(lambda self: self.platform.venue.late)
    @rule(at=index)
    def late_call_arrives(self, at: int) -> None:
        self.platform.venue.let_late_arrive(at)

    @rule(seconds=delays)
    def time_passes(self, seconds: float) -> None:
        self.platform.clock.advance(seconds)

    # --- What must be true ---------------------------------------------------------------------------------------

    @invariant()
    def rules_hold(self) -> None:
        check_always(self.platform)

    def teardown(self) -> None:
        for actor in self.actors:
            actor.crash()
        self.platform.settle()
        check_settled(self.platform)

    def start(self, actor: Actor) -> None:
        self.actors.append(actor)
        actor.go_on()
        self.forget_done()

    def actor(self, at: int) -> Actor:
        return self.actors[at % len(self.actors)]

    def forget_done(self) -> None:
        self.actors = [actor for actor in self.actors if not actor.done]


TestBrokerHistories = BrokerHistory.TestCase
TestBrokerHistories.settings = settings(stateful_step_count=60)
