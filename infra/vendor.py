"""The third-party part of the Lambda package: installed by pip, cut to what runs, compiled, cached."""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from infra.errors import DeploymentError
from infra.fingerprint import fingerprint

# The sources cannot change once they are packed, so the interpreter need not look at them.
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

Target = Literal["host", "lambda"]

# botocore describes some 400 services in 25 MB. These are the ones that the functions call.
SERVICES = frozenset({"dynamodb", "sqs"})
# Powertools' own web framework and event models: Chalice and our models are in their place.
UNUSED = ("aws_lambda_powertools/event_handler", "aws_lambda_powertools/utilities/parser")
NOT_AT_RUNTIME = (
    "*.dist-info",
    "bin",
    "tests",
    "examples",
    "swagger_ui",
    "*.pyi",
    "py.typed",
    "*.rst",
    "dateutil-zoneinfo.tar.gz",
)


def vendor(requirements: Path, cache: Path, target: Target) -> Path:
    """Return the folder with the requirements as they ship; make it unless the cache has it.

    "host" takes wheels for this machine, where the embedded emulator runs the functions; "lambda" those for
    Lambda's Linux on x86_64.

    Raises:
        DeploymentError: when pip cannot install them.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = fingerprint(requirements.read_bytes(), Path(__file__).read_bytes(), version, target)
    folder = cache / key
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            work = Path(scratch) / "vendor"
            _install(requirements, work, ["--platform", "manylinux2014_x86_64"] if target == "lambda" else [], version)
            _slim(work)
            _compile(work)
            _put_in_place(work, folder)
    return folder


def _install(requirements: Path, folder: Path, platform: list[str], version: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--python-version", version, *platform]
    command += ["--target", str(folder), "--require-hashes", "--requirement", str(requirements)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr.strip()]
        raise DeploymentError(f"pip could not install {requirements.name}: {lines[-1]}")


def _slim(folder: Path) -> None:
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        for entry in data.iterdir():
            if entry.is_dir() and entry.name not in SERVICES:
                shutil.rmtree(entry)
    for pattern in (*UNUSED, *NOT_AT_RUNTIME):
        for path in list(folder.rglob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _compile(folder: Path) -> None:
    """Put .pyc files in place of the sources: Lambda cannot write them, and without them imports take twice as long."""
    compileall.compile_dir(folder, quiet=2, legacy=True, stripdir=folder, invalidation_mode=UNCHECKED)
    for source in folder.rglob("*.py"):
        if source.with_suffix(".pyc").exists():
            source.unlink()


def _put_in_place(work: Path, folder: Path) -> None:
    try:
        os.replace(work, folder)  # noqa: PTH105 - one step, so that a reader never sees half of it
    except OSError:
        if not folder.is_dir():  # Otherwise another run was faster.
            raise
