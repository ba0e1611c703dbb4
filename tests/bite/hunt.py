"""Live through histories until one breaks a rule; print after how many, and which rule.

python -m tests.bite.hunt reports 300
"""

import json
import sys
from collections.abc import Iterator
from itertools import count, islice

from tests.simulation.run import Case, draw_plan, live

LEAST = 0.01
"""Of the rates that seeds draw: where next to nothing goes wrong, few mistakes show."""


def main() -> int:
    """Run the command in the tree that it is in."""
    part, most = sys.argv[1], int(sys.argv[2])
    lived = 0
    for lived, seed in enumerate(islice(seeds_of(part), most), start=1):
        try:
            violation = live(Case(seed)).violation
            rule = None if violation is None else violation.rule
        except Exception as error:  # noqa: BLE001 - a history that cannot be lived through tells as much
            rule = f"{type(error).__name__}: {error}"[:100]
        if rule is not None:
            print(json.dumps({"histories": lived, "seed": seed, "rule": rule}))
            return 0
    print(json.dumps({"histories": lived}))
    return 0


def seeds_of(part: str) -> Iterator[int]:
    """Yield the seeds of histories in which a part of the platform is used, and things go wrong."""
    for seed in count():
        plan = draw_plan(seed)
        if plan.rate < LEAST:
            continue
        if part == "any" or (plan.trades if part == "reports" else plan.theme in (part, "all")):
            yield seed


if __name__ == "__main__":
    sys.exit(main())
