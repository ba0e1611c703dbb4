"""Make each mistake of the catalogue in a copy of the tree, and see what notices it.

python -m tests.bite                          # all of them
python -m tests.bite --only lease --seeds 900 # those whose names contain it
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bite.catalogue import Mistake, apply_patch, read_catalogue
from tests.copies import copied_tree, run_module

TESTS_FAILED = 1
"""pytest's exit code; any other tells of something else than a test that notices."""


@dataclass(frozen=True)
class Bite:
    """What became of a mistake. ``noticed_by`` is empty if nothing noticed it."""

    mistake: Mistake
    noticed_by: str
    histories: int
    seconds: float

    @property
    def row(self) -> str:
        """A row of the table in docs/reliability.md."""
        after = str(self.histories) if self.histories else "-"
        by = self.noticed_by or f"nothing: {self.mistake.rule}"
        return f"| {self.mistake.wrong} | {by} | {after} | {self.seconds:.0f} |"


def main() -> int:
    """Run the command; return 1 if a mistake is not noticed, or cannot be made any more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=600, help="histories that each mistake is looked for in, at most")
    parser.add_argument("--only", default="", help="only mistakes whose name contains this")
    options = parser.parse_args()
    mistakes = [mistake for mistake in read_catalogue() if options.only in mistake.name]
    sys.stdout.write("| mistake | noticed by | histories | seconds |\n|---|---|---|---|\n")
    missed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bite in pool.map(partial(make, seeds=options.seeds), mistakes):
            missed += not bite.noticed_by
            sys.stdout.write(f"{bite.row}\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(mistakes) - missed} of {len(mistakes)} mistakes noticed\n")
    return int(missed > 0 or not mistakes)


def make(mistake: Mistake, seeds: int) -> Bite:
    """Make a mistake in a copy of the tree, and look for it."""
    begin = time.monotonic()
    with copied_tree() as tree:
        refusal = apply_patch(mistake.path, tree)
        if refusal:
            sys.stderr.write(f"{mistake.name} does not apply any more: {refusal}\n")
            return Bite(mistake, "", 0, 0.0)
        noticed_by, histories = _hunt(tree, mistake.histories, seeds) if mistake.histories else ("", 0)
        if not noticed_by and mistake.tests:
            noticed_by, histories = _test(tree, mistake.tests), 0
    return Bite(mistake, noticed_by, histories, time.monotonic() - begin)


def _hunt(tree: Path, part: str, seeds: int) -> tuple[str, int]:
    """Live through histories; return the rule that one breaks, if one does, and how many it took."""
    run = run_module(tree, "tests.bite.hunt", part, str(seeds))
    if run.returncode:
        # The platform did not even begin to live.
        return f"nothing starts: {run.stderr.strip().splitlines()[-1]}", 0
    found = json.loads(run.stdout.splitlines()[-1])
    return found.get("rule", ""), found["histories"]


def _test(tree: Path, tests: tuple[str, ...]) -> str:
    """Return the first test that fails."""
    run = run_module(tree, "pytest", "--no-cov", "-q", "-x", *tests)
    if run.returncode != TESTS_FAILED:
        return ""
    failed = (line for line in run.stdout.splitlines() if line.startswith("FAILED "))
    return next(failed, "FAILED a test").removeprefix("FAILED ").partition(" - ")[0]


if __name__ == "__main__":
    sys.exit(main())
