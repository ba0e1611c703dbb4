"""Tells of the tour, step by step."""

import json

import typer
from rich.text import Text

from rialto_client.cli.screen import open_console, show_line
from rialto_client.cli.words import plain

_STEP_WIDTH = 32


class BrokenPromiseError(Exception):
    """Raised when a step did not come out as promised."""


class Narrator:
    """Prints each step as it happens: a line for people, or an object for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = open_console()
        self._scene = ""

    def begin(self, scene: str) -> None:
        """Begin a scene."""
        self._scene = scene
        if not self._as_json:
            show_line(self._console, Text(scene, "bold"))

    def tell(self, step: str, outcome: str, *, promised: bool = True) -> None:
        """Tell of a step.

        Raises:
            BrokenPromiseError: if it did not come out as promised.
        """
        if self._as_json:
            told = {"scene": self._scene, "step": step, "outcome": outcome, "as_promised": promised}
            typer.echo(json.dumps(told, ensure_ascii=False))
        else:
            mark = Text("  ✓ ", "green") if promised else Text("  ✗ ", "red")
            show_line(self._console, Text.assemble(mark, f"{plain(step):<{_STEP_WIDTH}} ", plain(outcome)))
        if not promised:
            raise BrokenPromiseError(f"{step}: {outcome}")

    def end(self, told: str) -> None:
        """Tell that it is over."""
        if not self._as_json:
            show_line(self._console, Text(told, "bold"))
