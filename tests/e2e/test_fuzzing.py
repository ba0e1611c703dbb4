"""What Schemathesis makes of the API's document: requests that it allows and forbids, alone and one after the other.

RIALTO_FUZZ_SECONDS makes it longer, and RIALTO_FUZZ_SEED makes it another run.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.conformance import document
from tests.e2e.stack import Stack

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).parent / "schemathesis.toml"
SECONDS = int(os.environ.get("RIALTO_FUZZ_SECONDS", "40"))
SEED = os.environ.get("RIALTO_FUZZ_SEED", "1")


def test_the_api_is_as_its_document_says(stack: Stack, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [f"{stack.deployment.url}/openapi.json", "--url", stack.deployment.url, "--checks", "all"]
    command += ["--max-time", str(SECONDS), "--seed", SEED, "--no-color"]

    run = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
    )

    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    # All but the address of the document itself, which the fuzzer leaves out.
    operations = sum(map(len, document()["paths"].values())) - 1
    assert f"Selected: {operations}/{operations}\n  Tested: {operations}\n" in run.stdout, run.stdout
