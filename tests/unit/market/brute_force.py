"""The rules of the art market, written down as slowly and as plainly as they read. Knows nothing of the book."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Offer:
    """One piece that a user offers to buy or to sell."""

    name: str
    user: int
    direction: str
    price: Decimal
    at: str


@dataclass(frozen=True)
class Deal:
    """Who rested, who came, and for how much."""

    rested: str
    came: str
    price: Decimal


def match(one: Offer, other: Offer) -> bool:
    """Tell whether two offers match: opposite directions, different users, the buyer pays what the seller wants."""
    if one.direction == other.direction or one.user == other.user:
        return False
    buy, sell = (one, other) if one.direction == "buy" else (other, one)
    return buy.price >= sell.price


def is_preferred(one: Offer, other: Offer) -> bool:
    """Tell whether whoever meets both takes the first: the better price for the one who comes, then the earlier."""
    if one.price != other.price:
        return one.price < other.price if one.direction == "sell" else one.price > other.price
    return (one.at, one.name) < (other.at, other.name)


def any_match(offers: Iterable[Offer]) -> bool:
    """Tell whether any two of the offers match."""
    listed = list(offers)
    return any(match(one, other) for one in listed for other in listed)


class Market:
    """Offers that came and still wait, and the deals that came about."""

    def __init__(self) -> None:
        self.waiting: list[Offer] = []
        self.deals: list[Deal] = []

    def come(self, offer: Offer) -> None:
        """Let an offer come, after all that came before."""
        chosen: Offer | None = None
        for rested in self.waiting:
            if match(rested, offer) and (chosen is None or is_preferred(rested, chosen)):
                chosen = rested
        if chosen is None:
            self.waiting.append(offer)
        else:
            self.waiting.remove(chosen)
            self.deals.append(Deal(chosen.name, offer.name, chosen.price))

    def cancel(self, name: str) -> None:
        """Take an offer away, if it still waits."""
        self.waiting = [offer for offer in self.waiting if offer.name != name]


def deals_of(offers: Iterable[Offer]) -> list[Deal]:
    """Return the deals when all the offers come one by one, the earliest first."""
    market = Market()
    for offer in sorted(offers, key=lambda offer: (offer.at, offer.name)):
        market.come(offer)
    return market.deals
