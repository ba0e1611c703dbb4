"""Change the rules in every small way that mutmut knows, one at a time in a copy of the tree; see whether a test fails.

python -m tests.mutation                  # all modules of [tool.mutmut] in pyproject.toml
python -m tests.mutation --only money     # those whose names contain it
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.copies import ROOT, copied_tree
from tests.mutation.survivors import Explained, read_survivors

LOG = ROOT / ".rialto" / "mutation.log"
NOTICED = frozenset({"killed", "timeout", "segfault"})
"""What becomes of a mutant that tests notice; one that never ends was noticed, too."""
LEAST = 0.95
"""Of the mutants that tests must notice."""


@dataclass(frozen=True)
class Mutant:
    """A changed function, and what became of it."""

    name: str
    fate: str

    @property
    def module(self) -> str:
        """The module that it is in."""
        return self.name.rpartition(".")[0]

    @property
    def function(self) -> str:
        """The function that was changed, with its module and class."""
        module, _, mangled = self.name.rpartition(".")
        own = re.sub(r"__mutmut_\d+$", "", mangled)
        return f"{module}." + own.replace("xǁ", "").replace("ǁ", ".").removeprefix("x_")


def main() -> int:
    """Run the command; return 1 if too many survive, or one that nothing explains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only modules whose name contains this")
    options = parser.parse_args()
    begun = time.monotonic()
    with copied_tree() as tree:
        _mutate(tree, options.only)
        mutants = [mutant for mutant in _results(tree) if mutant.fate != "not checked"]
        alive = {mutant: _change(tree, mutant) for mutant in mutants if mutant.fate not in NOTICED}
    _print_table(mutants)
    unexplained = _print_survivors(alive, read_survivors())
    killed = len(mutants) - len(alive)
    share = killed / len(mutants) if mutants else 0.0
    sys.stdout.write(f"\n{killed} of {len(mutants)} mutants noticed: {share:.1%}; {len(alive)} survive, ")
    sys.stdout.write(f"{unexplained} of them without a reason; {time.monotonic() - begun:.0f} s\n")
    return int(share < LEAST or unexplained > 0)


def _mutate(tree: Path, only: str) -> None:
    names = [f"*{only}*"] if only else []
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        run = subprocess.run(
            _command("run", *names),
            check=False,
            cwd=tree,
            env=_environment(),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    if run.returncode:
        raise SystemExit(f"The mutants could not be tried: see {LOG}")


def _results(tree: Path) -> Iterator[Mutant]:
    for line in _ask(tree, "results", "--all", "true").splitlines():
        name, _, fate = line.strip().partition(": ")
        yield Mutant(name, fate)


def _change(tree: Path, mutant: Mutant) -> str:
    """Return the lines that the mutant takes away and puts there, as a diff has them."""
    lines = _ask(tree, "show", mutant.name).splitlines()
    return "\n".join(
        f"{line[0]} {line[1:].strip()}"
        for line in lines
        if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    )


def _print_table(mutants: list[Mutant]) -> None:
    sys.stdout.write("| module | mutants | noticed |\n|---|---|---|\n")
    everything = Counter(mutant.module for mutant in mutants)
    noticed = Counter(mutant.module for mutant in mutants if mutant.fate in NOTICED)
    for module, count in sorted(everything.items()):
        sys.stdout.write(f"| `{module.removeprefix('chalicelib.')}` | {count} | {noticed[module]} |\n")


def _print_survivors(alive: dict[Mutant, str], reasons: dict[Explained, str]) -> int:
    """Print those that survive, each with the reason; return how many have none."""
    unexplained = 0
    for mutant, change in alive.items():
        reason = reasons.get(Explained(mutant.function, change))
        unexplained += reason is None
        fate = "" if mutant.fate == "survived" else f" ({mutant.fate})"
        sys.stdout.write(f"\n{mutant.function}{fate}: {reason or 'NO REASON'}\n{change}\n")
    return unexplained


def _ask(tree: Path, *arguments: str) -> str:
    run = subprocess.run(_command(*arguments), cwd=tree, env=_environment(), capture_output=True, text=True, check=True)
    return run.stdout


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", *arguments]


def _environment() -> dict[str, str]:
    # The tree itself is on no path: only the changed copy in it shall be imported.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "mutation"}


if __name__ == "__main__":
    sys.exit(main())
