"""The strategies as they are, over fakes of their tables; each use of them is an actor."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from types import TracebackType
from typing import TypeVar

from chalicelib.core.idempotency import id_for
from chalicelib.operations.schedule import TIME
from chalicelib.operations.signal_sweep import SignalSweeper, sweep_signals
from chalicelib.strategies.fan_out import FanOut
from chalicelib.strategies.service import Desk, replace_profiles, send_signal
from chalicelib.strategies.signal import (
    ExitScope,
    Profiles,
    Result,
    Signal,
    Terms,
    candidates_of,
)
from tests.unit.broker.actors import Actor
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.broker.fakes.states import MemoryStateStore
from tests.unit.broker.fakes.store import MemoryOrderStore
from tests.unit.strategies.fakes.profiles import FaultyProfileStore, MemoryProfileStore
from tests.unit.strategies.fakes.store import (
    FaultyStrategyStore,
    MemoryListings,
    MemoryStrategyStore,
    WatchedOrderStore,
)
from tests.unit.strategies.signals import LEASE

TIME_OUT, SWEEP_TIME_OUT = timedelta(seconds=25), timedelta(seconds=55)
"""No worker lives longer: its lease is longer than that."""
SWEEP_LEASE = timedelta(seconds=60)
LONGER_THAN_ANY_LEASE = 700.0

_T = TypeVar("_T")
_R = TypeVar("_R")


class OrderlyPool:
    """Carries out one task after the other. Those behind a failed one are begun or not, as with threads."""

    def __init__(self, random: Random, max_workers: int) -> None:
        self._random = random
        assert max_workers > 1

    def __enter__(self) -> "OrderlyPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for nothing: all is done."""

    def map(self, run: Callable[[_T], _R], tasks: Iterable[_T]) -> list[_R]:
        """Return the results; raise the first fault once the tasks that were begun are done."""
        results: list[_R] = []
        faults: list[Exception] = []
        for task in tasks:
            try:
                results.append(run(task))
            except Exception as error:  # noqa: BLE001 - raised below
                faults.append(error)
                if self._random.random() < 0.5:
                    break
        if faults:
            raise faults[0]
        return results


class Platform:
    """One deployment."""

    def __init__(self, scope: ExitScope = ExitScope.USER, lag: float = 0) -> None:
        self.scope = scope
        self.clock = FakeClock()
        self.orders = MemoryOrderStore()
        self.store = MemoryStrategyStore(self.orders, self.clock)
        self.profiles = MemoryProfileStore()
        self.listings = MemoryListings(self.store, timedelta(seconds=lag))
        self.states = MemoryStateStore()
        self.answers: list[Result] = []
        self.begun: dict[str, int] = {}
        """How long the journal was when the first request for a signal came."""
        self.contents: dict[str, Profiles] = {}
        """The profiles of every generation there ever was."""
        self._workers = count(1)

    def signaling(self, terms: Terms, key: str) -> Actor:
        """Return a request that sends a signal with an idempotency key."""
        return Actor(f"{terms.side} {terms.strategy} {terms.instrument} {key}", partial(self.request, terms, key))

    def request(self, terms: Terms, key: str, hook: Hook = nothing) -> None:
        """Send a signal; each call to the tables passes the hook."""
        self.begun.setdefault(id_for(f"signal:{terms.strategy}", key), len(self.store.journal))
        result = send_signal(self.desk(LEASE, hook), terms, key)
        assert result.signal.terms == terms, "the answer is that of another signal"
        self.answers.append(result)

    def replacing(self, profiles: Profiles) -> Actor:
        """Return a request that replaces the profiles."""

        def run(hook: Hook) -> None:
            generation = replace_profiles(self.desk(LEASE, hook), profiles)
            assert (generation.users, generation.rows) == (len(profiles), sum(map(len, profiles.values())))

        return Actor("replace profiles", run)

    def sweeping(self) -> Actor:
        """Return a sweep of the signals."""

        def run(hook: Hook) -> None:
            sweeper = SignalSweeper(self.desk(SWEEP_LEASE, hook), self.listings, self.states)
            sweep_signals(sweeper, self.clock() + TIME)

        return Actor("sweep", run)

    def desk(self, lease: timedelta, hook: Hook = nothing) -> Desk:
        """Return the desk of one worker, whose calls pass the hook."""
        name = f"worker {next(self._workers)}"
        tokens = (f"{name} token {number}" for number in count(1))

        def sleep(seconds: float) -> None:
            hook("before sleep")
            self.clock.advance(seconds)

        fan_out = FanOut(
            store=FaultyStrategyStore(self.store, hook),
            orders=WatchedOrderStore(self.orders, hook),
            clock=self.clock,
            sleep=sleep,
            jitter=lambda: 0.5,
        )
        return Desk(FaultyProfileStore(self.profiles, hook), fan_out, lease, lambda: next(tokens), sleep)

    def put_profiles(self, profiles: Profiles) -> None:
        """Replace the profiles, at once."""
        finished(self.replacing(profiles))
        self.remember()

    def send(self, terms: Terms, key: str) -> Result:
        """Send a signal, at once."""
        self.request(terms, key)
        return self.answers[-1]

    def settle(self) -> None:
        """Let time pass, with sweeps, until no signal is open."""
        for _ in range(2):
            self.clock.advance(LONGER_THAN_ANY_LEASE)
            finished(self.sweeping())

    def remember(self) -> None:
        """Remember the profiles of every generation, for what must be true of its signals later."""
        for generation_id in self.profiles.contents:
            if generation_id not in self.contents:
                self.contents[generation_id] = self.profiles.profiles(generation_id)

    def candidates(self, signal: Signal) -> list[str]:
        """Return whom a signal concerns."""
        profiles = {} if signal.generation is None else self.contents[signal.generation]
        strategy = signal.terms.strategy
        return candidates_of({user: [] for user, profile in profiles.items() if strategy in profile}, signal.leavers)

    def verdicts(self, signal_id: str) -> dict[str, str]:
        """Return what came of a complete signal."""
        signal = self.store.signals[signal_id]
        assert signal.is_complete
        pairs = zip(self.candidates(signal), signal.reasons, strict=True)
        return {user: reason.value for user, reason in pairs}

    def users_with_order(self, signal_id: str) -> list[str]:
        """Return the users who have an order of the signal, one name for each order."""
        return sorted(str(order.user) for order in self.orders.orders.values() if order.signal_id == signal_id)


def finished(actor: Actor) -> None:
    """Let somebody come to a good end."""
    actor.finish()
    if actor.error is not None:
        raise actor.error


def run_to(actor: Actor, point: str, times: int = 1) -> None:
    """Let somebody come to this point, so many times."""
    for _ in range(times):
        actor.go_on()
        while actor.point != point:
            assert not actor.done, f"{actor.name} never came to {point}"
            actor.go_on()
