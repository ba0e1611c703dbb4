"""The use cases of operations: how full the queues are, what is in the dead letters, and moving them back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.queue import InvalidMessageError, read_body
from chalicelib.broker.store import OrderStore
from chalicelib.core.clock import Clock, format_timestamp
from chalicelib.core.errors import NotFoundError
from chalicelib.core.ids import is_id
from chalicelib.market.order import ArtworkId, MarketOrderId
from chalicelib.market.store import MarketStore
from chalicelib.operations.dead_letters import Letter, LetterBox, content_of
from chalicelib.operations.store import StateStore
from chalicelib.operations.sweep import oldest_unplaced
from chalicelib.strategies.listing import Filter
from chalicelib.strategies.listing import Listings as StrategyListings
from chalicelib.strategies.profiles import ProfileStore
from chalicelib.strategies.store import StrategyStore

PLACEMENTS = "placements"
HAND_OVER = "hand-over"
MATCH_RETRIES = "match-retries"
MATCH = "match"
REPORTS = "reports"
REPORT_RETRIES = "report-retries"
CatchUp = Callable[[], datetime | None]
"""Does what lost stream windows would have done; returns before which moment none is missing, None if one may be."""
MAX_REDRIVEN = 1_000
"""Letters that one call moves at most."""
REDRIVE_TIME = timedelta(seconds=15)
"""After so long a redrive answers with what it has done: well within the gateway's 29 s."""


@dataclass(frozen=True)
class Redrive:
    """What a redrive did, and roughly how many letters are left."""

    redriven: int
    remaining: int


@dataclass(frozen=True)
class Tables:
    """What reads the tables of the deployment."""

    orders: OrderStore
    market: MarketStore
    states: StateStore
    profiles: ProfileStore
    strategies: StrategyStore
    listings: StrategyListings


def check_health(tables: Tables) -> dict[str, str]:
    """Read from every table; return each one's state, "ok" or the name of the fault."""
    probes: dict[str, Callable[[], object]] = {
        "broker_orders": lambda: tables.orders.get(OrderId("health")),
        "operations": lambda: tables.states.load("health"),
        "market_orders": lambda: tables.market.get(ArtworkId(0), MarketOrderId("health")),
        "trades": lambda: tables.market.last_transactions(ArtworkId(0)),
        "artworks": lambda: tables.market.get_artworks([ArtworkId(0)]),
        "subscriptions": tables.profiles.current,
        "signals": lambda: tables.strategies.get("health"),
        "positions": lambda: tables.listings.positions(Filter("health"), 1, None),
        "order_log": lambda: tables.listings.round_trips(Filter("health"), 1, None),
    }
    return {name: _probe(read) for name, read in probes.items()}


def _probe(read: Callable[[], object]) -> str:
    try:
        read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return type(error).__name__
    return "ok"


def view_queues(boxes: Mapping[str, LetterBox], orders: OrderStore, now: datetime) -> list[dict[str, Any]]:
    """Return depth, in flight, oldest age in seconds and dead letters of every queue.

    SQS does not tell a message's age without receiving it: for placements it is that of the oldest order that
    waits for the exchange, dead letters included; for the others that of the oldest letter seen.
    """
    return [_view_queue(name, box, orders, now) for name, box in boxes.items()]


def _view_queue(name: str, box: LetterBox, orders: OrderStore, now: datetime) -> dict[str, Any]:
    depth, dead = box.depth(), box.dead_letters()
    if name == PLACEMENTS:
        age = oldest_unplaced(orders, now)
    else:
        sent = [letter.sent_at for letter in box.look()] if dead else []
        age = (now - min(sent, default=now)).total_seconds()
    return {
        "name": name,
        "depth": depth.waiting,
        "in_flight": depth.in_flight,
        "oldest_age_seconds": round(max(age, 0), 1),
        "dead_letters": dead,
    }


def view_dead_letters(boxes: Mapping[str, LetterBox], orders: OrderStore, queue: str) -> dict[str, Any]:
    """Return the count of a queue's dead letters, and a sample of them with the reason of each.

    Raises:
        NotFoundError: if there is no such queue.
    """
    box = _box(boxes, queue)
    # Counted first: a letter that arrives meanwhile is then in the sample, instead of counted and not shown.
    count, letters = box.dead_letters(), box.look()
    known = orders.get_many([order_id for letter in letters if (order_id := _order_id(letter))])
    shown = [_view_letter(letter, known) for letter in sorted(letters, key=lambda letter: letter.sent_at)]
    return {"queue": queue, "count": max(count, len(letters)), "letters": shown}


def redrive(boxes: Mapping[str, LetterBox], catch_up: Mapping[str, CatchUp], queue: str, clock: Clock) -> Redrive:
    """Move dead letters back: send, then delete, so that an interruption doubles a message and loses none.

    A letter of a stream window has no queue to go back to: ``catch_up`` does for all orders what the window would
    have done for its own. What it has not finished when its time is over is gone on with by the next call.

    Raises:
        NotFoundError: if there is no such queue.
    """
    box = _box(boxes, queue)
    settle = _catching_up(catch_up[queue]) if queue in catch_up else partial(_move, box)
    stop_at = clock() + REDRIVE_TIME
    moved = 0
    while moved < MAX_REDRIVEN and clock() < stop_at and (letters := box.take()):
        done = settle(letters)
        box.remove(done)
        moved += len(done)
        if len(done) < len(letters):
            box.put_back([letter for letter in letters if letter not in done])
            break
    return Redrive(moved, box.dead_letters())


def _move(box: LetterBox, letters: list[Letter]) -> list[Letter]:
    taken = box.send([letter.body for letter in letters])
    return [letter for letter, sent in zip(letters, taken, strict=True) if sent]


def _catching_up(do: CatchUp) -> Callable[[list[Letter]], list[Letter]]:
    """Return what catches up, once, and tells which letters are done with: a window was lost before its letter came."""
    covered = cache(do)

    def settle(letters: list[Letter]) -> list[Letter]:
        moment = covered()
        return [letter for letter in letters if moment is not None and letter.sent_at <= moment]

    return settle


def _box(boxes: Mapping[str, LetterBox], queue: str) -> LetterBox:
    if queue not in boxes:
        names = ", ".join(boxes)
        raise NotFoundError(f"There is no queue {queue[:64]!r}. There are: {names}.", code="unknown_queue")
    return boxes[queue]


def _order_id(letter: Letter) -> OrderId | None:
    try:
        return read_body(letter.body)[0]
    except InvalidMessageError:
        return _reported_order(letter)


def _reported_order(letter: Letter) -> OrderId | None:
    """Return the order that the first report of a letter is about, None if there is none."""
    reports = content_of(letter).get("reports")
    first = reports[0] if isinstance(reports, list) and reports else None
    order_id = first.get("client_order_id") if isinstance(first, dict) else None
    return OrderId(order_id) if isinstance(order_id, str) and is_id(order_id) else None


def _view_letter(letter: Letter, known: Mapping[OrderId, Order]) -> dict[str, Any]:
    order_id = _order_id(letter)
    order = known.get(order_id) if order_id else None
    shown: dict[str, Any] = {
        "message_id": letter.message_id,
        "sent_at": format_timestamp(letter.sent_at),
        "reason": _reason(letter, order_id, order),
        "body": letter.body[:1000],
    }
    if order is not None:
        shown |= {"order_id": order.order_id, "order_status": order.status.value, "attempts": order.attempts}
    if order is not None and order.dead_lettered_at is not None:
        shown["dead_lettered_at"] = format_timestamp(order.dead_lettered_at)
    return shown


def _reason(letter: Letter, order_id: OrderId | None, order: Order | None) -> str:
    content = content_of(letter)
    if {"reports", "unreadable"} & content.keys():
        return str(content.get("reason", "not_applied"))
    if order is not None and not order.is_pending:
        return "resolved"
    if order is not None:
        return order.dead_letter_cause.value if order.dead_letter_cause else "worker_failed"
    if order_id is not None:
        return "unknown_order"
    if "artwork_id" in content:
        return "not_matched"
    context = content.get("requestContext")
    condition = context.get("condition") if isinstance(context, dict) else None
    return str(condition) if condition else "unreadable_message"
