"""Measure the package: ``python benchmarks/package.py`` prints what it weighs and how long its cold import takes.

All functions share one module and one package, so one import stands for each of them. What is measured is a fresh
interpreter that sees nothing but the package, in processor time; each figure is the least of the rounds, which take
turns: others on the machine only ever add to it. The libraries are those that the application has imported in the end,
imported in the same order by themselves; once more with the collector of garbage paused, as the application has it.
The first answer is a request that finds no order, at a table that answers at once: what a client of a cold function
waits for beside the import.

Ends with 1 if a budget is passed.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from infra.package import package
from tests.answering import answering, settings

ROUNDS = 15
MAX_RATIO = 1.25
MAX_MEGABYTES = 6.0
OURS = ("app", "chalicelib")
PARTS = ("botocore", "pydantic", "pydantic_core", "pynamodb", "urllib3", "aws_lambda_powertools", "chalice")
IMPORT = "import app"
ALONE = "the libraries alone"
TOGETHER = f"{IMPORT} (each function)"
PAUSED = "import gc; gc.disable(); "
UNPAUSED = "import gc; gc.disable = lambda: None; "
FIRST = """
import app, json, io, sys
context = {"resourcePath": "/orders/{order_id}", "httpMethod": "GET", "requestId": "r", "identity": {}}
event = {"requestContext": context, "headers": {}, "multiValueQueryStringParameters": None, "body": None,
         "pathParameters": {"order_id": "x" * 36}, "stageVariables": None, "isBase64Encoded": False}
out, sys.stdout = sys.stdout, io.StringIO()
started = time.process_time()
answer = app.app(event, None)
sys.stdout = out
assert answer["statusCode"] == 404, answer
"""
PROGRAM = "import sys, time; sys.path.insert(0, sys.argv[1]); started = time.process_time(); {}\n"
PROGRAM += "print((time.process_time() - started) * 1e3)"
NAMES = "import app; print(*(name for name, module in sys.modules.items() if {} in str(module.__file__ if "
NAMES += "hasattr(module, '__file__') else '')), file=sys.stderr)"


def main() -> None:
    """Print the tables."""
    archive = package().with_name("deployment.zip")
    weights = weigh(archive)
    with tempfile.TemporaryDirectory() as folder, answering() as endpoint:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        times = time_programs(folder, endpoint)
    alone, together = times[ALONE], times[TOGETHER]
    print(f"{'cold import of':40}{'ms':>8}{'to libraries':>14}")
    for name, milliseconds in times.items():
        print(f"{name:40}{milliseconds:8.1f}{milliseconds / alone:14.2f}")
    total = archive.stat().st_size / 1e6
    print(f"\n{'in the package':40}{'MB zipped':>10}{'of all':>12}")
    for name, megabytes in weights.items():
        print(f"{name:40}{megabytes:10.2f}{megabytes / total:12.0%}")
    print(f"{'all':40}{total:10.2f}")
    if total > MAX_MEGABYTES or together / alone > MAX_RATIO:
        sys.exit(f"The budget is {MAX_MEGABYTES} MB and {MAX_RATIO} times the libraries.")


def weigh(archive: Path) -> dict[str, float]:
    """Return the megabytes of each part of the zip, the heaviest first."""
    weights: dict[str, float] = defaultdict(float)
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            top = entry.filename.split("/")[0]
            weights["application" if top in ("app.py", "__pycache__", "chalicelib") else top] += entry.compress_size
    return {name: size / 1e6 for name, size in sorted(weights.items(), key=lambda item: -item[1]) if size > 1e4}


def time_programs(folder: str, endpoint: str) -> dict[str, float]:
    """Return the milliseconds of each program."""
    programs = dict(list_programs(libraries_of(folder)))
    runs: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, program in programs.items():
            runs[name].append(float(run(folder, program, endpoint).stdout))
    return {name: min(times) for name, times in runs.items()}


def list_programs(libraries: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is timed: its name, and the program."""
    alone = f"import {', '.join(libraries)}"
    yield ALONE, alone
    yield f"{ALONE}, collector paused", PAUSED + alone
    yield TOGETHER, IMPORT
    yield f"{IMPORT}, collector not paused", UNPAUSED + IMPORT
    for name in PARTS:
        mine = [library for library in libraries if library.split(".")[0] == name]
        yield f"  {name}, with what it needs", PAUSED + f"import {', '.join(mine)}"
    yield "the first answer, after the import", FIRST


def libraries_of(folder: str) -> list[str]:
    """Return the modules that the application takes from the package, in the order in which it imports them."""
    names = run(folder, NAMES.format(repr(folder)), "").stderr.split()
    return [name for name in names if name.split(".")[0] not in OURS]


def run(folder: str, program: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    """Run the program in an interpreter that sees the package and nothing else."""
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM.format(program), folder]
    environ = {"PATH": os.environ.get("PATH", ""), **settings(endpoint)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own program


if __name__ == "__main__":
    main()
