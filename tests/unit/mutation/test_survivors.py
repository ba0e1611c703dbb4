"""What may survive still stands where it is said to stand: else nobody would notice that a reason has no mutant."""

from pathlib import Path

import pytest

from tests.mutation.__main__ import Mutant
from tests.mutation.survivors import Explained, read_survivors

ROOT = Path(__file__).parents[3]
SURVIVORS = read_survivors()


def source_of(survivor: Explained) -> str:
    """Return the source of the module, without its indentation."""
    parts = survivor.function.split(".")
    while not (path := ROOT.joinpath(*parts).with_suffix(".py")).is_file():
        parts = parts[:-1]
    return "\n".join(line.strip() for line in path.read_text().splitlines())


@pytest.mark.parametrize("survivor", SURVIVORS, ids=lambda survivor: survivor.function)
def test_what_it_takes_away_is_in_the_code_and_it_has_a_reason(survivor: Explained) -> None:
    taken = [line[2:] for line in survivor.change.splitlines() if line.startswith("- ")]
    assert taken
    assert all(line in source_of(survivor) for line in taken)
    assert SURVIVORS[survivor]


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("chalicelib.core.money.x_parse_price__mutmut_3", "chalicelib.core.money", "chalicelib.core.money.parse_price"),
        (
            "chalicelib.market.book.xǁBookǁ_take__mutmut_12",
            "chalicelib.market.book",
            "chalicelib.market.book.Book._take",
        ),
        (
            "chalicelib.broker.worker.x__record__mutmut_1",
            "chalicelib.broker.worker",
            "chalicelib.broker.worker._record",
        ),
    ],
)
def test_names_of_mutants_are_read(name: str, module: str, function: str) -> None:
    mutant = Mutant(name, "killed")
    assert (mutant.module, mutant.function) == (module, function)
