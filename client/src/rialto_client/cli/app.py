"""All commands under one name, and the options they share."""

from importlib.metadata import version
from typing import Annotated

import typer

from rialto_client.cli import exchange, market, operations, orders, positions, profiles, signals, tour
from rialto_client.cli.boundary import Commands
from rialto_client.cli.examples import examples
from rialto_client.cli.target import Target
from rialto_client.settings import DEFAULT_URL, read_sign

app = typer.Typer(
    name="rialto",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for part in (market, orders, signals, positions, profiles, operations, exchange, tour):
    app.add_typer(part.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rialto {version('rialto-client')}")
        raise typer.Exit


def _checked(sign: str) -> str:
    try:
        return read_sign(sign)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.callback(
    epilog=examples(
        "rialto tour",
        "rialto orders place buy US0378331005 10 --wait",
        "rialto market browse --sort price_asc",
        "rialto signals send STRATEGY_B MINDA BUY",
        "rialto --url https://rialto.example/prod queues --json",
        "rialto --url https://rialto.example/prod --sign eu-central-1 health",
    )
)
def choose_target(
    ctx: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="RIALTO_URL", help="Where Rialto answers; goes before the command.")
    ] = DEFAULT_URL,
    sign: Annotated[
        str,
        typer.Option(
            envvar="RIALTO_SIGN",
            callback=_checked,
            metavar="REGION|none",
            help="Sign with your AWS credentials, for this region.",
            show_default="by the URL",
        ),
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Rialto from the command line.

    Exit codes: 0 done, 1 failed or refused, 2 wrong usage.
    With --json the answer is JSON, for other programs.
    """
    ctx.obj = Target(url.strip() or DEFAULT_URL, sign)
