"""`rialto profiles`: which user trades which instruments by which strategy."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rialto_client.cli.examples import examples
from rialto_client.cli.generator import MOST_USERS, generate_profiles
from rialto_client.cli.options import Json, Seed, random_from
from rialto_client.cli.profile_file import load_profiles, save_profiles, write_profiles
from rialto_client.cli.screen import open_console
from rialto_client.cli.target import Target
from rialto_client.cli.waiting import patiently
from rialto_client.strategies import ProfileCounts, Profiles

DEFAULT_FILE = Path("user_profile.json")

app = typer.Typer(name="profiles", no_args_is_help=True, help="Which user trades what, by which strategy.")


@app.command(
    epilog=examples(
        "rialto profiles generate",
        "rialto profiles generate --users 1000 --load --force",
        "rialto profiles generate --seed 7 --output seventh.json",
    )
)
def generate(
    ctx: typer.Context,
    users: Annotated[int, typer.Option(min=1, max=MOST_USERS, help="How many users.")] = 3,
    load: Annotated[bool, typer.Option("--load", help="Put them into Rialto, in place of all there are.")] = False,
    seed: Seed = None,
    output: Annotated[Path, typer.Option(dir_okay=False, help="The file to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Draw profiles at random, and write them to a file.

    A user has 1 to 7 strategies, a strategy 1 to 10 instruments,
    the same ones for all its users.
    """
    profiles = Profiles(generate_profiles(random_from(seed), users))
    save_profiles(profiles, output, force=force)
    rows = sum(map(len, profiles.root.values()))
    if not as_json:
        typer.echo(f"Wrote {output}: {users} users with {rows} strategies in all.")
    loaded = _replace(ctx.obj, profiles) if load else None
    if as_json:
        counts = loaded and loaded.root
        typer.echo(json.dumps({"file": str(output), "users": users, "rows": rows, "loaded": counts}))
    elif loaded:
        _tell_loaded(loaded)


@app.command(epilog=examples("rialto profiles load user_profile.json"))
def load(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="As `rialto profiles generate` writes it.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Put the profiles of a file into Rialto, in place of all there are.

    Open positions stay.
    """
    loaded = _replace(ctx.obj, load_profiles(file))
    if as_json:
        typer.echo(json.dumps(loaded.root, ensure_ascii=False))
    else:
        _tell_loaded(loaded)


@app.command(epilog=examples("rialto profiles show", "rialto profiles show --json > user_profile.json"))
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the profiles that Rialto has.

    With --json they are as in the file.
    """
    target: Target = ctx.obj
    profiles = target.ask(lambda client: client.view_profiles())
    if as_json:
        typer.echo(write_profiles(profiles))
    elif profiles.root:
        open_console().print(_table(profiles))
    else:
        typer.echo("There are no profiles. `rialto profiles generate --load` makes some.")


def _replace(target: Target, profiles: Profiles) -> ProfileCounts:
    return target.ask(lambda client: patiently(client.replace_profiles(profiles), "loading"))


def _tell_loaded(counts: ProfileCounts) -> None:
    told = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in counts.root.items())
    typer.echo(f"Loaded: {told}." if told else "Loaded.")


def _table(profiles: Profiles) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("user", "strategy", "instruments"):
        table.add_column(heading, overflow="fold")
    for user, strategies in profiles.root.items():
        for position, (strategy, instruments) in enumerate(strategies.items()):
            table.add_row(Text("" if position else user), Text(strategy), Text(", ".join(instruments)))
    return table
