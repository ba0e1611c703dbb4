"""Copies of the tree, in which mistakes are made: never in the tree itself."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_NOT_COPIED = shutil.ignore_patterns(".git", ".rialto", "__pycache__", "node_modules")


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Copy the tree as it is now, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="rialto-copy-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=_NOT_COPIED)
        yield tree


def run_module(tree: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module in a copy, on what stands in the copy."""
    paths = os.pathsep.join([str(tree), str(tree / "client" / "src"), str(tree / "localstack")])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
