"""After the last fault: what stands still though nobody will ever come for it, and how all else comes to rest."""

import json
from functools import partial
from typing import Any

from tests.simulation.checks import Violation
from tests.simulation.checks.base import Row, plain_row
from tests.simulation.checks.market import crossed_pair
from tests.simulation.gateway import Client, run_operator
from tests.simulation.scheduler import SECOND
from tests.simulation.sources import Sources
from tests.simulation.workload import QUEUES
from tests.simulation.world import World

REST = [60, 60, 60, 120, 300, 600, 900, 900, 900, 1800, 3600, 3600, 7200, 14400, 86_400, 14 * 86_400, 60, 60, 900, 3600]
"""Seconds between the steps in which a history comes to rest: it must be at rest at the end of them."""
LOOKS = 30
"""Times that it is looked whether bridges have carried everything."""
PATIENCE = 120
"""Seconds that bridges which live on have for what they missed."""
CATCH_UP = 60
"""Seconds that new bridges have for it."""
LOSSES = ("stream.lost", "stream.given_up", "message.lost")
Item = dict[str, Any]


def find_forgotten(world: World, sources: Sources) -> Violation | None:
    """Return what nobody will come for, before sweeps and other bridges hide that."""
    return _uncarried(world) or _left_to_the_sweep(world, sources)


def come_to_rest(world: World, sources: Sources) -> int:
    """Let the world be well, with sweeps and redrives; return the seconds until nothing waited any more."""
    begin = world.scheduler.now
    for number, seconds in enumerate(REST):
        if number > 1 and _is_at_rest(world, sources):
            break
        sources.sweep()
        _let_pass(world, 5)
        for queue in QUEUES:
            run_operator(world, partial(_redrive, queue))
        _let_pass(world, seconds)
        _have_bridges(world)
    return (world.scheduler.now - begin) // SECOND


def nothing_waits(world: World, sources: Sources) -> bool:
    """Tell whether nothing is on its way, and nobody waits for anything."""
    waiting = any(order["status"]["S"].startswith("PENDING") for order in _orders(world).values())
    waiting = waiting or not _knows_all_reports(world) or not (_is_carried(world) or not world.venue.orders)
    is_open = any(not signal["is_complete"]["BOOL"] for signal in world.account.dynamodb.tables["Signals"].items())
    return sources.are_quiet and not world.running and not waiting and not is_open


def _is_at_rest(world: World, sources: Sources) -> bool:
    """Tell whether nothing waits, and nothing is left to be found by the sweep of the books."""
    return nothing_waits(world, sources) and _crossed_pair(world) is None


# --- What nobody will come for ----------------------------------------------------------------------------------------


def _uncarried(world: World) -> Violation | None:
    """Return what live bridges leave where it is though all is well: another one would read it again, and hide that."""
    if not world.venue.trades:
        return None
    _wait_until_carried(world, PATIENCE)
    is_stuck = not _is_carried(world) and bool(world.venue.orders)
    _stop_bridges(world)
    return Violation("nothing waits for another bridge", "reports are not carried") if is_stuck else None


def _left_to_the_sweep(world: World, sources: Sources) -> Violation | None:
    """Return what has no message any more though none was lost: then the sweep would be all that remembers it."""
    if any(world.faults.counts[kind] for kind in LOSSES):
        return None
    _let_pass(world, 400)
    bodies = [message.body for queue in world.account.sqs.queues.values() for message in queue.messages]
    for order_id, order in _orders(world).items():
        if order["status"]["S"].startswith("PENDING") and not any(order_id in body for body in bodies):
            return Violation("nothing is forgotten", f"order {order_id} waits without a message")
    if (unapplied := _unapplied(world, bodies)) is not None:
        return Violation("nothing is forgotten", f"nobody applies the reports of order {unapplied}")
    pair = _crossed_pair(world)
    if pair is not None and not any("artwork_id" in body for body in bodies) and sources.are_handed_over:
        return Violation("nothing is forgotten", f"nobody will match {pair}")
    return None


def _unapplied(world: World, bodies: list[str]) -> str | None:
    """Return an order of which a report came into the queue, was not applied, and is in no message any more."""
    orders = _orders(world)
    for message in world.history.queued:
        if message.queue != "Reports.fifo":
            continue
        for report in json.loads(message.body)["reports"]:
            order = orders.get(report["client_order_id"])
            if report["exec_id"].startswith("P") or order is None:
                continue
            is_applied = report["order_seq"] <= _newest_report(order)
            if not is_applied and not any(report["client_order_id"] in body for body in bodies):
                return str(report["client_order_id"])
    return None


# --- Reports ----------------------------------------------------------------------------------------------------------


def _knows_all_reports(world: World) -> bool:
    """Tell whether every order of ours stands where the exchange's last report has it."""
    orders = _orders(world)
    return all(
        order.order_seq == _newest_report(orders[order_id])
        for order_id, order in world.venue.orders.items()
        if order.order_seq
    )


def _is_carried(world: World) -> bool:
    """Tell whether the checkpoint is behind all that the exchange reported, if it does."""
    if not world.venue.trades:
        return True
    rows = world.account.dynamodb.tables["Operations"].items()
    leads: Item = next((row for row in rows if row["name"]["S"] == "bridge"), {})
    log = world.venue.log
    return leads.get("session") == {"S": log.session} and leads["seq"] == {"N": str(log.last)}


def _have_bridges(world: World) -> None:
    """Have bridges for as long as there is something to carry: for days of nothing they would be all that happens."""
    if world.venue.trades:
        world.bridges.start()
        _wait_until_carried(world, CATCH_UP)
        _stop_bridges(world)


def _wait_until_carried(world: World, most: int) -> None:
    for _ in range(LOOKS):
        _let_pass(world, most // LOOKS)
        if _is_carried(world):
            break


def _stop_bridges(world: World) -> None:
    world.bridges.stop()
    _let_pass(world, 6)


def _let_pass(world: World, seconds: int) -> None:
    world.scheduler.run(world.scheduler.now + seconds * SECOND)


def _redrive(queue: str, client: Client) -> None:
    client.post("/operations/dead-letters/redrive", {"queue": queue})


# --- A look into the tables -------------------------------------------------------------------------------------------


def _orders(world: World) -> dict[str, Item]:
    """Return the broker's orders."""
    return {item["order_id"]["S"]: item for item in world.account.dynamodb.tables["BrokerOrders"].items()}


def _newest_report(order: Item) -> int:
    """Return the number of the newest report that was applied to an order, 0 if none was."""
    return int(order.get("vs", {"N": "0"})["N"])


def _crossed_pair(world: World) -> tuple[Row, Row] | None:
    """Return two offers that should have been matched, None if there are none."""
    return crossed_pair([plain_row(item) for item in world.account.dynamodb.tables["MarketOrders"].items()])
