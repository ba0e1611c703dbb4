"""The catalogue: mistakes that somebody could make in the platform, each a patch with a line that says what is wrong.

In front of its diff a patch has ``Wrong:``, ``Rule:``, ``Histories:``, the part of the platform that the histories of a
hunt are about, and ``Tests:`` that notice it where histories do not, or too seldom.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "mistakes"


@dataclass(frozen=True)
class Mistake:
    """One mistake. ``histories`` is empty for one that no history can show."""

    path: Path
    wrong: str
    rule: str
    histories: str = ""
    tests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The patch's name."""
        return self.path.stem


def read_catalogue() -> list[Mistake]:
    """Return all mistakes, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def apply_patch(path: Path, tree: Path, *options: str) -> str:
    """Apply a patch to a tree of files; return what git says if it does not apply, else nothing."""
    # The tree is one by itself, whatever repository it may lie in.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    command = ["git", "apply", *options, str(path)]
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return run.stderr if run.returncode else ""


def _read(path: Path) -> Mistake:
    head = path.read_text().partition("\n\n")[0]
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    tests = tuple(fields.get("Tests", "").split())
    return Mistake(path, fields["Wrong"], fields["Rule"], fields.get("Histories", ""), tests)
