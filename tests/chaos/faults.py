"""What goes wrong meanwhile: hands that each break one kind of thing, over and over, as their dice have it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any

from servers import bridge, start_bridge
from warm_up import warm_up

from tests.chaos.client import now
from tests.chaos.load import ISINS
from tests.e2e.fault_proxy import FaultProxy, fault_proxy
from tests.e2e.stack import Stack

FUNCTIONS = {
    "api": "APIHandlerName",
    "match": "MatchFunction",
    "retry match": "RetryMatchesFunction",
    "hand-over": "HandOverFunction",
    "place": "PlaceOrdersFunction",
    "apply reports": "ApplyReportsFunction",
    "retry reports": "RetryReportsFunction",
    "sweep": "SweepFunction",
}
"""The functions, and the outputs of the stack that name them."""
TRIGGERED = tuple(name for name in FUNCTIONS if name not in ("api", "sweep"))
MODES = ("down", "fail_before", "fail_after", "slow_before", "slow_after", "refuse")
FEED = ("duplicate", "reorder", "drop", "delay", "cut", "trim")


Wires = dict[str, FaultProxy]
"""The proxy between each function and the cloud."""


@dataclass(frozen=True)
class Strike:
    """Something that was broken: of a kind, what it hit, and from when to when (microseconds)."""

    kind: str
    target: str
    begun: int
    ended: int


@dataclass
class Turns:
    """Everything in turn, each time in another order, so that nothing is left out of a short run."""

    dice: Random
    things: tuple[str, ...]
    left: list[str] = field(default_factory=list)

    def next(self) -> str:
        """Return the next of them."""
        if not self.left:
            self.left = self.dice.sample(self.things, len(self.things))
        return self.left.pop()


@dataclass
class Hand:
    """What one hand works with. It pauses by :meth:`rest`, which ends early when all is over."""

    stack: Stack
    dice: Random
    over: Event
    strikes: list[Strike]
    wires: Wires

    def rest(self, least: float, most: float) -> None:
        """Let some seconds pass."""
        self.over.wait(self.dice.uniform(least, most))

    @contextmanager
    def note(self, kind: str, target: str) -> Iterator[None]:
        """Note what is broken for as long as the context lasts."""
        begun = now()
        try:
            yield
        finally:
            self.strikes.append(Strike(kind, target, begun, now()))


def kill_workers(hand: Hand) -> None:
    """Kill a process of a function with SIGKILL, or all that run it."""
    names = Turns(hand.dice, (*FUNCTIONS, "place", "match"))
    while not hand.over.is_set():
        hand.rest(1.5, 5.0)
        name = names.next()
        begun = now()
        if hand.stack.kill_workers(FUNCTIONS[name], hand.dice.choice([1, 1, 1, None])):  # Else nobody was there.
            hand.strikes.append(Strike("worker killed", name, begun, now()))


def kill_bridge(hand: Hand) -> None:
    """Kill the bridge with SIGKILL, and start it again some time later."""
    deployment = hand.stack.deployment
    while not hand.over.is_set():
        hand.rest(6.0, 18.0)
        with hand.note("bridge killed", "bridge"):
            bridge(deployment.instance).kill()
            hand.rest(0.0, 4.0)
            start_bridge(deployment.instance, deployment.outputs)


def disable_triggers(hand: Hand) -> None:
    """Disable the event source of a function for a while."""
    names = Turns(hand.dice, TRIGGERED)
    while not hand.over.is_set():
        hand.rest(3.0, 9.0)
        name = names.next()
        with hand.note("trigger off", name), hand.stack.paused(FUNCTIONS[name]):
            hand.rest(1.0, 6.0)


def upset_exchange(hand: Hand) -> None:
    """Let the exchange misbehave in one of its ways for a while."""
    modes = Turns(hand.dice, MODES)
    while not hand.over.is_set():
        hand.rest(2.0, 6.0)
        mode = modes.next()
        how: dict[str, Any] = {"mode": mode, "probability": hand.dice.choice([0.3, 0.6, 1.0])}
        how["delay"] = hand.dice.choice([0.5, 1.5, 3.0])
        if mode == "refuse":
            how = {"mode": "normal", "refuse": [hand.dice.choice(ISINS)]}
        with hand.note("exchange", mode):
            hand.stack.exchange.behave(**how)
            hand.rest(2.0, 8.0)
            hand.stack.exchange.behave("normal")


def upset_feed(hand: Hand) -> None:
    """Let the feed drop, double, reorder and delay reports, cut its connections, and forget old reports."""
    kinds = Turns(hand.dice, FEED)
    exchange = hand.stack.exchange
    while not hand.over.is_set():
        hand.rest(3.0, 8.0)
        kind = kinds.next()
        with hand.note("feed", kind):
            if kind == "cut":
                exchange.cut_feed()
            elif kind == "trim":
                exchange.trim_feed(hand.dice.choice([0, 10, 100]))
            else:
                much = hand.dice.choice([0.1, 0.5]) if kind == "delay" else hand.dice.choice([0.05, 0.3])
                exchange.feed(**{kind: much}, burst=hand.dice.choice([1, 5]), seed=hand.dice.randrange(1000))
                hand.rest(3.0, 9.0)
                exchange.feed()


def upset_wire(hand: Hand) -> None:
    """Throttle the calls of a function to the cloud, and lose answers, for a while."""
    names = Turns(hand.dice, tuple(FUNCTIONS))
    while not hand.over.is_set():
        hand.rest(1.0, 4.0)
        name, (throttle, lose) = names.next(), hand.dice.choice([(0.25, 0.0), (0.0, 0.25), (0.15, 0.15)])
        kind = "throttled" if not lose else "answers lost" if not throttle else "throttled and lost"
        proxy = hand.wires[name]
        with hand.note(kind, name):
            proxy.throttle, proxy.lose = throttle, lose
            hand.rest(3.0, 9.0)
            proxy.throttle, proxy.lose = 0.0, 0.0


HANDS: dict[str, Callable[[Hand], None]] = {
    "killer": kill_workers,
    "bridge": kill_bridge,
    "triggers": disable_triggers,
    "exchange": upset_exchange,
    "feed": upset_feed,
    "wire": upset_wire,
}


@contextmanager
def wires(stack: Stack, seed: int) -> Iterator[Wires]:
    """Put a proxy between each function and the cloud, which lets everything pass until a hand tells it otherwise.

    They are there from the beginning: another environment means other workers, and all clients wait for them.
    """
    endpoint = stack.deployment.instance.endpoint
    with ExitStack() as contexts:
        found: Wires = {}
        for number, (name, output) in enumerate(FUNCTIONS.items()):
            found[name], url = contexts.enter_context(fault_proxy(endpoint, seed + number, throttle=0, lose=0))
            contexts.enter_context(stack.environment(output, AWS_ENDPOINT_URL=url))
        warm_up(stack.deployment.instance, stack.deployment.session, stack.deployment.outputs)
        yield found


@dataclass
class Chaos:
    """All hands at work; :meth:`lift` ends them, each with its own thing mended."""

    strikes: list[Strike]
    over: Event
    running: list[Future[None]]

    def lift(self) -> None:
        """Mend everything, and raise what went wrong with that."""
        self.over.set()
        for future in self.running:
            future.result()


@contextmanager
def chaos(stack: Stack, between: Wires, seed: int) -> Iterator[Chaos]:
    """Break things until the context ends."""
    strikes: list[Strike] = []
    over = Event()
    with ThreadPoolExecutor(len(HANDS)) as pool:
        running = [
            pool.submit(work, Hand(stack, Random(f"{seed} {name}"), over, strikes, between))
            for name, work in HANDS.items()
        ]
        try:
            yield Chaos(strikes, over, running)
        finally:
            over.set()
