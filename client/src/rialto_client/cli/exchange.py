"""`rialto exchange`: the switches of the local exchange."""

from enum import StrEnum
from typing import Annotated

import typer

from rialto_client.cli.boundary import Failure
from rialto_client.cli.examples import examples
from rialto_client.cli.options import Json
from rialto_client.cli.screen import open_console, show_details
from rialto_client.cli.target import Target
from rialto_client.client import Client
from rialto_client.errors import RefusedError
from rialto_client.exchange import ExchangeControl, ExchangeMode

app = typer.Typer()


class Behaviour(StrEnum):
    """What the local exchange can be told to be."""

    NORMAL = "normal"
    DOWN = "down"
    SLOW = "slow"
    FAIL_BEFORE = "fail-before"
    FAIL_AFTER = "fail-after"


_MODES = {
    Behaviour.NORMAL: ExchangeMode.NORMAL,
    Behaviour.DOWN: ExchangeMode.DOWN,
    Behaviour.SLOW: ExchangeMode.SLOW_BEFORE,
    Behaviour.FAIL_BEFORE: ExchangeMode.FAIL_BEFORE,
    Behaviour.FAIL_AFTER: ExchangeMode.FAIL_AFTER,
}
_MEANINGS = {
    ExchangeMode.NORMAL: "every order is taken",
    ExchangeMode.DOWN: "nothing is taken",
    ExchangeMode.FAIL_BEFORE: "an error, and nothing is done",
    ExchangeMode.FAIL_AFTER: "what is asked is done, but no answer comes",
    ExchangeMode.SLOW_BEFORE: "what is asked is done late",
    ExchangeMode.SLOW_AFTER: "what is asked is done, the answer is late",
}
_SLOW = (ExchangeMode.SLOW_BEFORE, ExchangeMode.SLOW_AFTER)


@app.command(
    epilog=examples(
        "rialto exchange",
        "rialto exchange down",
        "rialto exchange fail-after --probability 0.3",
        "rialto exchange slow --delay 2 --count 10",
        "rialto exchange normal",
    )
)
def exchange(
    ctx: typer.Context,
    behaviour: Annotated[
        Behaviour | None,
        typer.Argument(
            metavar="[normal|down|slow|fail-before|fail-after]", help="How it is to behave.", show_default=False
        ),
    ] = None,
    probability: Annotated[
        float | None, typer.Option(min=0, max=1, help="That a request meets the fault.", show_default="1")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Requests until it is normal again.", show_default="for ever")
    ] = None,
    delay: Annotated[float | None, typer.Option(min=0, help="Seconds that slow lasts.", show_default="5")] = None,
    as_json: Json = False,
) -> None:
    """Show how the local exchange behaves, or let it be unreliable.

    Orders are accepted all the same, and placed once it takes them.
    Only a local Rialto has it.
    """
    chosen = {"probability": probability, "count": count, "delay": delay}
    given = {name: value for name, value in chosen.items() if value is not None}
    if given and behaviour in (None, Behaviour.NORMAL):
        raise typer.BadParameter(
            "there is no fault that it could say more of: give down, slow, fail-before or fail-after.",
            ctx=ctx,
            param_hint=f"--{next(iter(given))}",
        )
    wanted = None if behaviour is None else ExchangeControl.model_validate({"mode": _MODES[behaviour], **given})
    target: Target = ctx.obj
    control = target.ask(lambda client: _ask(client, wanted))
    if as_json:
        typer.echo(control.model_dump_json())
    else:
        _show(control)


async def _ask(client: Client, wanted: ExchangeControl | None) -> ExchangeControl:
    try:
        return await (client.view_exchange() if wanted is None else client.control_exchange(wanted))
    except RefusedError as error:
        # 403 is what a gateway says of a route that there is not.
        if error.status not in (403, 404, 405):
            raise
        raise Failure("This deployment has no local exchange.") from None


def _show(control: ExchangeControl) -> None:
    defaults = ExchangeControl()
    faulty = control.mode is not ExchangeMode.NORMAL
    typer.echo(f"The exchange is {control.mode.value.replace('_', '-')}: {_MEANINGS[control.mode]}.")
    show_details(
        open_console(),
        [
            ("probability", f"{control.probability:g}" if faulty and control.probability < 1 else None),
            ("delay", f"{control.delay:g} s" if control.mode in _SLOW else None),
            ("requests until normal", str(control.count) if faulty and control.count else None),
            ("only for", ", ".join(control.operations) if control.operations != defaults.operations else None),
            ("refuses", ", ".join(control.refuse) or None),
        ],
    )
    if faulty:
        typer.echo("`rialto exchange normal` ends it.")
