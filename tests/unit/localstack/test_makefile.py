"""How make finds its Python."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def make_setup(folder: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    make = shutil.which("make") or "make"
    environ = {"PATH": path}
    return subprocess.run(
        [make, "setup", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_machine_without_python_is_told_in_one_line(tmp_path: Path) -> None:
    # What pyenv leaves behind: commands that are found and fail when run.
    shims = tmp_path / "shims"
    shims.mkdir()
    for tool in ("bash", "cat", "cksum", "cut"):
        (shims / tool).symlink_to(shutil.which(tool) or tool)
    for shim in ("python3", "python3.12", "python"):
        (shims / shim).write_text("#!/bin/sh\nexit 127\n")
        (shims / shim).chmod(0o755)
    result = make_setup(tmp_path, path=str(shims))
    assert result.returncode
    assert result.stderr.startswith("Python 3.11 or later with venv is needed; PYTHON=<path> names one.\n")


def test_a_wrong_choice_of_python_is_named(tmp_path: Path) -> None:
    result = make_setup(tmp_path, "PYTHON=/bin/false")
    assert result.returncode
    assert "PYTHON=/bin/false is not one" in result.stderr
