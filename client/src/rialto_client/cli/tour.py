"""`rialto tour`: a short walk through all markets, each step told as it happens."""

import typer

from rialto_client.cli.boundary import Failure
from rialto_client.cli.examples import examples
from rialto_client.cli.narrator import BrokenPromiseError, Narrator
from rialto_client.cli.options import Json
from rialto_client.cli.scenes import trade_a_work, walk_an_order, walk_the_worked_example
from rialto_client.cli.target import Target
from rialto_client.client import Client

app = typer.Typer()


@app.command(epilog=examples("rialto tour", "rialto --url https://rialto.example/prod tour --json"))
def tour(ctx: typer.Context, as_json: Json = False) -> None:
    """Place an order, trade a work of art, send four signals.

    It uses users, works and strategies of its own; the profiles are as before in the end.
    One small order stays at the exchange. Exit code 1: something did not come out as promised.
    """
    target: Target = ctx.obj
    narrator = Narrator(as_json=as_json)

    async def walk(client: Client) -> None:
        await walk_an_order(client, narrator)
        await trade_a_work(client, narrator)
        await walk_the_worked_example(client, narrator)

    try:
        target.ask(walk)
    except BrokenPromiseError as error:
        raise Failure(f"It did not come out as promised: {error}.") from None
    narrator.end("Everything came out as promised.")
