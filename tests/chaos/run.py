"""One run: deploy, load and break, mend, rest, look at what is left, and judge it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

from tests.chaos import rest
from tests.chaos.client import Errand, now
from tests.chaos.evidence import Evidence, read_acceptances, read_tables
from tests.chaos.faults import Strike, Wires, chaos, wires
from tests.chaos.load import crowd, settle
from tests.chaos.rules import Verdict, judge
from tests.e2e.own_stack import own_stack
from tests.e2e.stack import Stack
from tests.e2e.standing import read_venue

TRADING = {"slices": 3, "interval": 0.2, "expire_after": 20}
PATIENCE = 600.0
"""Seconds within which everything has to come to rest."""
PARAMETERS = {
    "ExchangeTimeout": "2",
    "PlacementTimeout": "15",
    "PlacementLease": "18",
    "PlacementVisibility": "90",
    "PlacementConcurrency": "3",
    "ApiTimeout": "20",
    "SignalLease": "21",
    "MatchVisibility": "20",
    "MatchMaxReceives": "3",
    "ReportVisibility": "60",
    "ReconcileAfter": "30",
}
"""Short enough for what dies to be taken over while people wait, and long enough for a cold start among others."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Load:
    """How long clients work, and the seconds that each pauses between two errands at most."""

    seconds: float
    pause: float


@dataclass
class Outcome:
    """What a run came to. Moments are microseconds, spans are seconds."""

    seed: int
    begun: int = 0
    lifted: int = 0
    rested: float = 0.0
    strikes: list[Strike] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def broken(self) -> list[Verdict]:
        """The rules that do not hold."""
        return [verdict for verdict in self.verdicts if verdict.violations]


def run(load: Load, seed: int, tell: Tell) -> Outcome:
    """Live through one run on a stack of its own, and leave nothing of it."""
    tell("deploying a stack on free ports")
    with patch.dict(os.environ, {"RIALTO_TRADING": "open"}), own_stack("chaos", PARAMETERS) as stack:
        tell("putting proxies between the functions and the cloud")
        with wires(stack, seed) as between:
            return _live(stack, between, Outcome(seed), load, tell)


def _live(stack: Stack, between: Wires, outcome: Outcome, load: Load, tell: Tell) -> Outcome:
    stack.exchange.trade(**TRADING, seed=outcome.seed)
    outcome.begun = now()
    with crowd(stack.deployment.url, outcome.seed, load.pause) as clients:
        with chaos(stack, between, outcome.seed) as broken:
            end = time.monotonic() + load.seconds
            while (left := end - time.monotonic()) > 0:
                broken.over.wait(min(left, 15))
                done = f"{len(clients.record.requests)} requests, {len(broken.strikes)} faults"
                tell(f"{load.seconds - max(left, 0):.0f} s: {done}")
            tell("lifting all faults")
            broken.lift()
        rest.mend(stack)
        outcome.lifted = now()
        clients.leave()
    outcome.strikes = sorted(broken.strikes, key=lambda strike: strike.begun)
    _look(stack, outcome, settle(stack.deployment.url, clients.record), tell)
    outcome.evidence.requests = clients.record.requests
    tell("judging")
    outcome.verdicts = judge(outcome.evidence)
    return outcome


def _look(stack: Stack, outcome: Outcome, unsettled: list[Errand], tell: Tell) -> None:
    """Wait for rest, and gather the evidence."""
    tell("waiting until everything is at rest")
    evidence, begun = outcome.evidence, time.monotonic()
    evidence.unsettled = [str(errand) for errand in unsettled]
    # What rests at the exchange stays as it is while it is looked at.
    stack.exchange.close_trading()
    evidence.restless = rest.come_to_rest(stack, PATIENCE)
    outcome.rested = time.monotonic() - begun
    tell("letting the platform check itself")
    evidence.invariants = rest.own_invariants(stack)
    evidence.tables, evidence.venue = read_tables(stack), read_venue(stack)
    evidence.accepted = read_acceptances(stack.deployment.instance.home / "exchange-journal.jsonl")


def draw_seed() -> int:
    """Return a seed for a run that was not told one."""
    return Random().randrange(1_000_000)
