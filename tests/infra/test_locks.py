"""The locked requirements: nothing is installed but what is asked for, what that needs, and by its hash."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra.locks import check_installed, check_lock, check_part, check_project, read_direct, read_lock, valid_here

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-upgrade.txt", "bridge/requirements.txt")
HASH = "--hash=sha256:" + 64 * "a"
NEEDS = {"web": ["router>=2", "colors; extra == 'paint'", "windows-only; sys_platform == 'win32'"], "router": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def problems(folder: Path, direct: str, *lock: str) -> list[str]:
    (folder / "some.in").write_text(direct)
    (folder / "some.txt").write_text("\n".join(lock))
    return check_lock(read_direct(folder / "some.in"), read_lock(folder / "some.txt"), NEEDS)


def entry(pin: str) -> str:
    return f"{pin} \\\n    {HASH} \\\n    {HASH}\n    # via something"


def test_locks_of_the_project_fit() -> None:
    assert check_project() == []


def test_complete_lock_has_no_problem(folder: Path) -> None:
    assert problems(folder, "# comment\nWeb>=1  # why", entry("web==1.5"), entry("router==2.0")) == []


def test_what_an_extra_needs_has_to_be_there(folder: Path) -> None:
    lock = [entry("web==1.5"), entry("router==2.0")]
    assert problems(folder, "web[paint]", *lock) == ["colors is missing: web asks for it"]
    assert problems(folder, "web[paint]", *lock, entry("colors==1")) == []


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        ([entry("web==1.5")], "router is missing: web asks for it"),
        ([entry("web==1.5"), entry("router==1.9")], "router is 1.9, but web asks for >=2"),
        ([entry("web==0.9"), entry("router==2.0")], "web is 0.9, but the .in file asks for >=1"),
        ([entry("web==1.5"), "router==2.0"], "router has no hash"),
        ([entry("web==1.5"), entry("router>=2.0")], "router is not pinned to one version"),
        ([entry("web==1.5"), entry("router==2.*")], "router is not pinned to one version"),
        ([entry("web==1.5"), entry("router==2.0"), entry("miner==1")], "miner is needed by nothing"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, lock: list[str], problem: str) -> None:
    assert problem in problems(folder, "web>=1", *lock)


def test_entry_for_another_system_may_be_there(folder: Path) -> None:
    lock = [entry("web==1.5"), entry("router==2.0"), entry("windows-only==1 ; sys_platform == 'win32'")]
    assert problems(folder, "web>=1", *lock) == []


def test_package_may_be_locked_once_for_each_interpreter(folder: Path) -> None:
    now, later = "python_version >= '3.0'", "python_version >= '4.0'"
    lock = [entry("web==1.5"), entry(f"router==2.0 ; {now}"), entry(f"router==3.0 ; {later}")]
    assert problems(folder, "web>=1", *lock) == []
    assert problems(folder, "web>=1", *lock[::2]) == ["router is missing: web asks for it"]


def test_included_file_is_asked_for_too(folder: Path) -> None:
    (folder / "base.in").write_text("router")
    assert [str(need) for need in read_direct_of(folder, "-r base.in\n-c base.txt\nweb")] == ["router", "web"]


def read_direct_of(folder: Path, text: str) -> list[Requirement]:
    (folder / "some.in").write_text(text)
    return read_direct(folder / "some.in")


def test_what_ships_is_what_is_tested(folder: Path) -> None:
    (folder / "part.txt").write_text(entry("web==1.5"))
    (folder / "whole.txt").write_text(entry("web==1.6"))
    part, whole = read_lock(folder / "part.txt"), read_lock(folder / "whole.txt")
    assert check_part(part, whole) == ["web ships otherwise than it is tested"]
    assert check_part(part, [*whole, *part]) == []


def test_environment_that_is_not_as_locked_is_told_to_be_set_up_again(folder: Path) -> None:
    (folder / "some.txt").write_text(entry("web==1.5"))
    lock = read_lock(folder / "some.txt")
    assert check_installed(lock, {"web": "1.5", "more": "1"}) == []
    assert check_installed(lock, {"web": "1.4"}) == ["web 1.5 is locked, 1.4 is installed (make setup)"]


@pytest.mark.parametrize("name", LOCKS)
def test_every_hash_is_whole_and_there_are_no_options(name: str) -> None:
    text = (ROOT / name).read_text()
    lock = read_lock(ROOT / name)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for locked in lock for value in locked.hashes)
    assert not [line for line in text.splitlines() if line.startswith("-")]


def test_what_ships_has_a_wheel_of_its_own_for_every_lambda() -> None:
    """pydantic_core is compiled: for two architectures and several interpreters, its hashes are many."""
    assert len(valid_here(read_lock(ROOT / "requirements.txt"))["pydantic-core"].hashes) > 20


def test_client_says_only_what_it_needs_and_leaves_its_users_the_choice() -> None:
    project = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["cli"]]
    lock = valid_here(read_lock(ROOT / "requirements-dev.txt"))
    for need in map(Requirement, needs):
        assert re.fullmatch(r"==[0-9.]+\.\*", str(need.specifier))
        assert need.specifier.contains(lock[need.name].version)


def test_set_up_refuses_what_is_not_in_the_lock_by_its_hash(folder: Path) -> None:
    options = re.search(r"^INSTALL := \$\(BIN\)/python (.*\n.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert options
    wheel = folder / "harmless-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not what was locked")
    for line, refusal in [(f"harmless @ {wheel.as_uri()} {HASH}", "DO NOT MATCH"), (str(wheel), "Hashes are required")]:
        (folder / "lock.txt").write_text(line)
        command = [sys.executable, *options.group(1).replace("\\\n", " ").split(), "--no-index"]
        command += ["--target", str(folder / "installed"), "--requirement", str(folder / "lock.txt")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode
        assert refusal in result.stderr
