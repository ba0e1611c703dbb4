"""One history from one seed: drawn, lived through, brought to rest, and checked."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from tests.simulation.checks import Violation, check_history
from tests.simulation.faults import KINDS, Faults
from tests.simulation.gateway import Client, run_operator
from tests.simulation.rest import come_to_rest, find_forgotten, nothing_waits
from tests.simulation.scheduler import SECOND
from tests.simulation.sources import Sources
from tests.simulation.workload import THEMES, Known, Program, redrive, replace_profiles
from tests.simulation.world import World

MUCH = {
    "index.lags": 2.0,
    "message.reordered": 8.0,
    "sweep.skipped": 5.0,
    "sweep.twice": 5.0,
    "function.clock_off": 2.0,
    "function.paused": 0.05,
    "redrive.interrupted": 5.0,
    "feed.doubled": 1.5,
    "feed.reordered": 1.5,
    "feed.dropped": 1.5,
    "apply.killed_before": 8.0,
    "apply.killed_after": 8.0,
    "feed.session_lost": 1.0,
    "feed.trimmed": 1.0,
    "bridge.killed": 1.5,
    "bridge.paused": 1.5,
    "exchange.poison_report": 1.5,
}
"""Faults that are drawn less often than once for each call, and so have to be more likely."""


@dataclass(frozen=True)
class Case:
    """A history to live through. ``clients`` and ``faults`` are the only ones, if given: those that matter.

    ``length`` is the number of clients, if it is not for the seed to draw.
    """

    seed: int
    clients: frozenset[int] | None = None
    faults: frozenset[str] | None = None
    length: int | None = None

    @property
    def text(self) -> str:
        """The case in one line, from which :func:`read_case` makes it again."""
        parts = {
            "seed": self.seed,
            "clients": _listed(self.clients),
            "faults": _listed(self.faults),
            "length": self.length,
        }
        return json.dumps({name: value for name, value in parts.items() if value is not None})


@dataclass(frozen=True)
class Report:
    """What came of it."""

    case: Case
    violation: Violation | None
    clients: list[int]
    requests: int
    writes: int
    checked_in: float
    """Seconds that the checks took."""
    faults: Counter[str]
    struck: list[str]
    """The faults that struck, by name."""
    rested: int
    """Seconds until everything had come to rest."""
    story: list[str]


@dataclass(frozen=True)
class Plan:
    """What the seed draws before anything happens."""

    rates: dict[str, float]
    parameters: dict[str, str]
    programs: list[tuple[int, Program]]
    pace: float
    """By how much calls are slower than usual: the slower, the more of them overlap."""
    outages: list[tuple[int, int]]
    restarts: list[int]
    end: int
    rate: float
    """How often things go wrong, from 0 to 0.06."""
    theme: str
    """Which part of the platform it is about."""
    trades: bool
    """Whether the exchange trades, and reports of it."""
    sweeps: bool
    """Whether the sweep runs while faults strike. Where it does not, nothing hides what it would have to mend."""


def read_case(text: str) -> Case:
    """Return the case of one line."""
    parts = json.loads(text)
    clients, faults = parts.get("clients"), parts.get("faults")
    return Case(
        parts["seed"],
        None if clients is None else frozenset(clients),
        None if faults is None else frozenset(faults),
        parts.get("length"),
    )


def draw_plan(seed: int, length: int | None = None) -> Plan:
    """Return the plan of a seed: each draws which kinds of fault there are at all, and how many."""
    dice = Random(f"{seed}/plan")
    rate = dice.choice([0.0, 0.003, 0.01, 0.01, 0.03, 0.06])
    share = dice.choice([0.3, 0.6, 1.0])
    rates = {
        kind: rate * MUCH.get(kind, 1.0) / (1.0 if kind in MUCH else 2.0) for kind in KINDS if dice.random() < share
    }
    # Deliveries and clients are far fewer than calls.
    rates |= {kind: rates[kind] * 6 for kind in rates if kind.split(".")[0] in _RARE}
    theme = dice.choice(list(THEMES))
    span = dice.choice([2, 20, 120])
    count = dice.randint(8, 30)
    if length is not None:
        count, span, theme = length, length, "all"
    programs = [(round(dice.uniform(0, span) * SECOND), program) for program in _choose(dice, THEMES[theme], count)]
    pace = dice.choice([1.0, 1.0, 5.0, 30.0])
    # Letters are there only once attempts have failed.
    programs += [(round(dice.uniform(span, span + 19) * SECOND), redrive) for _ in range(dice.choice([0, 3]))]
    if any(program.__name__ == "send_signal" for _, program in programs):
        programs[0] = (0, replace_profiles)
    outages = (
        [_window(dice, span) for _ in range(dice.choice([0, 1, 2]))] if "exchange.outage" in rates and rate else []
    )
    restarts = (
        [round(dice.uniform(0, span) * SECOND)] if "stack.restarted" in rates and dice.random() < rate * 10 else []
    )
    parameters = _parameters(dice)
    trades = parameters["Exchange"] == "http" and theme != "market" and dice.random() < 0.7
    return Plan(
        rates,
        parameters,
        programs,
        pace,
        outages,
        restarts,
        round((span + 20) * SECOND),
        rate,
        theme,
        trades,
        dice.random() < 0.6,
    )


def live(case: Case, *, tell: bool = False) -> Report:
    """Live through the history of a case; with ``tell`` the report has its story."""
    plan = draw_plan(case.seed, case.length)
    world = World(case.seed, Faults(plan.rates, case.faults), plan.parameters)
    world.story.is_told = tell
    world.wire.pace = plan.pace
    clients = [number for number in range(len(plan.programs)) if case.clients is None or number in case.clients]
    with world.entered():
        sources, known = Sources(world), Known(keys=max(8, len(plan.programs) // 4))
        for number in clients:
            at, program = plan.programs[number]
            world.scheduler.at(at, _starter(world, number, program, known))
        _plan_events(world, plan)
        if plan.trades:
            world.venue.trades = True
            world.bridges.start()
        if plan.sweeps:
            sources.every_minute(plan.end)
        world.scheduler.run(plan.end)
        world.faults.active = False
        forgotten = find_forgotten(world, sources)
        rested = come_to_rest(world, sources)
        _ask_for_everything(world, sources, known)
        world.history.letters = [message.body for message in world.account.queue("ReportRetriesDeadLetters").messages]
        begin = time.perf_counter()
        violation = forgotten or _check(world, is_quiet=nothing_waits(world, sources))
    if tell and violation is not None:
        seen_at = _first_step(world, violation)
        world.story.lines[len(world.story.until(seen_at)) :] = [f"VIOLATION {violation}"]
    return Report(
        case,
        violation,
        clients,
        len(world.history.requests),
        len(world.history.writes),
        time.perf_counter() - begin,
        world.faults.counts,
        world.faults.struck,
        rested,
        world.story.lines,
    )


def _first_step(world: World, violation: Violation) -> int:
    """Return the step by which the rule was broken, the last if it takes the end of the history to tell."""
    whole = world.history
    first, last = 0, whole.steps
    while first < last:
        middle = (first + last) // 2
        world.history = whole.until(middle)
        found = _check(world, is_quiet=False)
        if found is not None and found.rule == violation.rule:
            last = middle
        else:
            first = middle + 1
    world.history = whole
    return last


def _listed(numbers: frozenset[Any] | None) -> list[Any] | None:
    return None if numbers is None else sorted(numbers)


def _check(world: World, *, is_quiet: bool) -> Violation | None:
    try:
        check_history(world.history, honours_ids=world.parameters["Exchange"] == "http", is_quiet=is_quiet)
    except Violation as violation:
        return violation
    return None if is_quiet else Violation("everything comes to rest", "something waits for ever")


def _ask_for_everything(world: World, sources: Sources, known: Known) -> None:
    """Let a client look at everything once more, and the invariants be checked on the live data, to their end."""

    def ask(client: Client) -> None:
        for order_id in known.orders:
            client.get("/orders/{order_id}", order_id=order_id)
        for order_id in known.offers:
            client.get("/market/orders/{order_id}", order_id=order_id)
        for signal_id in dict.fromkeys(known.signals):
            client.get("/signals/{signal_id}", signal_id=signal_id)

    def begin(client: Client) -> None:
        client.post("/operations/invariants/run")

    def look(client: Client) -> None:
        client.get("/operations/invariants")

    world.scheduler.run(world.scheduler.now + 300 * SECOND)
    run_operator(world, ask)
    run_operator(world, begin)
    for _ in range(2):
        sources.sweep()
        world.scheduler.run(world.scheduler.now + 60 * SECOND)
    run_operator(world, look)


def _starter(world: World, number: int, program: Program, known: Known) -> Callable[[], None]:
    def start() -> None:
        process = world.process(f"client {number}:")
        client = Client(world, process)
        world.scheduler.start(process, lambda: program(client, known), lambda _, error: _raise(error))

    return start


def _raise(error: Exception | None) -> None:
    if error is not None:
        raise error


def _plan_events(world: World, plan: Plan) -> None:
    for begin, end in plan.outages:
        world.scheduler.at(begin, partial(setattr, world.exchange, "down_until", end))
    for number, at in enumerate(plan.restarts):
        world.scheduler.at(at, partial(_restart, world, number))


def _restart(world: World, number: int) -> None:
    if world.faults.strike("stack.restarted", f"restart {number}"):
        world.restart()


_RARE = frozenset(
    {
        "bridge",
        "feed",
        "fifo",
        "message",
        "stream",
        "request",
        "answer",
        "client",
        "exchange",
        "function",
        "redrive",
        "sweep",
    }
)


def _choose(dice: Random, theme: dict[Program, int], count: int) -> Iterator[Program]:
    yield from dice.choices(list(theme), list(theme.values()), k=count)


def _window(dice: Random, span: int) -> tuple[int, int]:
    begin = dice.uniform(0, span)
    return round(begin * SECOND), round((begin + dice.choice([1, 10, 60])) * SECOND)


def _parameters(dice: Random) -> dict[str, str]:
    return {
        "Exchange": dice.choice(["http", "http", "http", "given"]),
        "ExchangeUrl": "http://exchange.test",
        "PlacementMaxReceives": dice.choice(["2", "4", "20"]),
        "MatchMaxReceives": dice.choice(["2", "10"]),
        "ExitScope": dice.choice(["user", "user", "strategy"]),
        "ReportMaxReceives": dice.choice(["2", "5"]),
        "ReportRetryMaxReceives": dice.choice(["2", "20"]),
        "ReconcileAfter": dice.choice(["30", "300"]),
    }
