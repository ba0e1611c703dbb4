"""The mutants that may survive, each with the reason, in survivors.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Explained:
    """A function, with its module, and the lines that a mutant takes away and puts there: numbers would not last."""

    function: str
    change: str


def read_survivors(file: Path = FILE) -> dict[Explained, str]:
    """Return why each of them may survive."""
    entries = tomllib.loads(file.read_text())["survivor"]
    return {Explained(entry["function"], entry["change"].strip()): entry["reason"] for entry in entries}
