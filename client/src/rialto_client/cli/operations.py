"""`rialto queues`, `dead-letters`, `invariants` and `health`: for the people on call."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rialto_client.cli.boundary import Failure
from rialto_client.cli.examples import examples
from rialto_client.cli.options import Json
from rialto_client.cli.screen import open_console, show_line
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.target import Target
from rialto_client.cli.waiting import patiently
from rialto_client.cli.words import brief, moment, plain, seconds, status
from rialto_client.client import Client
from rialto_client.operations import DeadLetter, Invariant, InvariantViewResponse, Queue, RedriveResponse

app = typer.Typer()
letters = typer.Typer(name="dead-letters", no_args_is_help=True, help="Messages that were given up, and the way back.")

QUEUES = (
    Column[Queue]("queue", lambda row: row.name),
    Column[Queue]("waiting", lambda row: row.depth, Kind.NUMBER),
    Column[Queue]("in flight", lambda row: row.in_flight, Kind.NUMBER),
    Column[Queue]("oldest", lambda row: seconds(row.oldest_age_seconds), Kind.NUMBER),
    Column[Queue]("dead letters", lambda row: row.dead_letters, Kind.NUMBER),
)
MOST_OF_BODY = 36
"""Characters, as many as an id has: they tell the artwork."""
LETTERS = (
    Column[DeadLetter]("sent", lambda row: brief(row.sent_at), Kind.FIXED),
    Column[DeadLetter]("reason", lambda row: row.reason),
    Column[DeadLetter]("attempts", lambda row: row.attempts, Kind.NUMBER),
    Column[DeadLetter]("order status", lambda row: status(row.order_status), Kind.FIXED),
    Column[DeadLetter]("order or body", lambda row: row.order_id or row.body[:MOST_OF_BODY], Kind.ID),
    Column[DeadLetter]("message", lambda row: row.message_id, Kind.ID, optional=True),
)
INVARIANTS = (
    Column[Invariant]("invariant", lambda row: row.name),
    Column[Invariant]("checked", lambda row: row.checked, Kind.NUMBER),
    Column[Invariant]("in flight", lambda row: row.in_flight, Kind.NUMBER),
    Column[Invariant]("violations", lambda row: len(row.violations), Kind.NUMBER),
)

_IDLE_ROUNDS = 5
"""Redrives that move nothing while letters are left: they are in somebody's hands, or cannot go back."""
_PAUSE, _POLL = 1.0, 2.0

QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="As `rialto queues` names it.", show_default=False)]


@app.command(epilog=examples("rialto queues", "rialto queues --json"))
def queues(ctx: typer.Context, as_json: Json = False) -> None:
    """Show how full the queues are, and their dead letters."""
    target: Target = ctx.obj
    found = target.ask(lambda client: client.view_queues())
    if as_json:
        typer.echo(found.model_dump_json())
        return
    Table(QUEUES, open_console()).add(found.queues)
    for queue in found.queues:
        if queue.dead_letters:
            typer.echo(f"Why there are dead letters: rialto dead-letters list {queue.name}")


@letters.command("list", epilog=examples("rialto dead-letters list placements"))
def list_letters(ctx: typer.Context, queue: QueueName, as_json: Json = False) -> None:
    """Show a sample of a queue's dead letters, with the reason of each.

    They stay where they are.
    """
    target: Target = ctx.obj
    found = target.ask(lambda client: client.view_dead_letters(queue))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    Table(LETTERS, open_console()).add(found.letters)
    if found.count:
        typer.echo(f"{len(found.letters)} of {found.count}. The way back: rialto dead-letters redrive {found.queue}")
    else:
        typer.echo(f"{found.queue} has no dead letters.")


@letters.command(epilog=examples("rialto dead-letters redrive placements"))
def redrive(ctx: typer.Context, queue: QueueName, as_json: Json = False) -> None:
    """Move a queue's dead letters back, until none is left.

    Those that come back meanwhile stay. Ctrl-C ends it early, and none is lost.
    Exit code 1: some are left.
    """
    target: Target = ctx.obj
    done = target.ask(lambda client: _redrive(client, queue, as_json=as_json))
    if as_json:
        typer.echo(done.model_dump_json())
    elif not done.redriven and not done.remaining:
        typer.echo(f"{done.queue} has no dead letters.")
    if done.remaining:
        why = (
            f"{done.remaining} dead letters are left, or are there again: `rialto dead-letters list {queue}` tells why."
        )
        raise Failure("" if as_json else why)


async def _redrive(client: Client, queue: str, *, as_json: bool) -> RedriveResponse:
    moved, idle, goal = 0, 0, 0
    while True:
        done = await patiently(client.redrive_dead_letters(queue), f"moving dead letters, {moved} so far")
        moved += done.redriven
        # What there was in the beginning: a letter that dies again at once must not keep this going for ever.
        goal = goal or moved + done.remaining
        idle = 0 if done.redriven else idle + 1
        if done.redriven and not as_json:
            typer.echo(f"{moved} moved back, {done.remaining} left.")
        if not done.remaining or moved >= goal or idle >= _IDLE_ROUNDS:
            return RedriveResponse(queue=done.queue, redriven=moved, remaining=done.remaining)
        await asyncio.sleep(0 if done.redriven else _PAUSE)


app.add_typer(letters)


@app.command(epilog=examples("rialto invariants", "rialto invariants --run --timeout 600"))
def invariants(
    ctx: typer.Context,
    run: Annotated[bool, typer.Option("--run", help="Check now, and wait for the end.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 300,
    as_json: Json = False,
) -> None:
    """Show whether the live data keep what Rialto promises: what the last check found.

    Exit code 1: something is violated, or the check did not end in time.
    """
    target: Target = ctx.obj
    found = target.ask(lambda client: _check(client, timeout) if run else client.view_invariants())
    if found is None:
        raise Failure(
            f"The check goes on after {timeout:g} s: `rialto invariants` shows it when it has come to its end."
        )
    violations = sum(len(one.violations) for one in found.invariants)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show_invariants(found, open_console(), violations)
    if violations:
        raise typer.Exit(1)


def _show_invariants(found: InvariantViewResponse, console: Console, violations: int) -> None:
    Table(INVARIANTS, console).add(found.invariants)
    for one in found.invariants:
        for violation in one.violations:
            show_line(console, Text(f"  {plain(one.name)}: {plain(violation)}", "red"))
    if found.as_of is None:
        typer.echo("Nothing was checked yet: `rialto invariants --run` does it now.")
    else:
        so_far = "" if found.complete else ", so far"
        typer.echo(
            f"As of {moment(found.as_of)}{so_far}: {violations or 'no'} violation{'' if violations == 1 else 's'}."
        )


async def _check(client: Client, within: float) -> InvariantViewResponse | None:
    """Check now; return what came of it, None if it did not end in time."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + within
    found = begun = await patiently(client.run_invariants(), "checking")
    while not _is_of(found, begun):
        left = deadline - clock()
        if left <= 0:
            return None
        await patiently(asyncio.sleep(min(_POLL, left)), "checking")
        found = await client.view_invariants()
    return found


def _is_of(found: InvariantViewResponse, begun: InvariantViewResponse) -> bool:
    """Tell whether this is what came of the check that was begun, or of a later one."""
    return found.complete and found.as_of is not None and (begun.as_of is None or found.as_of >= begun.as_of)


@app.command(epilog=examples("rialto health", "rialto --url https://rialto.example/prod health --json"))
def health(ctx: typer.Context, as_json: Json = False) -> None:
    """Show whether every table can be read.

    Exit code 1: one cannot.
    """
    target: Target = ctx.obj
    found = target.ask(lambda client: client.check_health())
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        rows = [Column[tuple[str, str]]("table", lambda row: row[0]), Column[tuple[str, str]]("", lambda row: row[1])]
        Table(rows, open_console()).add(found.tables.items())
        typer.echo(f"Rialto at {target.url} is {plain(found.status)}.")
    if not found.is_ok:
        raise typer.Exit(1)
