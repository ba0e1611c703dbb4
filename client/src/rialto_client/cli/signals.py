"""`rialto signals`: signals of trading strategies."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rialto_client.cli.boundary import Failure
from rialto_client.cli.display import STYLES, showing
from rialto_client.cli.examples import examples
from rialto_client.cli.options import Json, Seed, random_from
from rialto_client.cli.producer import PATIENCE, TWICE, Tally, produce_signals
from rialto_client.cli.target import Target
from rialto_client.client import Client, check_key
from rialto_client.strategies import Position, SignalRequest, SignalResponse

app = typer.Typer(name="signals", no_args_is_help=True, help="Send signals of trading strategies.")


def _checked(key: str | None) -> str | None:
    try:
        return None if key is None else check_key(key)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


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
    key: Annotated[
        str | None,
        typer.Option(
            callback=_checked, help="The same key never carries a signal out twice.", show_default="a new one"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a signal, and show what became of it for each user.

    A signal that is rejected has its answer: the exit code is 0.
    """
    if dry_run and key is not None:
        raise typer.BadParameter("a dry run changes nothing and takes no key.", ctx=ctx, param_hint="--key")
    signal = SignalRequest(strategy=strategy, instrument=instrument, position=position)
    target: Target = ctx.obj
    answer = target.ask(lambda client: client.send_signal(signal, dry_run=dry_run, idempotency_key=key))
    if as_json:
        typer.echo(answer.model_dump_json())
    else:
        _show_answer(answer, Console(highlight=False), dry_run=dry_run)


def _show_answer(answer: SignalResponse, console: Console, *, dry_run: bool) -> None:
    subject = "Dry run" if dry_run else f"Signal {answer.signal_id or ''}".rstrip()
    console.print(Text(f"{subject}: ") + Text(answer.status, STYLES.get(answer.status, "")))
    if not answer.users:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("user", "verdict", "reason", "order"):
        table.add_column(heading, overflow="fold")
    for one in answer.users:
        verdict = Text(one.verdict, STYLES.get(one.verdict, ""))
        table.add_row(Text(one.user), verdict, Text(one.reason or ""), Text(one.order_id or ""))
    console.print(table)


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
        with showing(tally, count, Console(highlight=False), as_json=as_json) as show:
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
