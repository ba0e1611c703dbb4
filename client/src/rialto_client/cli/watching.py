"""How orders are watched: a live table on a terminal, a line for each step elsewhere, JSON for other programs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as LiveTable
from rich.text import Text

from rialto_client.broker import BrokerOrder, OrderChange, OrderEvent, OrderStatus, TimelineEntry
from rialto_client.cli.screen import show_line
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.words import brief, money, plain, status
from rialto_client.client import Client
from rialto_client.errors import UnavailableError

_LONGEST_STATUS, _LONGEST_CAUSE, _LONGEST_FILL = 16, 16, 9
_MOST_ROWS = 200
"""Orders that are remembered for a screen, however high it may become."""
# Header, the last gap, the prompt and a line to spare.
_OTHER_LINES = 5
_PAUSE = 1.0
"""Seconds before a connection that is lost is tried again."""

Show = Callable[[OrderEvent], None]


@dataclass(frozen=True)
class Row:
    """A step of an order, or none: what is new is the order itself."""

    order: BrokerOrder
    entry: TimelineEntry | None = None

    @property
    def status(self) -> OrderStatus:
        """How the order stood after the step."""
        return self.entry.status if self.entry else self.order.status


STEPS = (
    Column[Row]("at", lambda row: brief(row.entry.at) if row.entry else None, Kind.FIXED, least=14),
    Column[Row]("what", lambda row: row.entry.cause if row.entry else None, Kind.FIXED, least=_LONGEST_CAUSE),
    Column[Row]("status", lambda row: status(row.status.value), Kind.FIXED, least=_LONGEST_STATUS),
    Column[Row]("filled", lambda row: _filled(row.order), Kind.NUMBER, least=_LONGEST_FILL),
    Column[Row]("order", lambda row: row.order.id, Kind.ID),
)


async def follow_events(
    client: Client, order_ids: frozenset[str], *, until_final: bool = False
) -> AsyncIterator[OrderEvent]:
    """Yield what happens to the orders, without ids to the newest; a connection that is lost is tried again.

    Raises:
        UnavailableError: if the broker cannot be asked in the first place.
    """
    cursor: str | None = None
    unfinished = set(order_ids)
    while True:
        try:
            async for event in client.watch_orders(sorted(order_ids), cursor=cursor):
                yield event
                if isinstance(event, OrderChange):
                    cursor = event.cursor
                    if event.order.status.is_final:
                        unfinished.discard(event.order.id)
                    if until_final and not unfinished:
                        return
        except UnavailableError as error:
            if cursor is None:
                raise
            typer.echo(f"The connection is lost, and tried again: {type(error.__cause__).__name__}.", err=True)
            await asyncio.sleep(_PAUSE)


@contextmanager
def showing_events(console: Console, *, as_json: bool) -> Iterator[Show]:
    """Yield what shows an event."""
    if as_json:
        yield _show_json
    elif console.is_interactive:
        with _live_board(console) as show:
            yield show
    else:
        yield _lines(console)


def _show_json(event: OrderEvent) -> None:
    # Who resumes a watch is this command: nobody else has a use for the cursor.
    typer.echo(event.model_dump_json(exclude={"cursor"}))


def _lines(console: Console) -> Show:
    table = Table(STEPS, console)

    def show(event: OrderEvent) -> None:
        if isinstance(event, OrderChange):
            table.add([Row(event.order, entry) for entry in event.entries] or [Row(event.order)])
        else:
            show_line(console, Text(_gap(event.id, event.detail), "yellow"))

    return show


@contextmanager
def _live_board(console: Console) -> Iterator[Show]:
    rows: dict[str, Row] = {}
    told = ""

    def picture() -> Group:
        # The last to change stands at the bottom, as a line would.
        shown = list(rows.values())[-max(1, console.height - _OTHER_LINES) :]
        return Group(_board(shown), Text(told, "yellow", no_wrap=True, overflow="ellipsis"))

    def show(event: OrderEvent) -> None:
        nonlocal told
        if isinstance(event, OrderChange):
            last = rows.pop(event.order.id, None)
            entry = event.entries[-1] if event.entries else last.entry if last else None
            rows[event.order.id] = Row(event.order, entry)
            if len(rows) > _MOST_ROWS:
                del rows[next(iter(rows))]
        else:
            told = _gap(event.id, event.detail)
        live.update(picture(), refresh=True)

    with Live(picture(), console=console, auto_refresh=False) as live:
        yield show


def _board(rows: list[Row]) -> LiveTable:
    table = LiveTable(box=None, pad_edge=False)
    for heading in ("at", "order", "status", "side", "instrument"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    table.add_column("filled", justify="right", no_wrap=True)
    table.add_column("last step", no_wrap=True, overflow="ellipsis")
    for row in rows:
        order, entry = row.order, row.entry
        at, cause = (brief(entry.at), entry.cause) if entry else ("", "")
        terms = (order.side.value, Text(plain(order.instrument)), _filled(order), Text(plain(cause)))
        table.add_row(at, order.id[-8:], status(order.status.value), *terms)
    return table


def _filled(order: BrokerOrder) -> str:
    at_price = f" at {money(order.avg_px)}" if order.avg_px is not None else ""
    return f"{order.cum_qty}/{order.quantity}{at_price}"


def _gap(order_id: str | None, detail: str) -> str:
    return f"Missed{f' of {order_id}' if order_id else ''}: {plain(detail)}"
