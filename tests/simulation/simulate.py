"""Live through many histories on all cores, and tell the figures; shrink and tell what breaks a rule.

python -m tests.simulation.simulate --seeds 10000
python -m tests.simulation.simulate --replay '{"seed": 17}'
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.faults import KINDS
from tests.simulation.run import Case, Report, live, read_case
from tests.simulation.shrink import shrink

LINES = 80
CHUNK = 20


@dataclass
class Figures:
    """What so many histories come to."""

    seeds: int = 0
    clients: int = 0
    requests: int = 0
    writes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    slowest_rest: int = 0
    checked_in: float = 0.0
    longest_check: float = 0.0

    def add(self, report: Report) -> None:
        """Count one history."""
        self.seeds += 1
        self.clients += len(report.clients)
        self.requests += report.requests
        self.writes += report.writes
        self.faults += report.faults
        self.checked_in += report.checked_in
        self.longest_check = max(self.longest_check, report.checked_in)
        self.slowest_rest = max(self.slowest_rest, report.rested)

    def lines(self, seconds: float) -> Iterator[str]:
        """Yield them for people."""
        yield f"{self.seeds} histories in {seconds:.0f} s ({self.seeds / seconds:.1f} a second)"
        yield f"{self.clients} clients, {self.requests} requests, {self.writes} writes"
        yield f"all of it checked in {self.checked_in:.1f} s, the longest history in {self.longest_check:.2f} s"
        yield f"all at rest at most {self.slowest_rest} s after the last fault"
        yield f"{sum(self.faults.values())} faults of {len(self.faults)} kinds:"
        for kind, count in sorted(self.faults.items()):
            yield f"  {count:9d}  {kind:28s} {KINDS[kind]}"


def tell_of(report: Report, lines: int = LINES) -> str:
    """Return what to read of a history that breaks a rule: the smallest one, and how to see it again."""
    smallest = shrink(report)
    told = live(smallest.case, tell=True)
    return "\n".join(
        [
            f"Seed {report.case.seed} breaks a rule. {smallest.violation}",
            f"Shrunk from {len(report.clients)} clients and {len(report.struck)} faults"
            f" to {len(smallest.clients)} and {len(smallest.struck)}:",
            *told.story[-lines:],
            f"Again: make simulate REPLAY='{smallest.case.text}'",
        ]
    )


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--clients", type=int, help="clients of each history, if not what its seed draws")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--replay", type=read_case, help="a case to live through once more, with its whole story")
    options = parser.parse_args()
    if options.replay is not None:
        return _replay(options.replay)
    cases = [Case(seed, length=options.clients) for seed in range(options.first, options.first + options.seeds)]
    return _live_through(cases, options.jobs)


def _replay(case: Case) -> int:
    report = live(case, tell=True)
    sys.stdout.write("\n".join(report.story) + "\n")
    return int(report.violation is not None)


def _live_through(cases: list[Case], jobs: int) -> int:
    figures, begin = Figures(), time.monotonic()
    broken: list[Report] = []
    with multiprocessing.Pool(jobs) as pool:
        for report in pool.imap_unordered(live, cases, chunksize=min(CHUNK, max(1, len(cases) // jobs))):
            figures.add(report)
            if report.violation is not None:
                broken.append(report)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{figures.seeds} of {len(cases)}, {len(broken)} broken ")
    for line in figures.lines(time.monotonic() - begin):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"Histories that break a rule: {len(broken)}\n")
    for report in sorted(broken, key=lambda one: one.case.seed)[:3]:
        sys.stdout.write(f"\n{tell_of(report)}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
