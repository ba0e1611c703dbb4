"""`rialto market`: the art market."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rialto_client.cli.boundary import Failure
from rialto_client.cli.examples import examples
from rialto_client.cli.lists import All, Limit, Listing, read_extent, show_list
from rialto_client.cli.options import AnyUser, Artwork, Json, Key, Order, Price, User
from rialto_client.cli.screen import open_console, show_details, show_line
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.target import Target
from rialto_client.cli.words import brief, money, plain
from rialto_client.models import (
    ArtworkViewRequest,
    ArtworkViewResponse,
    Book,
    CancelOrderRequest,
    Direction,
    ExecutedTransaction,
    OrderPageRequest,
    OrderPageResponse,
    OrderRequest,
    OrderState,
    Sort,
    TransactionPageRequest,
    TransactionPageResponse,
)
from rialto_client.models import Listing as Offer

app = typer.Typer(name="market", no_args_is_help=True, help="Buy and sell works of art.")

FOR_SALE: Listing[ArtworkViewRequest, ArtworkViewResponse, Offer] = Listing(
    lambda client: client.view_artworks,
    lambda page: page.artworks,
    (
        Column("artwork", lambda row: row.artwork_id, Kind.NUMBER),
        Column("price", lambda row: money(row.price), Kind.NUMBER),
        Column("title", lambda row: row.title),
        Column("artist", lambda row: row.artist),
        Column("listed", lambda row: brief(row.listed_at), Kind.FIXED),
        Column("seller", lambda row: row.user_id, Kind.NUMBER, optional=True),
        Column("order", lambda row: row.order_id, Kind.ID, optional=True),
    ),
    "Nothing is for sale. `rialto market sell ARTWORK PRICE --user N` offers a work.",
)
OPEN_ORDERS: Listing[OrderPageRequest, OrderPageResponse, OrderState] = Listing(
    lambda client: client.view_order_page,
    lambda page: page.orders,
    (
        Column("", lambda row: row.direction.value, Kind.FIXED),
        Column("artwork", lambda row: row.artwork_id, Kind.NUMBER),
        Column("price", lambda row: money(row.price), Kind.NUMBER),
        Column("user", lambda row: row.user_id, Kind.NUMBER),
        Column("since", lambda row: brief(row.created_at), Kind.FIXED),
        Column("order", lambda row: row.order_id, Kind.ID),
    ),
    "There are no open orders. What was completed is under `rialto market transactions`.",
)
TRANSACTIONS: Listing[TransactionPageRequest, TransactionPageResponse, ExecutedTransaction] = Listing(
    lambda client: client.view_transaction_page,
    lambda page: page.transactions,
    (
        Column("executed", lambda row: brief(row.executed_at), Kind.FIXED),
        Column("artwork", lambda row: row.artwork_id, Kind.NUMBER),
        Column("price", lambda row: money(row.price), Kind.NUMBER),
        Column("buy order", lambda row: row.buy_order_id, Kind.ID),
        Column("sell order", lambda row: row.sell_order_id, Kind.ID),
    ),
    "There are no transactions. What waits is under `rialto market orders`.",
)
_BOOK_SIDE: Sequence[Column[OrderState]] = (
    Column("price", lambda row: money(row.price), Kind.NUMBER),
    Column("user", lambda row: row.user_id, Kind.NUMBER),
    Column("since", lambda row: brief(row.created_at), Kind.FIXED),
    Column("order", lambda row: row.order_id, Kind.ID),
)
_SOLD: Sequence[Column[ExecutedTransaction]] = (
    Column("price", lambda row: money(row.price), Kind.NUMBER),
    Column("executed", lambda row: brief(row.executed_at), Kind.FIXED),
)


@app.command(
    epilog=examples(
        "rialto market browse",
        "rialto market browse --sort price_asc --limit 5",
        "rialto market browse --all --json > for-sale.jsonl",
    )
)
def browse(
    ctx: typer.Context,
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.NEWEST,
    limit: Limit = None,
    everything: All = False,
    as_json: Json = False,
) -> None:
    """Show what is for sale."""
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, FOR_SALE, ArtworkViewRequest(sort=sort), wanted, as_json=as_json)


@app.command(epilog=examples("rialto market show 42", "rialto market show 42 --json"))
def show(ctx: typer.Context, artwork: Artwork, as_json: Json = False) -> None:
    """Show an artwork: its open orders, best first, and its last transactions."""
    target: Target = ctx.obj
    book = target.ask(lambda client: client.view_book(artwork))
    if as_json:
        typer.echo(book.model_dump_json())
    else:
        _show_book(book, open_console())


def _show_book(book: Book, console: Console) -> None:
    name = f"{book.title or 'Untitled'}, by {book.artist or 'an unknown artist'}"
    show_line(console, Text(f"Artwork {book.artwork_id}: {plain(name)}", "bold"))
    show_details(console, [("", book.description or None), ("", book.image_url)])
    for heading, orders in (("For sale", book.asks), ("Wanted", book.bids)):
        typer.echo(f"\n{heading}:{'' if orders else ' nothing'}")
        Table(_BOOK_SIDE, console).add(orders)
    typer.echo(f"\nSold last:{'' if book.last_transactions else ' never'}")
    Table(_SOLD, console).add(book.last_transactions)


@app.command(
    epilog=examples(
        "rialto market sell 42 120.50 --user 1",
        "RIALTO_USER=1 rialto market sell 42 120.50 --key nocturne-1",
    )
)
def sell(
    ctx: typer.Context, artwork: Artwork, price: Price, user: User, key: Key = None, as_json: Json = False
) -> None:
    """Offer a work for a price.

    It goes to whoever bids as much, at the price of the order that was there first.
    """
    _send(ctx.obj, _request(user, artwork, price, Direction.SELL), key, as_json=as_json)


@app.command(
    epilog=examples(
        "rialto market buy 42 130 --user 2",
        "RIALTO_USER=2 rialto market buy 42 130 --json",
    )
)
def buy(ctx: typer.Context, artwork: Artwork, price: Price, user: User, key: Key = None, as_json: Json = False) -> None:
    """Bid a price for a work.

    If it is for sale for as much or less, it is yours a moment later, at the price it was offered for.
    """
    _send(ctx.obj, _request(user, artwork, price, Direction.BUY), key, as_json=as_json)


def _request(user: int, artwork: int, price: Decimal, direction: Direction) -> OrderRequest:
    return OrderRequest(user_id=user, artwork_id=artwork, price=float(price), direction=direction)


def _send(target: Target, request: OrderRequest, key: str | None, *, as_json: bool) -> None:
    order_id = target.ask(lambda client: client.send_order(request, idempotency_key=key)).order_id
    if as_json:
        typer.echo(json.dumps({"order_id": order_id, **request.model_dump(mode="json")}))
        return
    does = "bids" if request.direction is Direction.BUY else "asks"
    typer.echo(f"User {request.user_id} {does} {money(request.price)} for artwork {request.artwork_id}.")
    show_details(
        open_console(),
        [
            ("order", order_id),
            ("its trade", f"rialto market transactions --user {request.user_id}"),
            ("take it back", "rialto market cancel ORDER"),
        ],
    )


@app.command(epilog=examples("rialto market cancel 5f0c6a52-8a4e-4c5b-9d59-0f2f3f1f7a11"))
def cancel(ctx: typer.Context, order: Order, as_json: Json = False) -> None:
    """Take an order out of the market.

    Exit code 1: it was filled before.
    """
    target: Target = ctx.obj
    answer = target.ask(lambda client: client.cancel_order(CancelOrderRequest(order_id=order)))
    if as_json:
        typer.echo(answer.model_dump_json())
    elif answer.is_canceled:
        typer.echo("Canceled: it will never trade.")
    if not answer.is_canceled:
        raise Failure("" if as_json else "Too late: the order was filled. `rialto market transactions` has it.")


@app.command(
    epilog=examples("rialto market orders --user 1", "rialto market orders --all --json"),
)
def orders(
    ctx: typer.Context, user: AnyUser = None, limit: Limit = None, everything: All = False, as_json: Json = False
) -> None:
    """Show open orders, of a user or of everybody.

    A user's come earliest first, everybody's in no particular order.
    """
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, OPEN_ORDERS, OrderPageRequest(user_id=user), wanted, as_json=as_json)


@app.command(
    epilog=examples("rialto market transactions --user 2", "rialto market transactions --user 2 --all --json"),
)
def transactions(
    ctx: typer.Context, user: User, limit: Limit = None, everything: All = False, as_json: Json = False
) -> None:
    """Show what a user has bought and sold, newest first."""
    wanted = read_extent(ctx, limit, everything)
    show_list(ctx.obj, TRANSACTIONS, TransactionPageRequest(user_id=user), wanted, as_json=as_json)
