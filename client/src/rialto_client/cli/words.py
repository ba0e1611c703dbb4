"""Amounts, moments and names as people read them."""

from datetime import datetime
from decimal import Decimal

from rich.text import Text

_CENTS = 2
_STYLES = {
    "NEW": "green",
    "PARTIALLY_FILLED": "green",
    "FILLED": "green",
    "ACCEPTED": "green",
    "PENDING_NEW": "cyan",
    "PENDING_CANCEL": "cyan",
    "OPEN": "cyan",
    "CANCELED": "yellow",
    "REJECTED": "yellow",
    "EXPIRED": "yellow",
    "ERROR": "red",
}


def plain(text: str) -> str:
    """Return the text without what would move the cursor of a terminal: it may be anybody's."""
    return "".join(character if character.isprintable() else " " for character in text)


def money(amount: Decimal | float) -> str:
    """Return an amount with its cents, and with all further digits that it has."""
    # A float's shortest digits are those it came with.
    exact = Decimal(str(amount)).normalize()
    exponent = exact.as_tuple().exponent
    return format(exact, f".{max(_CENTS, -exponent if isinstance(exponent, int) else 0)}f")


def moment(at: datetime) -> str:
    """Return a moment in local time."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief(at: datetime) -> str:
    """Return a moment in local time, without the year if it is this one."""
    local = at.astimezone()
    return moment(at) if local.year != datetime.now().astimezone().year else local.strftime("%m-%d %H:%M:%S")


def seconds(duration: float) -> str:
    """Return a duration in the largest unit of which there is at least one."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if duration >= length:
            return f"{duration / length:.1f} {unit}"
    return f"{duration:.1f} s"


def status(name: str | None) -> Text:
    """Return a status in its colour."""
    return Text(plain(name or ""), _STYLES.get(name or "", ""))
