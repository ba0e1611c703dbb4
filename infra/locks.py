"""Whether the locked requirements fit what is asked for, told from the files and the installed packages alone."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HASH = "--hash=sha256:"

Needs = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Locked:
    """One package as a lock pins it."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in the form in which two spellings are the same."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The version; empty where it is not pinned."""
        pin = re.fullmatch(r"==([^*,]+)", str(self.requirement.specifier))
        return pin.group(1) if pin else ""

    def fits(self) -> bool:
        """Tell whether it is meant for this interpreter and system."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_direct(path: Path) -> list[Requirement]:
    """Return what an .in file asks for, with what it includes by ``-r``."""
    found: list[Requirement] = []
    for line in _lines(path.read_text()):
        if line.startswith("-r "):
            found += read_direct(path.parent / line.removeprefix("-r ").strip())
        elif not line.startswith("-"):
            found.append(Requirement(line))
    return found


def read_lock(path: Path) -> list[Locked]:
    """Return all that a lock pins: a package may be there once for each interpreter or system."""
    return [_read_entry(entry) for entry in _lines(path.read_text().replace("\\\n", " "))]


def valid_here(lock: Iterable[Locked]) -> dict[str, Locked]:
    """Return the packages of a lock for this interpreter and system, by their names."""
    return {entry.name: entry for entry in lock if entry.fits()}


def check_lock(direct: list[Requirement], lock: list[Locked], needs: Needs) -> list[str]:
    """Return what is wrong with a lock, in words; nothing if it is complete, pinned, hashed, and has nothing more.

    ``needs`` are the requirements of each installed package, as its metadata has them.
    """
    problems = [f"{entry.name} is not pinned to one version" for entry in lock if not entry.version]
    problems += [f"{entry.name} has no hash" for entry in lock if not entry.hashes]
    here = valid_here(lock)
    reached: set[str] = set()
    for requirement, parent in _follow(direct, here, needs):
        name = canonicalize_name(requirement.name)
        reached.add(name)
        if name not in here:
            problems.append(f"{name} is missing: {parent} asks for it")
        elif not requirement.specifier.contains(here[name].version, prereleases=True):
            problems.append(f"{name} is {here[name].version}, but {parent} asks for {requirement.specifier}")
    return problems + [f"{name} is needed by nothing" for name in here if name not in reached]


def _follow(direct: list[Requirement], here: Mapping[str, Locked], needs: Needs) -> Iterator[tuple[Requirement, str]]:
    """Yield each requirement that holds here, and who has it: the direct ones, what these ask for, and so on."""
    waiting = [(requirement, "the .in file", "") for requirement in direct]
    followed: set[tuple[str, str]] = set()
    while waiting:
        requirement, parent, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        yield requirement, parent
        name = canonicalize_name(requirement.name)
        # What is not asked for under an extra is asked for always.
        for wanted in {"", *requirement.extras}:
            if name in here and (name, wanted) not in followed:
                followed.add((name, wanted))
                waiting += [(Requirement(need), name, wanted) for need in needs.get(name, ())]


def check_part(part: list[Locked], whole: list[Locked]) -> list[str]:
    """Return what is locked otherwise where it ships than where it is tested."""
    # Whether the interpreter needs it may differ by who asks for it; what it is may not.
    known = {(entry.name, entry.version, entry.hashes) for entry in whole}
    return [
        f"{entry.name} ships otherwise than it is tested"
        for entry in part
        if (entry.name, entry.version, entry.hashes) not in known
    ]


def check_installed(lock: list[Locked], installed: Mapping[str, str]) -> list[str]:
    """Return which packages of a lock are not installed as they are locked."""
    return [
        f"{entry.name} {entry.version} is locked, {installed.get(entry.name, 'nothing')} is installed (make setup)"
        for entry in valid_here(lock).values()
        if installed.get(entry.name) != entry.version
    ]


def installed_needs() -> dict[str, list[str]]:
    """Return the requirements of every installed package."""
    found = importlib.metadata.distributions()
    return {canonicalize_name(package.name): package.requires or [] for package in found}


def installed_versions() -> dict[str, str]:
    """Return the version of every installed package."""
    return {canonicalize_name(package.name): package.version for package in importlib.metadata.distributions()}


def check_project(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the locks of the project, each line with the file's name."""
    shipped, tested = read_lock(root / "requirements.txt"), read_lock(root / "requirements-dev.txt")
    bridge = read_lock(root / "bridge/requirements.txt")
    if missing := check_installed(tested, installed_versions()):
        return missing  # What the packages ask for can only be told of those that are installed.
    needs = installed_needs()
    found = {
        "requirements.txt": check_lock(read_direct(root / "requirements.in"), shipped, needs)
        + check_part(shipped, tested),
        "requirements-dev.txt": check_lock(read_direct(root / "requirements-dev.in"), tested, needs),
        "bridge/requirements.txt": check_lock(read_direct(root / "bridge/requirements.in"), bridge, needs)
        + check_part(bridge, tested),
        # Of what it locks nothing is installed before it is used.
        "requirements-upgrade.txt": check_lock(
            read_direct(root / "requirements-upgrade.in"), read_lock(root / "requirements-upgrade.txt"), {}
        ),
    }
    return [f"{name}: {problem}" for name, problems in found.items() for problem in problems]


def _lines(text: str) -> list[str]:
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line]


def _read_entry(entry: str) -> Locked:
    requirement, *hashes = entry.split(HASH)
    return Locked(Requirement(requirement.strip()), tuple(value.strip() for value in hashes))


def main() -> int:
    """Print what is wrong; the exit code tells whether anything is."""
    problems = check_project()
    print("\n".join([*problems, "make upgrade locks what the .in files ask for."] if problems else ["The locks fit."]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
