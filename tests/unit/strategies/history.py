"""A random history of the strategies: requests, sweeps, crashes, lost answers, refusals and time, in any order.

The same seed gives the same history. Every actor can stand at any of its calls to the tables while others go on, but
none outlives its time-out.
"""

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import TypeVar

from chalicelib.core.errors import ConflictError, KeyReusedError, UnfinishedError
from chalicelib.core.idempotency import id_for
from chalicelib.strategies.signal import ExitScope, Profiles, Side, Terms
from chalicelib.strategies.store import ConflictingWriteError, RefusedError
from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.faults import LostAnswerError
from tests.unit.strategies.checks import check_always, check_settled
from tests.unit.strategies.platform import SWEEP_TIME_OUT, TIME_OUT, Platform
from tests.unit.strategies.signals import new_terms

USERS, STRATEGIES, INSTRUMENTS = ["Anne", "Ben", "Cleo", "Dirk", "Émile"], ["A", "B", "C"], ["L&T", "ACC"]
MAX_SIGNALS, MAX_ACTORS = 12, 4
SECONDS = [0.5, 3, 3, 10, 26, 26, 61, 61, 700, 700, 8 * 24 * 3600]
EXPECTED = (LostAnswerError, UnfinishedError, KeyReusedError, ConflictError)
"""What a request may be told, or its function may fail with."""

HALFWAY = ("after create", "before commit", "after commit", "before save")

_T = TypeVar("_T")


class History:
    """One history. ``steps`` tells what happened, for the message of a failed check."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        scope = self._pick([ExitScope.USER, ExitScope.USER, ExitScope.STRATEGY])
        self.platform = Platform(scope, lag=self._pick([0, 0, 5, 300]))
        self._instruments = INSTRUMENTS[: self._pick([1, 2])]
        self._faults = self._pick([1, 4, 8])
        self.actors: list[tuple[Actor, datetime]] = []
        self.sent: dict[str, Terms] = {}
        self.steps: list[str] = []

    def run(self, length: int) -> None:
        """Take so many steps, then let everything come to rest; check after each step and at the end."""
        self.platform.put_profiles(self._draw_profiles())
        try:
            self._take_steps(length)
            for actor, _ in self.actors:
                self._pick([actor.finish, actor.crash])()
                self._bury()
        finally:
            # Also after a failed check: a thread that waits for ever would keep the test process alive.
            for actor, _ in self.actors:
                actor.crash()
        check_always(self.platform)
        self.platform.settle()
        check_settled(self.platform)
        self._replay()
        check_settled(self.platform)

    def _take_steps(self, length: int) -> None:
        kinds = self._weighted_steps()
        for _ in range(length):
            step = self._random.choice(kinds)
            points = ", ".join(f"{actor.name} {actor.point}" for actor, _ in self.actors)
            self.steps.append(f"{self.platform.clock()} {step.__name__} [{points}]")
            step()
            self._bury()
            check_always(self.platform)

    def _bury(self) -> None:
        """End those whose time is up, and forget those who are done."""
        for actor, until in self.actors:
            if self.platform.clock() >= until:
                actor.crash()
            assert actor.error is None or isinstance(actor.error, EXPECTED), repr(actor.error)
        self.actors = [(actor, until) for actor, until in self.actors if not actor.done]

    def _replay(self) -> None:
        """Send every signal again: the answer is what came of it."""
        for key, terms in self.sent.items():
            stored = self.platform.store.signals.get(id_for(f"signal:{terms.strategy}", key))
            self.platform.send(terms if stored is None else stored.terms, key)

    def _weighted_steps(self) -> list[Callable[[], None]]:
        weights = {
            self.send: 8,
            self.send_again: 3,
            self.go_on: 14,
            self.go_far: 2,
            self.finish: 2,
            self.lose_answer: self._faults,
            self.crash: self._faults,
            self.crash_halfway: 2 * self._faults,
            self.refuse: 2 * self._faults,
            self.sweep: 4,
            self.replace_profiles: 2,
            self.time_passes: 5,
        }
        return [step for step, weight in weights.items() for _ in range(weight)]

    # --- Requests and sweeps ---------------------------------------------------------------------------------------

    def send(self) -> None:
        """Begin to send a new signal."""
        if len(self.sent) < MAX_SIGNALS:
            key, terms = f"key {len(self.sent)}", self._draw_terms()
            self.sent[key] = terms
            self._start(lambda: self.platform.signaling(terms, key))

    def send_again(self) -> None:
        """Begin to send a signal with a key that was used; now and then it is another signal."""
        if self.sent:
            key = self._pick(list(self.sent))
            terms = self.sent[key]
            if self._random.random() < 0.1:
                terms = new_terms(self._pick(["BUY", "SELL"]), terms.strategy, "GRASIM", terms.scope)
            self._start(lambda: self.platform.signaling(terms, key))

    def sweep(self) -> None:
        """Begin a sweep."""
        self._start(self.platform.sweeping)

    def replace_profiles(self) -> None:
        """Begin to replace the profiles."""
        self._start(lambda: self.platform.replacing(self._draw_profiles()))

    def _draw_terms(self) -> Terms:
        side: Side = self._pick(["BUY", "BUY", "SELL"])
        return new_terms(side, self._pick(STRATEGIES), self._pick(self._instruments), self.platform.scope)

    def _draw_profiles(self) -> Profiles:
        users = self._random.sample(USERS, self._random.randint(1, len(USERS)))
        return {
            user: {
                name: self._instruments if self._random.random() < 0.8 else []
                for name in self._random.sample(STRATEGIES, self._random.randint(1, len(STRATEGIES)))
            }
            for user in users
        }

    # --- Actors between two of their calls -------------------------------------------------------------------------

    def go_on(self) -> None:
        """Let somebody take a few steps."""
        if self.actors:
            actor, _ = self._pick(self.actors)
            for _ in range(self._random.randint(1, 4)):
                actor.go_on()

    def go_far(self) -> None:
        """Let somebody take many steps."""
        if self.actors:
            actor, _ = self._pick(self.actors)
            for _ in range(self._random.randint(5, 40)):
                actor.go_on()

    def finish(self) -> None:
        """Let somebody come to an end."""
        if self.actors:
            self._pick(self.actors)[0].finish()

    def lose_answer(self) -> None:
        """Let somebody's call fail, before or after it took effect."""
        if self.actors:
            self._pick(self.actors)[0].fail()

    def crash(self) -> None:
        """Let somebody die."""
        if self.actors:
            self._pick(self.actors)[0].crash()

    def crash_halfway(self) -> None:
        """Let somebody die who has begun to write."""
        writing = [actor for actor, _ in self.actors if actor.point in HALFWAY]
        if writing:
            self._pick(writing).crash()

    def refuse(self) -> None:
        """Let somebody's transaction be refused, or meet another one."""
        committing = [actor for actor, _ in self.actors if actor.point == "before commit"]
        if committing:
            self._pick(committing).go_on(self._pick([RefusedError(), ConflictingWriteError()]))

    def time_passes(self) -> None:
        """Let some time pass."""
        self.platform.clock.advance(self._pick(SECONDS))

    def _start(self, make: Callable[[], Actor]) -> None:
        if len(self.actors) < MAX_ACTORS:
            actor = make()
            time_out = SWEEP_TIME_OUT if actor.name == "sweep" else TIME_OUT
            self.actors.append((actor, self.platform.clock() + time_out))
            actor.go_on()

    def _pick(self, choices: list[_T]) -> _T:
        return self._random.choice(choices)
