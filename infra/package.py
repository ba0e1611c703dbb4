"""Package the application: one template and one zip, made again only when something in them changed."""

import fcntl
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from infra.archive import write_archive
from infra.compiled import compile_beside, compile_in_place
from infra.errors import DeploymentError
from infra.fingerprint import fingerprint, fingerprint_files
from infra.observability import observe
from infra.protection import protect
from infra.template import read_template
from infra.vendor import vendor
from infra.wheels import PYTHON, Target

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / ".rialto" / "package"
CACHE = ROOT / ".rialto" / "cache"
RESOURCES = ROOT / "infra" / "resources.yaml"
REQUIREMENTS = ROOT / "requirements.txt"
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "deployments", "deployed")


def package(out_dir: Path = OUTPUT, target: Target = "host") -> Path:
    """Package the application into `out_dir` and return the path of the template, sam.yaml.

    Raises:
        DeploymentError: when chalice or pip fails, Lambda has no such Python, or the package cannot be imported by
            itself.
    """
    out_dir = out_dir.resolve()
    out_dir.mkdir(parents=True, exist_ok=True)
    template, archive, stamp = out_dir / "sam.yaml", out_dir / "deployment.zip", out_dir / "stamp"
    with _alone(out_dir):
        key = _key(target)
        if not (stamp.exists() and stamp.read_text() == key and template.exists() and archive.exists()):
            stamp.unlink(missing_ok=True)
            _build(out_dir, target)
            stamp.write_text(key)
    return template


def _key(target: Target) -> str:
    sources = [ROOT / "app.py", REQUIREMENTS, *(ROOT / "infra").glob("*.py"), RESOURCES]
    for folder in ("chalicelib", ".chalice"):
        sources += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "deploy" not in path.parent.name]
    sources = [path for path in sources if path.suffix != ".pyc"]
    return fingerprint(fingerprint_files(ROOT, sources), sys.version, importlib.metadata.version("chalice"), target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second run, for example a parallel test session, waiting."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(out_dir: Path, target: Target) -> None:
    with tempfile.TemporaryDirectory(dir=out_dir) as scratch:
        copy, unpacked = Path(scratch) / "app", Path(scratch) / "unpacked"
        _run_chalice(copy, Path(scratch), target)
        _check_runtime(Path(scratch) / "sam.yaml", target)
        # Chalice's own zip holds the application and Chalice's runtime; the libraries join them here, compiled.
        with zipfile.ZipFile(Path(scratch) / "deployment.zip") as archive:
            archive.extractall(unpacked)
        compile_in_place(unpacked, "chalice")
        compile_beside(unpacked)
        archive_path = Path(scratch) / "packed.zip"
        write_archive(archive_path, vendor(REQUIREMENTS, CACHE, target), unpacked)
        if target == "host":
            _check_import(archive_path, Path(scratch) / "check")
        template = observe(protect(read_template(Path(scratch) / "sam.yaml")))
        archive_path.replace(out_dir / "deployment.zip")
        (out_dir / "sam.yaml").write_text(yaml.safe_dump(template, sort_keys=False))


def _check_runtime(template: Path, target: Target) -> None:
    """Refuse to give Lambda bytecode that another Python has compiled: it could import none of it."""
    resources = read_template(template)["Resources"].values()
    runtimes = {resource["Properties"]["Runtime"] for resource in resources if "Runtime" in resource["Properties"]}
    if target != "host" and runtimes != {f"python{PYTHON}"}:
        raise DeploymentError(
            f"Lambda would run {', '.join(sorted(runtimes))}, and Python {PYTHON} packages: set up with that PYTHON."
        )


def _run_chalice(copy: Path, output: Path, target: Target) -> None:
    """Run `chalice package` on a copy, since it writes into the folder it works on."""
    copy.mkdir()
    shutil.copyfile(ROOT / "app.py", copy / "app.py")
    for folder in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    (copy / "requirements.txt").touch()  # Empty: the libraries are added by `vendor`.
    if target == "lambda-arm64":
        config = copy / ".chalice" / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "lambda_architecture": "arm64"}))
    program = "import sys; from chalice.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "package", "--stage", "rialto", "--template-format", "yaml"]
    command += ["--merge-template", str(RESOURCES), str(output)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environ |= {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        command, cwd=copy, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise DeploymentError(f"chalice package failed:\n{(result.stderr or result.stdout).strip()}")


def _check_import(archive_path: Path, folder: Path) -> None:
    """Import the application from the package alone: what works only thanks to this environment fails here."""
    with zipfile.ZipFile(archive_path) as archive:
        archive.extractall(folder)
    program = "import sys; sys.path.insert(0, sys.argv[1]); import app; app.app"
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(folder)]
    environ = {"AWS_DEFAULT_REGION": "us-east-1", "PATH": os.environ.get("PATH", "")}
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        raise DeploymentError(f"The package cannot be imported by itself:\n{result.stderr.strip()}")
