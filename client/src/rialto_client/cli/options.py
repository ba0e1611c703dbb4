"""Options that several commands have."""

from random import Random
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for other programs.")]
Seed = Annotated[int | None, typer.Option(help="Draw the same again with the same seed.", show_default="another")]


def random_from(seed: int | None) -> Random:
    """Return what draws at random, by the seed if there is one."""
    return Random(seed)  # noqa: S311 - what it draws hides nothing
