"""Arguments and options that several commands have."""

import re
from decimal import Decimal
from random import Random
from typing import Annotated

import typer

from rialto_client.calls.base import check_key

_LARGEST_ID = 2**53 - 1
_PRICE = re.compile(r"\d{1,40}(\.\d{0,2})?|\.\d{1,2}", re.ASCII)

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for other programs.")]
Seed = Annotated[int | None, typer.Option(help="Draw the same again with the same seed.", show_default="another")]


def random_from(seed: int | None) -> Random:
    """Return what draws at random, by the seed if there is one."""
    return Random(seed)  # noqa: S311 - what it draws hides nothing


def _checked(key: str | None) -> str | None:
    try:
        return None if key is None else check_key(key)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_price(text: str) -> Decimal:
    """Return a price, to the last digit."""
    price = Decimal(text) if _PRICE.fullmatch(text) else Decimal(0)
    if not price:
        raise typer.BadParameter(f"{text!r} is no price: a number above 0 with at most 2 decimals, such as 101.25.")
    return price


Key = Annotated[
    str | None,
    typer.Option(callback=_checked, help="The same key never does it twice.", show_default="a new one"),
]
User = Annotated[
    int,
    typer.Option(envvar="RIALTO_USER", min=0, max=_LARGEST_ID, help="Who: the number of a user.", show_default=False),
]
AnyUser = Annotated[
    int | None,
    typer.Option(envvar="RIALTO_USER", min=0, max=_LARGEST_ID, help="Whose.", show_default="everybody's"),
]
Artwork = Annotated[
    int,
    typer.Argument(metavar="ARTWORK", min=0, max=_LARGEST_ID, help="The number of an artwork.", show_default=False),
]
Price = Annotated[
    Decimal,
    typer.Argument(metavar="PRICE", parser=parse_price, help="With at most 2 decimals.", show_default=False),
]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="The id of an order.", show_default=False)]
