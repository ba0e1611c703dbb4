"""`rialto positions` and `rialto log`: what the strategies' users hold, and what they held."""

from typing import Annotated

import typer

from rialto_client.cli.examples import examples
from rialto_client.cli.lists import All, Limit, Listing, read_extent, show_list
from rialto_client.cli.options import Json
from rialto_client.cli.table import Column, Kind
from rialto_client.cli.words import brief, status
from rialto_client.strategies import (
    OpenPosition,
    OrderLogViewRequest,
    OrderLogViewResponse,
    PositionViewRequest,
    PositionViewResponse,
    RoundTrip,
)

app = typer.Typer()

UserName = Annotated[str | None, typer.Option(help="Only this user's; quote 'Holland Proctor'.", show_default="any")]
StrategyName = Annotated[str | None, typer.Option(help="Only this strategy's.", show_default="any")]

POSITIONS: Listing[PositionViewRequest, PositionViewResponse, OpenPosition] = Listing(
    lambda client: client.view_positions,
    lambda page: page.positions,
    (
        Column("user", lambda row: row.user),
        Column("strategy", lambda row: row.strategy),
        Column("instrument", lambda row: row.instrument),
        Column("opened", lambda row: brief(row.opened_at), Kind.FIXED),
        Column("order status", lambda row: status(row.order_status), Kind.FIXED),
        Column("order", lambda row: row.order_id, Kind.ID),
        Column("signal", lambda row: row.signal_id, Kind.ID, optional=True),
    ),
    "There are no such positions. `rialto log` has those that were closed.",
)
ORDER_LOG: Listing[OrderLogViewRequest, OrderLogViewResponse, RoundTrip] = Listing(
    lambda client: client.view_order_log,
    lambda page: page.entries,
    (
        Column("user", lambda row: row.user),
        Column("strategy", lambda row: row.strategy),
        Column("instrument", lambda row: row.instrument),
        Column("bought", lambda row: brief(row.bought_at), Kind.FIXED),
        Column("sold", lambda row: brief(row.sold_at), Kind.FIXED),
        Column("sold by", lambda row: row.closed_by, optional=True),
        Column("sell signal", lambda row: row.sell_signal_id, Kind.ID, optional=True),
        Column("buy signal", lambda row: row.buy_signal_id, Kind.ID, optional=True),
    ),
    "The log has no such entries. `rialto positions` has those that are open.",
)


@app.command(
    epilog=examples(
        "rialto positions",
        "rialto positions --strategy STRATEGY_B --instrument 'L&T'",
        "rialto positions --user 'Holland Proctor' --all --json",
    )
)
def positions(
    ctx: typer.Context,
    user: UserName = None,
    strategy: StrategyName = None,
    instrument: Annotated[str | None, typer.Option(help="Only in this instrument.", show_default="any")] = None,
    limit: Limit = None,
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Show the open positions of the strategies' users."""
    wanted = read_extent(ctx, limit, everything)
    request = PositionViewRequest(user=user, strategy=strategy, instrument=instrument)
    show_list(ctx.obj, POSITIONS, request, wanted, as_json=as_json)


@app.command(
    epilog=examples(
        "rialto log",
        "rialto log --user 'Holland Proctor' --limit 5",
        "rialto log --strategy STRATEGY_B --all --json > log.jsonl",
    )
)
def log(
    ctx: typer.Context,
    user: UserName = None,
    strategy: StrategyName = None,
    limit: Limit = None,
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Show the positions that were closed, newest first: bought and sold when, and by which signals."""
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, ORDER_LOG, OrderLogViewRequest(user=user, strategy=strategy), wanted, as_json=as_json)
