"""Lists of any length: so many rows, or all to the end, as they come."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import typer
from pydantic import BaseModel

from rialto_client.cli.screen import open_console
from rialto_client.cli.table import Column, Table
from rialto_client.cli.target import Target
from rialto_client.cli.waiting import patiently
from rialto_client.client import Client
from rialto_client.pages import PAGE_SIZE, follow_pages
from rialto_client.values import PageRequest, PageResponse

_SCREENFUL = 20

Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="How many rows.", show_default=str(_SCREENFUL))]
All = Annotated[bool, typer.Option("--all", help="Every row, to the end of the list.")]

Q = TypeVar("Q", bound=PageRequest)
P = TypeVar("P", bound=PageResponse)
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Listing(Generic[Q, P, T]):
    """A list: where it comes from, how a row looks, and what to say when there is none."""

    view: Callable[[Client], Callable[[Q], Awaitable[P]]]
    rows: Callable[[P], Sequence[T]]
    columns: Sequence[Column[T]]
    nothing: str


def read_extent(ctx: typer.Context, limit: int | None, everything: bool) -> int | None:
    """Return how many rows are wanted, None for all."""
    if everything and limit is not None:
        raise typer.BadParameter("it is either so many rows or all.", ctx=ctx, param_hint="--limit")
    return None if everything else limit or _SCREENFUL


def show_list(target: Target, listing: Listing[Q, P, T], request: Q, wanted: int | None, *, as_json: bool) -> None:
    """Print the rows as they come: in a table, or as JSON, an object in each line."""
    table = Table(listing.columns, open_console())
    shown, more = 0, False

    async def run(client: Client) -> None:
        nonlocal shown, more
        size = PAGE_SIZE if wanted is None else min(wanted, PAGE_SIZE)
        pages = follow_pages(listing.view(client), request.model_copy(update={"limit": size}))
        while (page := await patiently(anext(pages, None), f"reading, {shown} rows so far")) is not None:
            rows = listing.rows(page)
            kept = rows if wanted is None else rows[: wanted - shown]
            if as_json:
                for row in kept:
                    typer.echo(row.model_dump_json())
            else:
                table.add(kept)
            shown += len(kept)
            if shown == wanted:
                more = page.next_cursor is not None or len(kept) < len(rows)
                return

    target.ask(run)
    if not shown and not as_json:
        typer.echo(listing.nothing)
    if more:
        typer.echo("There may be more: --all shows every row.", err=True)
