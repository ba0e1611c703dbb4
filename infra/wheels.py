"""The wheels of what ships, for the machine that runs the functions: downloaded once, then used without a network."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from infra.errors import DeploymentError
from infra.fingerprint import fingerprint

Target = Literal["host", "lambda", "lambda-arm64"]
"""What runs the functions: this machine, where the embedded emulator is, or Lambda on x86_64 or on arm64."""

# glibc 2.17: older than that of every Python runtime of Lambda, whichever Linux it stands on.
PLATFORMS: dict[Target, str] = {"lambda": "manylinux2014_x86_64", "lambda-arm64": "manylinux2014_aarch64"}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that runs the functions is the one that packages them: nothing else can compile for it."""


def fetch_wheels(requirements: Path, cache: Path, target: Target) -> Path:
    """Return a folder with exactly the wheels that the requirements pin; ask the index unless the cache has it.

    Raises:
        DeploymentError: when pip cannot get one of them.
    """
    folder = cache / fingerprint(requirements.read_bytes(), PYTHON, target)
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            work = Path(scratch) / "wheels"
            _download(requirements, work, target)
            put_in_place(work, folder)
    return folder


def put_in_place(work: Path, folder: Path) -> None:
    """Move a finished folder to where others look for it, in one step; whoever is first wins."""
    try:
        os.replace(work, folder)  # noqa: PTH105 - one step, so that a reader never sees half of it
    except OSError:
        if not folder.is_dir():  # Otherwise another run was faster.
            raise


def _download(requirements: Path, folder: Path, target: Target) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--python-version", PYTHON]
    command += ["--platform", PLATFORMS[target]] if target in PLATFORMS else []
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr.strip()]
        raise DeploymentError(f"pip could not get the wheels of {requirements.name} for {target}: {lines[-1]}")
