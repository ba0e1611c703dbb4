"""How the tests of the web page find their browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chromium import HELP, ChromiumMissingError, find_chromium

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


def put_tool(folder: Path, name: str) -> str:
    tool = folder / name
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    return str(tool)


def test_any_of_its_names_is_found(tools: Path) -> None:
    chrome = put_tool(tools, "google-chrome")
    assert find_chromium() == chrome
    assert find_chromium() != put_tool(tools, "chromium") == find_chromium()


def test_the_one_that_is_named_counts(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tool(tools, "chromium")
    monkeypatch.setenv("CHROMIUM", put_tool(tools, "my-browser"))
    assert Path(find_chromium()).name == "my-browser"


def test_where_there_is_none_the_error_says_what_to_do(tools: Path) -> None:
    with pytest.raises(ChromiumMissingError, match=r"^The web page's tests need Chromium"):
        find_chromium()


def test_the_command_says_it_in_one_line(tools: Path) -> None:
    # Without apt-get in the PATH nothing can be installed either.
    result = subprocess.run(
        [sys.executable, "-m", "tests.browser.chromium"],
        cwd=ROOT,
        env={"PATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (1, f"{HELP}\n")
    assert os.linesep not in HELP
