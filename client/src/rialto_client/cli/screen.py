"""Where people read: the terminal, with its width."""

import os
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from rialto_client.cli.words import plain

WIDE = 200
"""Columns where no terminal sets a limit: a row stays in one line, for grep and the like."""


def open_console() -> Console:
    """Return standard output."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console


def show_line(console: Console, line: Text) -> None:
    """Print a line as it is: what is too long is the terminal's to wrap, and can still be copied."""
    console.print(line, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)


def show_details(console: Console, details: Iterable[tuple[str, Text | str | None]]) -> None:
    """Print what is known of one thing, a line each."""
    known = [(label, value) for label, value in details if value is not None]
    width = max((len(label) for label, _ in known), default=0)
    for label, value in known:
        text = value if isinstance(value, Text) else Text(plain(value))
        show_line(console, Text.assemble(f"  {label:<{width}}  ", text))
