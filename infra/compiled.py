"""Bytecode for packages: the same from the same sources, never checked against them."""

import subprocess
import sys
from pathlib import Path

# A process of its own, because what Python writes depends on which strings the process has met before. The sources
# cannot change once they are packed, so the interpreter need not look at them (PEP 552, unchecked hash).
PROGRAM = """
import compileall, py_compile, sys
root, folder, legacy = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
sys.exit(not compileall.compile_dir(folder, quiet=2, legacy=legacy, stripdir=root, invalidation_mode=mode))
"""


def compile_beside(root: Path, part: str = "") -> None:
    """Compile every source in a part of the package, and keep it: tracebacks show its lines."""
    _compile(root, root / part, legacy=False)


def compile_in_place(root: Path, part: str = "") -> None:
    """Put bytecode in place of every source in a part. Tracebacks name file, line and function still."""
    folder = root / part
    _compile(root, folder, legacy=True)
    for source in folder.rglob("*.py"):
        if source.with_suffix(".pyc").exists():
            source.unlink()


def _compile(root: Path, folder: Path, *, legacy: bool) -> None:
    command = [sys.executable, "-I", "-c", PROGRAM, str(root), str(folder), str(legacy)]
    # A library may ship sources that this Python does not understand: they stay as they are.
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
