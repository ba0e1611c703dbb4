"""How produced signals are shown: a live table on a terminal, lines elsewhere, JSON for other programs."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rialto_client.cli.producer import Produced, Tally
from rialto_client.cli.words import status

_MOST_ROWS = 15
_MOST_USERS = 3
# Header, tally, the prompt and a line to spare.
_OTHER_LINES = 5

Show = Callable[[Produced], None]


@contextmanager
def showing(tally: Tally, count: int, console: Console, *, as_json: bool) -> Iterator[Show]:
    """Yield what shows a signal."""
    if as_json:
        yield _show_json
    elif console.is_interactive:
        with _live_table(tally, count, console) as show:
            yield show
    else:
        yield _show_line


def _show_json(produced: Produced) -> None:
    typer.echo(json.dumps(asdict(produced), ensure_ascii=False))


def _show_line(produced: Produced) -> None:
    cells = f"{produced.number:>5} {produced.strategy:<10} {produced.instrument:<10} {produced.position:<4}"
    typer.echo(f"{cells} {produced.response:<8} {_outcome(produced)}".rstrip())


@contextmanager
def _live_table(tally: Tally, count: int, console: Console) -> Iterator[Show]:
    last: deque[Produced] = deque(maxlen=max(1, min(_MOST_ROWS, console.height - _OTHER_LINES)))

    def picture() -> Group:
        return Group(_table(last), Text(f"{tally} (of {count})", style="bold"))

    def show(produced: Produced) -> None:
        last.append(produced)
        live.update(picture(), refresh=True)

    with Live(picture(), console=console, auto_refresh=False) as live:
        yield show


def _table(rows: deque[Produced]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    for heading in ("strategy", "instrument", "position", "response"):
        table.add_column(heading, no_wrap=True)
    table.add_column("users, or why not", no_wrap=True, overflow="ellipsis")
    for row in rows:
        cells = (row.strategy, row.instrument, row.position, status(row.response), Text(_outcome(row)))
        table.add_row(str(row.number), *cells)
    return table


def _outcome(produced: Produced) -> str:
    users = ", ".join(produced.users[:_MOST_USERS])
    more = len(produced.users) - _MOST_USERS
    return (f"{users} and {more} more" if more > 0 else users) or produced.reason or ""
