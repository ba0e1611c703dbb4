"""`rialto orders`: orders for the stock exchange."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rialto_client.broker import (
    BrokerOrder,
    BrokerOrderRequest,
    BrokerOrderViewRequest,
    BrokerOrderViewResponse,
    OrderStatus,
    TimelineEntry,
)
from rialto_client.cli.boundary import Failure
from rialto_client.cli.examples import examples
from rialto_client.cli.lists import All, Limit, Listing, read_extent, show_list
from rialto_client.cli.options import Json, Key, Order, parse_price
from rialto_client.cli.screen import open_console, show_details, show_line
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.target import Target
from rialto_client.cli.waiting import patiently
from rialto_client.cli.watching import follow_events, showing_events
from rialto_client.cli.words import brief, moment, money, status
from rialto_client.client import Client
from rialto_client.models import Direction

app = typer.Typer(name="orders", no_args_is_help=True, help="Place orders at the stock exchange.")

_WORKING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
_LONGEST_STATUS, _LONGEST_CAUSE = 14, 16


@dataclass(frozen=True)
class Step:
    """An entry of a timeline, which began at ``start``."""

    entry: TimelineEntry
    start: datetime

    @property
    def after(self) -> str:
        """How long after the start it was."""
        return f"+{(self.entry.at - self.start).total_seconds():.1f} s"


ORDERS: Listing[BrokerOrderViewRequest, BrokerOrderViewResponse, BrokerOrder] = Listing(
    lambda client: client.view_broker_orders,
    lambda page: page.orders,
    (
        Column("accepted", lambda row: brief(row.created_at), Kind.FIXED),
        Column("status", lambda row: status(row.status.value), Kind.FIXED),
        Column("side", lambda row: row.side.value, Kind.FIXED),
        Column("quantity", lambda row: row.quantity, Kind.NUMBER),
        Column("instrument", lambda row: row.instrument),
        Column("limit", lambda row: None if row.limit_price is None else money(row.limit_price), Kind.NUMBER),
        Column("order", lambda row: row.id, Kind.ID),
    ),
    "There are no such orders. `rialto orders place buy US0378331005 10` places one.",
)
TIMELINE = (
    Column[Step]("at", lambda row: brief(row.entry.at), Kind.FIXED),
    Column[Step]("after", lambda row: row.after, Kind.NUMBER, least=8),
    Column[Step]("what", lambda row: row.entry.cause, Kind.FIXED, least=_LONGEST_CAUSE),
    Column[Step]("status", lambda row: status(row.entry.status.value), Kind.FIXED, least=_LONGEST_STATUS),
    Column[Step]("attempt", lambda row: row.entry.attempt, Kind.NUMBER),
    Column[Step]("ms", lambda row: row.entry.latency_ms, Kind.NUMBER, least=5),
)


@app.command(
    epilog=examples(
        "rialto orders place buy US0378331005 10 --wait",
        "rialto orders place sell DE0007164600 5 --limit-price 120.50",
        "rialto orders place buy US0378331005 10 --key monday-1 --json",
    )
)
def place(
    ctx: typer.Context,
    side: Annotated[
        Direction, typer.Argument(metavar="BUY|SELL", case_sensitive=False, help="Which side.", show_default=False)
    ],
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="12 characters, an ISIN.", show_default=False)
    ],
    quantity: Annotated[int, typer.Argument(metavar="QUANTITY", min=1, help="How many.", show_default=False)],
    limit_price: Annotated[
        Decimal | None,
        typer.Option(metavar="PRICE", parser=parse_price, help="At this price or better.", show_default="at market"),
    ] = None,
    key: Key = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until the exchange has answered.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 60,
    as_json: Json = False,
) -> None:
    """Place an order.

    Once it is accepted, its placement is guaranteed: with --wait it is followed until it is NEW or final.
    Exit code 1 with --wait: it was not placed, or not yet.
    """
    request = BrokerOrderRequest(side=side, instrument=instrument, quantity=quantity, limit_price=limit_price)
    target: Target = ctx.obj
    order = target.ask(lambda client: client.place_broker_order(request, idempotency_key=key))
    if not as_json:
        typer.echo(f"Accepted: {_terms(order)}.")
        next_step = None if wait else f"rialto orders timeline {order.id}"
        show_details(open_console(), [("order", order.id), ("follow it", next_step)])
    elif not wait:
        typer.echo(order.model_dump_json())
    if wait:
        _wait(target, order, timeout, as_json=as_json)


def _wait(target: Target, order: BrokerOrder, timeout: float, *, as_json: bool) -> None:
    """Follow an order, and show what becomes of it; as JSON it is shown once, whatever comes in between."""
    table = Table(TIMELINE, open_console())
    seen = order

    async def run(client: Client) -> BrokerOrder:
        async for new in follow(client, order.id, timeout):
            if not as_json:
                table.add(new)
        return await client.view_broker_order(order.id)

    try:
        seen = target.ask(run)
    finally:
        if as_json:
            typer.echo(seen.model_dump_json())
    if seen.status.is_pending:
        raise Failure(
            f"It is {seen.status} after {timeout:g} s: the exchange has not answered yet, and is asked until it has. "
            f"`rialto orders timeline {seen.id}` tells how far it is."
        )
    if seen.status not in _WORKING:
        raise Failure(f"It is {seen.status}{f': {seen.reject_reason}' if seen.reject_reason else ''}.")


async def follow(client: Client, order_id: str, within: float) -> AsyncIterator[list[Step]]:
    """Yield an order's steps as they come, until the exchange has answered or the time is up."""
    timelines = client.follow_broker_order(order_id, within=within)
    seen = 0
    start: datetime | None = None
    while (timeline := await patiently(anext(timelines, None), "waiting for the exchange")) is not None:
        new = timeline.entries[seen - timeline.count :]
        seen = timeline.count
        start = start or new[0].at
        yield [Step(entry, start) for entry in new]


@app.command(epilog=examples("rialto orders show 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11"))
def show(ctx: typer.Context, order: Order, as_json: Json = False) -> None:
    """Show an order."""
    target: Target = ctx.obj
    found = target.ask(lambda client: client.view_broker_order(order))
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show_order(found, open_console())


def _show_order(order: BrokerOrder, console: Console) -> None:
    at_price = f" at {money(order.avg_px)}" if order.avg_px is not None else ""
    show_line(console, Text(f"Order {order.id}", "bold"))
    show_details(
        console,
        [
            ("status", status(order.status.value)),
            ("reason", order.reject_reason),
            ("terms", _terms(order)),
            ("filled", f"{order.cum_qty} of {order.quantity}{at_price}"),
            ("accepted", moment(order.created_at)),
            ("placed", moment(order.placed_at) if order.placed_at else None),
            ("user", order.user),
            ("strategy", order.strategy),
            ("signal", order.signal_id),
        ],
    )


def _terms(order: BrokerOrder) -> str:
    price = "at market" if order.limit_price is None else f"limit {money(order.limit_price)}"
    return f"{order.side.value} {order.quantity} {order.instrument}, {price}"


@app.command(
    "list",
    epilog=examples(
        "rialto orders list",
        "rialto orders list --status PENDING_NEW --limit 5",
        "rialto orders list --all --json > orders.jsonl",
    ),
)
def list_orders(
    ctx: typer.Context,
    only: Annotated[
        OrderStatus | None,
        typer.Option("--status", case_sensitive=False, help="Only those that stand so.", show_default="any"),
    ] = None,
    limit: Limit = None,
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Show the orders, newest first."""
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, ORDERS, BrokerOrderViewRequest(status=only), wanted, as_json=as_json)


@app.command(epilog=examples("rialto orders timeline 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11"))
def timeline(ctx: typer.Context, order: Order, as_json: Json = False) -> None:
    """Show what became of an order: its last transitions and attempts."""
    target: Target = ctx.obj
    found = target.ask(lambda client: client.view_timeline(order))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    console = open_console()
    if found.count > len(found.entries):
        typer.echo(f"The last {len(found.entries)} of {found.count} steps:")
    Table(TIMELINE, console).add(Step(entry, found.entries[0].at) for entry in found.entries)
    show_details(
        console,
        [
            ("next attempt", moment(found.next_attempt_at) if found.next_attempt_at else None),
            ("dead letter since", moment(found.dead_lettered_at) if found.dead_lettered_at else None),
        ],
    )


@app.command(
    epilog=examples(
        "rialto orders watch",
        "rialto orders watch 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11 --until-final",
        "rialto orders watch --json > events.jsonl",
    )
)
def watch(
    ctx: typer.Context,
    orders: Annotated[
        list[str] | None,
        typer.Argument(metavar="ORDER", help="Ids of orders, at most 100.", show_default="the newest 100"),
    ] = None,
    until_final: Annotated[
        bool, typer.Option("--until-final", help="End when nothing can happen to the named orders any more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Watch orders, and show every step as it comes.

    What was missed is told. Ctrl-C ends it, with exit code 130.
    """
    wanted = frozenset(orders or ())
    if until_final and not wanted:
        raise typer.BadParameter("new orders have no end: name those to wait for.", ctx=ctx, param_hint="--until-final")
    target: Target = ctx.obj

    async def run(client: Client) -> None:
        with showing_events(open_console(), as_json=as_json) as show:
            async for event in follow_events(client, wanted, until_final=until_final):
                show(event)

    try:
        target.ask(run)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command(epilog=examples("rialto orders cancel 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11"))
def cancel(ctx: typer.Context, order: Order, as_json: Json = False) -> None:
    """Cancel an order.

    CANCELED: it was never sent. PENDING_CANCEL: the exchange decides.
    """
    target: Target = ctx.obj
    found = target.ask(lambda client: client.cancel_broker_order(order))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    show_line(open_console(), Text("It is ") + status(found.status.value) + Text("."))
    if found.status is OrderStatus.PENDING_CANCEL:
        show_details(open_console(), [("follow it", f"rialto orders timeline {found.id}")])
