"""Break a deployed stack under load for some minutes, then look whether anything is lost or doubled.

python -m tests.chaos --minutes 10 --seed 1
"""

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.load import market_of
from tests.chaos.report import write_report
from tests.chaos.run import Load, Outcome, draw_seed, run

FOLDER = Path(__file__).parents[2] / ".rialto" / "chaos"
PAUSE = 0.5


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the load and the faults last")
    parser.add_argument("--seed", type=int, help="draws load and faults; by default another one each time")
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds between two errands of a client, at most")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Who ends it leaves no stack behind.
    seed = draw_seed() if options.seed is None else options.seed
    outcome = run(Load(options.minutes * 60, options.pause), seed, _tell)
    again = f"make chaos MINUTES={options.minutes:g} SEED={seed}"
    path = write_report(outcome, again, FOLDER)
    for line in _lines(outcome):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"\nThe report: {path}\nAgain: {again}\n")
    return int(bool(outcome.broken))


def _tell(progress: str) -> None:
    sys.stderr.write(f"  {progress}\n")


def _lines(outcome: Outcome) -> Iterator[str]:
    seconds = (outcome.lifted - outcome.begun) / 1e6
    requests = outcome.evidence.requests
    yield f"{len(requests)} requests in {seconds:.0f} s, at rest {outcome.rested:.0f} s after the last"
    yield "  " + ", ".join(f"{market}: {count}" for market, count in sorted(Counter(map(market_of, requests)).items()))
    statuses = Counter(str(request.status or "no answer") for request in requests)
    yield "  " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    yield f"{len(outcome.strikes)} faults"
    for kind, count in sorted(Counter(strike.kind for strike in outcome.strikes).items()):
        yield f"  {count:5d}  {kind}"
    yield "what was looked at"
    for verdict in outcome.verdicts:
        found = "holds" if not verdict.violations else f"BROKEN, {len(verdict.violations)} times"
        yield f"  {verdict.checked:6d}  {verdict.promise:50s} {found}"
        yield from (f"            {violation[:300]}" for violation in verdict.violations[:3])


if __name__ == "__main__":
    sys.exit(main())
