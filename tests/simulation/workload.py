"""What clients do in a history: small programs, each with its own dice, so that one may be left out without the others
becoming different."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.gateway import Client

ISINS = ["DE0007664039", "US0378331005"]
USERS = ["Anne", "Ben", "Cleo", "Émile"]
STRATEGIES, INSTRUMENTS = ["A", "B", "C"], ["L&T", "ACC"]
QUEUES = ["placements", "hand-over", "match-retries", "match", "reports", "report-retries"]
Body = dict[str, Any]


@dataclass
class Known:
    """What clients have heard of."""

    keys: int
    """Different keys that there are."""
    orders: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)


Program = Callable[[Client, Known], None]


# --- The broker -------------------------------------------------------------------------------------------------------


def submit_order(client: Client, known: Known) -> None:
    """Send an order; most have a key, and the same key mostly means the same order."""
    key = _draw_key(client, known)
    body = _order(Random(f"order {key}") if key else client.dice)
    if key and _reuses_key(client):
        body = {**body, "quantity": body["quantity"] + 1}
    answer = client.post("/orders", body, key)
    if answer.status == 201:
        known.orders.append(answer.content["id"])
        if client.dice.random() < 0.3:
            client.world.scheduler.sleep(client.dice.choice([0.0, 0.1, 0.6, 2.0]))
            client.post("/orders/{order_id}/cancel", order_id=answer.content["id"])


def cancel_order(client: Client, known: Known) -> None:
    """Cancel somebody's order."""
    if known.orders:
        client.post("/orders/{order_id}/cancel", order_id=client.dice.choice(known.orders))


def look_at_orders(client: Client, known: Known) -> None:
    """Look at an order and at the list."""
    if known.orders:
        client.get("/orders/{order_id}", order_id=client.dice.choice(known.orders))
        client.get("/orders/{order_id}/timeline", order_id=client.dice.choice(known.orders))
    client.get("/orders", {"limit": "5"})


def _order(dice: Random) -> Body:
    kind = dice.choice(["market", "limit"])
    price = {"limit_price": dice.choice([1, 10.25])} if kind == "limit" else {}
    instrument, side = dice.choice(ISINS), dice.choice(["buy", "sell"])
    return {"type": kind, "side": side, "instrument": instrument, "quantity": dice.randint(1, 9), **price}


# --- The art market ---------------------------------------------------------------------------------------------------


def offer(client: Client, known: Known) -> None:
    """Offer to buy or sell one of a few works, at one of a few prices: most offers meet another."""
    key = _draw_key(client, known)
    body = _offer(Random(f"offer {key}") if key else client.dice)
    if key and client.dice.random() < 0.2:
        # Another user's key, though it reads the same.
        body = {**body, "user_id": body["user_id"] % 3 + 1}
    if key and _reuses_key(client):
        body = {**body, "price": body["price"] + 1}
    answer = client.post("/market/orders", body, key)
    if answer.status == 201:
        known.offers.append(answer.content["order_id"])
        if client.dice.random() < 0.4:
            client.world.scheduler.sleep(client.dice.choice([0.0, 0.05, 0.3, 1.0]))
            client.post("/market/orders/{order_id}/cancel", order_id=answer.content["order_id"])


def cancel_offer(client: Client, known: Known) -> None:
    """Cancel one of the last offers, whosever it is."""
    if known.offers:
        client.post("/market/orders/{order_id}/cancel", order_id=client.dice.choice(known.offers[-4:]))


def look_at_market(client: Client, known: Known) -> None:
    """Look at an offer, at a book and at the lists."""
    if known.offers:
        client.get("/market/orders/{order_id}", order_id=client.dice.choice(known.offers))
    client.get("/market/artworks/{artwork_id}", artwork_id="7")
    client.get("/market/orders", {"user_id": "1"})
    client.get("/market/artworks", {"sort": client.dice.choice(["newest", "price_asc", "price_desc"])})
    client.get("/market/transactions", {"user_id": "2"})


def _offer(dice: Random) -> Body:
    user, artwork, price = dice.randint(1, 3), dice.choice([7, 7, 8]), dice.choice([9, 10, 10.5, 11])
    return {"user_id": user, "artwork_id": artwork, "price": price, "direction": dice.choice(["buy", "sell"])}


# --- Strategies -------------------------------------------------------------------------------------------------------


def send_signal(client: Client, known: Known) -> None:
    """Send a signal by one of the two routes."""
    key = _draw_key(client, known)
    dice = Random(f"signal {key}") if key else client.dice
    strategy, instrument, side = dice.choice(STRATEGIES), dice.choice(INSTRUMENTS), dice.choice(["BUY", "BUY", "SELL"])
    if key and client.dice.random() < 0.2:
        # A key is one for each strategy.
        strategy = STRATEGIES[STRATEGIES.index(strategy) - 1]
    if key and _reuses_key(client):
        side = {"BUY": "SELL", "SELL": "BUY"}[side]
    if dice.random() < 0.7:
        answer = client.post("/signals", {"strategy": strategy, "instrument": instrument, "position": side}, key)
        name = "signal_id"
    else:
        body = {"STRATEGY": strategy, "INSTRUMENT": instrument, "POSITION": side}
        answer = client.post("/create_order", body, key)
        name = "ORDER_ID"
    if isinstance(answer.content, dict) and name in answer.content:
        known.signals.append(answer.content[name])


def replace_profiles(client: Client, known: Known) -> None:
    """Put other profiles in force."""
    world = client.world
    if any(
        process.request and "position" in str(process.request.raw_body).lower() for process in world.running.values()
    ):
        world.faults.counts["profiles.replaced"] += 1
    users = client.dice.sample(USERS, client.dice.randint(1, len(USERS)))
    profiles = {
        user: {
            strategy: client.dice.sample(INSTRUMENTS, client.dice.randint(0, 2))
            for strategy in client.dice.sample(STRATEGIES, client.dice.randint(1, 3))
        }
        for user in users
    }
    client.send("PUT", "/strategies/profiles", profiles)


def look_at_strategies(client: Client, known: Known) -> None:
    """Look at positions, log, signals and profiles."""
    client.get("/positions", client.dice.choice([{}, {"user": "Anne"}, {"instrument": "ACC"}]))
    client.get("/order-log", client.dice.choice([{}, {"user": "Anne"}]))
    client.get("/strategies/profiles")
    client.get("/signals")
    if known.signals:
        client.get("/signals/{signal_id}", signal_id=client.dice.choice(known.signals))


# --- Operations -------------------------------------------------------------------------------------------------------


def redrive(client: Client, known: Known) -> None:
    """Take the dead letters of a queue back, as a person on call does, who sometimes is interrupted."""
    world = client.world
    if world.faults.draw(["redrive.interrupted"], client.dice, client.process.name):
        before = set(world.running)

        def interrupt() -> None:
            for name in sorted(world.running.keys() - before):
                if world.running[name].name.startswith("api_handler"):
                    world.kill(world.running[name], "redrive.interrupted")

        world.scheduler.after(client.dice.uniform(0.005, 0.06) * world.wire.pace, interrupt)
    client.post("/operations/dead-letters/redrive", {"queue": client.dice.choice(QUEUES)})


def look_at_operations(client: Client, known: Known) -> None:
    """Look at queues and letters, check the invariants, ask for health."""
    client.get("/operations/queues")
    client.get("/operations/dead-letters", {"queue": client.dice.choice(QUEUES)})
    client.post("/operations/invariants/run")
    client.get("/health")


THEMES: dict[str, dict[Program, int]] = {
    "broker": {submit_order: 8, cancel_order: 4, look_at_orders: 1, redrive: 2, look_at_operations: 1},
    "market": {offer: 12, cancel_offer: 5, look_at_market: 1, redrive: 1, look_at_operations: 1},
    "strategies": {send_signal: 10, replace_profiles: 2, look_at_strategies: 1, redrive: 1},
    "all": {
        **{submit_order: 3, cancel_order: 1, offer: 5, cancel_offer: 2, send_signal: 4, replace_profiles: 1},
        **{look_at_orders: 1, look_at_market: 1, look_at_strategies: 1, redrive: 1, look_at_operations: 1},
    },
}


def _draw_key(client: Client, known: Known) -> str | None:
    return f"key {client.dice.randint(1, known.keys)}" if client.dice.random() < 0.6 else None


def _reuses_key(client: Client) -> bool:
    return client.world.faults.draw(["client.reuses_key"], client.dice, client.process.name) is not None
