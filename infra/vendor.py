"""The third-party part of the Lambda package: unpacked from its wheels, cut to what runs, compiled, cached."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

from infra.compiled import compile_in_place
from infra.fingerprint import fingerprint, fingerprint_files
from infra.wheels import PYTHON, Target, fetch_wheels, put_in_place

# botocore describes some 400 services in 25 MB. These are the ones that the functions call.
SERVICES = frozenset({"dynamodb", "sqs"})
# Parts that nobody asks for, each whole and imported by nothing that stays: of Powertools all but logger and metrics,
# of pydantic the former major version and what runs in editors and type checkers.
UNUSED = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/middleware_factory",
    "aws_lambda_powertools/utilities/[!_j]*",
    "pydantic/experimental",
    "pydantic/mypy.py",
    "pydantic/v1",
)
NOT_AT_RUNTIME = (
    "*.dist-info",
    "*.data",
    "bin",
    "tests",
    "examples",
    "*.pyi",
    "py.typed",
    "*.rst",
    "dateutil-zoneinfo.tar.gz",
)


def vendor(requirements: Path, cache: Path, target: Target) -> Path:
    """Return the folder with the requirements as they ship to the target; make it unless the cache has it.

    Raises:
        DeploymentError: when pip cannot get them.
    """
    makers = [Path(__file__).with_name(f"{name}.py") for name in ("compiled", "vendor", "wheels")]
    made_by = fingerprint_files(Path(__file__).parent, makers)
    folder = cache / "vendor" / fingerprint(requirements.read_bytes(), made_by, PYTHON, target)
    if not folder.is_dir():
        wheels = fetch_wheels(requirements, cache / "wheels", target)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            work = Path(scratch) / "vendor"
            _unpack(wheels, work)
            _slim(work)
            compile_in_place(work)
            put_in_place(work, folder)
    return folder


def _unpack(wheels: Path, folder: Path) -> None:
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def _slim(folder: Path) -> None:
    _slim_descriptions(folder / "botocore" / "data")
    for pattern in UNUSED:
        for path in list(folder.glob(pattern)):
            _remove(path)
    for pattern in NOT_AT_RUNTIME:
        for path in list(folder.rglob(pattern)):
            _remove(path)


def _slim_descriptions(data: Path) -> None:
    """Keep what botocore knows of our services, and where to find them in all regions."""
    for entry in data.iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            shutil.rmtree(entry)
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: part for name, part in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
