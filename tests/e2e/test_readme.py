"""The examples of the README work as printed."""

import re
import subprocess
from pathlib import Path

from tests.e2e.stack import Stack

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)


def test_every_example_runs(stack: Stack) -> None:
    assert len(EXAMPLES) >= 2
    instance = stack.deployment.instance
    for example in EXAMPLES:
        script = example.replace("http://127.0.0.1:8080", instance.url).replace(
            "http://127.0.0.1:8082", instance.exchange_url
        )
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, f"{script}\n{run.stdout}\n{run.stderr}"
        assert "Internal server error" not in run.stdout
        assert 'id":"' in run.stdout
