"""What clients want of the three markets at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Event

from tests.chaos.client import Client, Errand, Record
from tests.simulation.history import Request

ARTWORKS, COLLECTORS = range(1, 25), range(1, 31)
ISINS = ("DE0007664039", "US0378331005", "FR0000120271")
USERS = tuple(f"Trader {number}" for number in range(1, 13))
STRATEGIES = ("Momentum", "Reversal", "Carry", "Pairs")
INSTRUMENTS = ("ACC", "L&T", "MINDA", "INFY", "NTPC")
RECENT = 30
"""How far back a client looks for something to cancel or to look at."""


@dataclass
class Known:
    """What clients have been told of, by market; and numbers that nobody had before."""

    orders: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)


Program = Callable[[Client, Known], None]


def submit_order(client: Client, known: Known) -> None:
    """Send an order to the broker, and cancel some of them at once or a little later."""
    dice = client.dice
    kind = dice.choice(["market", "limit"])
    price = {"limit_price": dice.randint(6_000, 14_000) / 100} if kind == "limit" else {}
    order = {"type": kind, "side": dice.choice(["buy", "sell"]), "instrument": dice.choice(ISINS)}
    answer = client.post("/orders", {**order, "quantity": dice.randint(1, 90), **price}, _key(known))
    if answer.status == 201:
        known.orders.append(answer.content["id"])
        if dice.random() < 0.3:
            client.over.wait(dice.choice([0.0, 0.3, 1.5]))
            client.post(f"/orders/{answer.content['id']}/cancel")


def look_at_orders(client: Client, known: Known) -> None:
    """Look at an order and its timeline, and at the list."""
    if known.orders:
        client.get(f"/orders/{_recent(known.orders, client.dice)}")
        client.get(f"/orders/{_recent(known.orders, client.dice)}/timeline")
    client.get("/orders?limit=20")


def cancel_order(client: Client, known: Known) -> None:
    """Cancel somebody's order."""
    if known.orders:
        client.post(f"/orders/{_recent(known.orders, client.dice)}/cancel")


def offer(client: Client, known: Known) -> None:
    """Offer to buy or sell a work near its price: most offers meet another."""
    dice = client.dice
    work = {"user_id": dice.choice(COLLECTORS), "artwork_id": dice.choice(ARTWORKS)}
    terms = {"price": dice.randint(950, 1050) / 100, "direction": dice.choice(["buy", "sell"])}
    answer = client.post("/market/orders", {**work, **terms}, _key(known))
    if answer.status == 201:
        known.offers.append(answer.content["order_id"])
        if dice.random() < 0.15:
            client.post(f"/market/orders/{answer.content['order_id']}/cancel")


def cancel_offer(client: Client, known: Known) -> None:
    """Cancel one of the last offers, whosever it is."""
    if known.offers:
        client.post(f"/market/orders/{_recent(known.offers, client.dice)}/cancel")


def look_at_market(client: Client, known: Known) -> None:
    """Look at an offer, at a book, and at a user's transactions."""
    if known.offers:
        client.get(f"/market/orders/{_recent(known.offers, client.dice)}")
    client.get(f"/market/artworks/{client.dice.choice(ARTWORKS)}")
    client.get(f"/market/transactions?user_id={client.dice.choice(COLLECTORS)}")


def send_signal(client: Client, known: Known) -> None:
    """Send a signal by one of the two routes."""
    dice = client.dice
    terms = {"strategy": dice.choice(STRATEGIES), "instrument": dice.choice(INSTRUMENTS)}
    terms["position"] = dice.choice(["BUY", "BUY", "SELL"])
    if dice.random() < 0.7:
        answer, name = client.post("/signals", terms, _key(known)), "signal_id"
    else:
        body = {name.upper(): value for name, value in terms.items()}
        answer, name = client.post("/create_order", body, _key(known)), "ORDER_ID"
    if answer.status == 200:
        known.signals.append(answer.content[name])


def replace_profiles(client: Client, known: Known) -> None:
    """Put other profiles in force."""
    client.run(Errand("PUT", "/strategies/profiles", draw_profiles(client.dice), None))


def look_at_strategies(client: Client, known: Known) -> None:
    """Look at positions and log, and at a signal."""
    client.get(f"/positions?user={client.dice.choice(USERS)}")
    client.get("/order-log?limit=20")
    if known.signals:
        client.get(f"/signals/{_recent(known.signals, client.dice)}")


def draw_profiles(dice: Random) -> dict[str, dict[str, list[str]]]:
    """Return profiles of most users."""
    return {
        user: {
            strategy: sorted(dice.sample(INSTRUMENTS, dice.randint(1, 4)))
            for strategy in dice.sample(STRATEGIES, dice.randint(1, 3))
        }
        for user in dice.sample(USERS, dice.randint(6, len(USERS)))
    }


MARKETS: dict[str, tuple[int, dict[Program, int]]] = {
    "art market": (3, {offer: 12, cancel_offer: 3, look_at_market: 2}),
    "broker": (2, {submit_order: 6, cancel_order: 2, look_at_orders: 1}),
    "strategies": (2, {send_signal: 20, replace_profiles: 1, look_at_strategies: 2}),
}
"""How many clients each market has, and what they do how often."""


@dataclass
class Crowd:
    """All clients at work; :meth:`leave` lets each end what it is at."""

    record: Record
    over: Event
    running: list[Future[None]]

    def leave(self) -> None:
        """Stop, and raise what a client did not expect."""
        self.over.set()
        for future in self.running:
            future.result()


@contextmanager
def crowd(url: str, seed: int, pause: float) -> Iterator[Crowd]:
    """Let clients at the platform, each with ``pause`` seconds between two errands at most."""
    record, over, known = Record(), Event(), Known()
    names = [(market, number) for market, (size, _) in MARKETS.items() for number in range(1, size + 1)]
    with ThreadPoolExecutor(len(names)) as pool:
        running = [
            pool.submit(_work, market, _client(market, number, url, seed, record, over), known, pause)
            for market, number in names
        ]
        try:
            yield Crowd(record, over, running)
        finally:
            over.set()


def settle(url: str, record: Record) -> list[Errand]:
    """Ask once more, now that nothing is broken, for what nobody was told of; return what is still open."""
    client = Client("settling", url, Random(0), record, Event())
    open_errands, record.unsettled = record.unsettled, []
    try:
        for errand in open_errands:
            client.run(errand)
    finally:
        client.close()
    return record.unsettled


def _client(market: str, number: int, url: str, seed: int, record: Record, over: Event) -> Client:
    name = f"{market} {number}"
    return Client(name, url, Random(f"{seed} {name}"), record, over)


def _work(market: str, client: Client, known: Known, pause: float) -> None:
    programs = MARKETS[market][1]
    try:
        if market == "strategies":
            replace_profiles(client, known)
        while not client.over.wait(client.dice.uniform(0, pause)):
            (program,) = client.dice.choices(list(programs), list(programs.values()))
            program(client, known)
    finally:
        client.close()


def _key(known: Known) -> str:
    return f"chaos-{next(known.numbers)}"


def _recent(ids: list[str], dice: Random) -> str:
    return dice.choice(ids[-RECENT:])


def market_of(request: Request) -> str:
    """Return the market whose client sent a request."""
    return request.client.rstrip("0123456789 ")
