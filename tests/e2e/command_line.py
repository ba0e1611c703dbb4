"""Runs the installed `rialto`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RIALTO = Path(sys.executable).parent / "rialto"


class CommandLine:
    """Runs the command in a folder of its own, with these settings beside the URL in its environment."""

    def __init__(self, url: str, folder: Path, **settings: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RIALTO_")}
        self.environment = {**clean, "RIALTO_URL": url, "COLUMNS": "80", **settings}

    def run(self, *arguments: str, code: int = 0) -> str:
        """Return what a command writes, that must end with the exit code."""
        run = subprocess.run(
            [RIALTO, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert run.returncode == code, f"{arguments}: {run.returncode}\n{run.stdout}\n{run.stderr}"
        assert "Traceback" not in run.stderr
        # Whoever is refused is told why, in a line.
        assert code != 1 or run.stdout or run.stderr.count("\n") == 1
        return run.stdout

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Return the JSON object that a command writes."""
        answer: dict[str, Any] = json.loads(self.run(*arguments, "--json", code=code))
        return answer

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the JSON objects that a command writes, one in each line."""
        return [json.loads(line) for line in self.run(*arguments, "--json").splitlines()]
