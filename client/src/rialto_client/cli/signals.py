"""`rialto signals`: signals of trading strategies."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rialto_client.cli.boundary import Failure
from rialto_client.cli.display import showing
from rialto_client.cli.examples import examples
from rialto_client.cli.lists import All, Limit, Listing, read_extent, show_list
from rialto_client.cli.options import Json, Key, Seed, random_from
from rialto_client.cli.producer import PATIENCE, TWICE, Tally, produce_signals
from rialto_client.cli.screen import open_console, show_details, show_line
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.target import Target
from rialto_client.cli.waiting import patiently
from rialto_client.cli.words import brief, moment, status
from rialto_client.client import Client
from rialto_client.strategies import (
    Position,
    SignalRequest,
    SignalResponse,
    SignalRow,
    SignalViewRequest,
    SignalViewResponse,
    UserVerdict,
)

app = typer.Typer(name="signals", no_args_is_help=True, help="Send signals of trading strategies.")

SIGNALS: Listing[SignalViewRequest, SignalViewResponse, SignalRow] = Listing(
    lambda client: client.view_signals,
    lambda page: page.signals,
    (
        Column("sent", lambda row: brief(row.created_at), Kind.FIXED),
        Column("strategy", lambda row: row.strategy),
        Column("instrument", lambda row: row.instrument),
        Column("", lambda row: row.position.value, Kind.FIXED),
        Column("status", lambda row: status(row.status), Kind.FIXED),
        Column("valid for", lambda row: row.accepted, Kind.NUMBER),
        Column("not for", lambda row: row.rejected, Kind.NUMBER),
        Column("signal", lambda row: row.signal_id, Kind.ID),
    ),
    "There are no signals. `rialto signals produce` sends some.",
)
VERDICTS = (
    Column[UserVerdict]("user", lambda row: row.user),
    Column[UserVerdict]("verdict", lambda row: status(row.verdict), Kind.FIXED),
    Column[UserVerdict]("reason", lambda row: row.reason),
    Column[UserVerdict]("order", lambda row: row.order_id, Kind.ID),
)


@app.command(
    epilog=examples(
        "rialto signals send STRATEGY_B MINDA BUY",
        "rialto signals send STRATEGY_A 'L&T' SELL --dry-run",
        "rialto signals send STRATEGY_B MINDA BUY --key monday-1 --json",
    )
)
def send(
    ctx: typer.Context,
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="For example STRATEGY_B.", show_default=False)],
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="For example MINDA; quote 'L&T'.", show_default=False)
    ],
    position: Annotated[
        Position, typer.Argument(metavar="BUY|SELL", help="To open or to close a position.", show_default=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would become of it; change nothing.")] = False,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Send a signal, and show what became of it for each user.

    A signal that is rejected has its answer: the exit code is 0.
    """
    if dry_run and key is not None:
        raise typer.BadParameter("a dry run changes nothing and takes no key.", ctx=ctx, param_hint="--key")
    signal = SignalRequest(strategy=strategy, instrument=instrument, position=position)
    target: Target = ctx.obj
    answer = target.ask(
        lambda client: patiently(client.send_signal(signal, dry_run=dry_run, idempotency_key=key), "sending")
    )
    if as_json:
        typer.echo(answer.model_dump_json())
    else:
        console = open_console()
        _show_status(answer, console, dry_run=dry_run)
        Table(VERDICTS, console).add(answer.users)


def _show_status(answer: SignalResponse, console: Console, *, dry_run: bool = False) -> None:
    subject = "Dry run" if dry_run else f"Signal {answer.signal_id or ''}".rstrip()
    show_line(console, Text(f"{subject}: ") + status(answer.status))


@app.command(
    "list",
    epilog=examples("rialto signals list", "rialto signals list --all --json > signals.jsonl"),
)
def list_signals(ctx: typer.Context, limit: Limit = None, everything: All = False, as_json: Json = False) -> None:
    """Show the signals, newest first."""
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, SIGNALS, SignalViewRequest(), wanted, as_json=as_json)


@app.command(epilog=examples("rialto signals show 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11"))
def show(
    ctx: typer.Context,
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="The id of a signal.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show a signal, and what became of it for each user."""
    target: Target = ctx.obj
    found = target.ask(lambda client: client.view_signal(signal))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    console = open_console()
    _show_status(found, console)
    terms = f"{found.strategy} {found.instrument} {found.position.value}"
    show_details(console, [("signal", terms), ("sent", moment(found.created_at))])
    Table(VERDICTS, console).add(found.users)


@app.command(
    epilog=examples(
        "rialto signals produce",
        "rialto signals produce --count 10 --interval 0.2 --seed 7",
        "rialto signals produce --json > signals.jsonl",
    )
)
def produce(
    ctx: typer.Context,
    count: Annotated[int, typer.Option(min=1, help="How many signals.")] = 300,
    interval: Annotated[float, typer.Option(min=0, help="Seconds from one to the next.")] = 1.0,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Post random signals to /create_order, and show what became of each.

    A post that fails is counted as an error, and the next one follows.
    Ctrl-C ends it early. Exit codes: 1 after an error, 130 after Ctrl-C.
    """
    target: Target = ctx.obj
    tally = Tally()

    async def run(client: Client) -> None:
        with showing(tally, count, open_console(), as_json=as_json) as show:
            async for produced in produce_signals(client, target.url, random_from(seed), count, interval):
                tally.add(produced)
                show(produced)

    interrupted = False
    try:
        target.asked(TWICE, PATIENCE).ask(run)
    except KeyboardInterrupt:
        interrupted = True
    typer.echo(str(tally), err=as_json)
    if interrupted:
        raise typer.Exit(130)
    if tally.errors == count:
        raise Failure(tally.fault)
    if tally.errors:
        raise typer.Exit(1)
