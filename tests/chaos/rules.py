"""The rules, each over all the evidence: what was accepted is there, once, and everybody tells the same about it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.core.lifecycle import FINAL
from tests.chaos.evidence import Evidence
from tests.chaos.history import broker_history, market_history, strategies_history
from tests.e2e.standing import own_standing
from tests.simulation.checks.base import Journal, Row, Violation, expect
from tests.simulation.checks.market import check_market
from tests.simulation.checks.requests import check_creates
from tests.simulation.checks.strategies import Books
from tests.simulation.history import Request

ENDED = frozenset(status.value for status in FINAL)
SHOWN = 20
"""Violations of one rule that are told."""


@dataclass(frozen=True)
class Verdict:
    """What a rule found: how much it looked at, and what is wrong."""

    promise: str
    checked: int
    violations: tuple[str, ...]


Found = Iterator[str]
"""What is wrong, told one by one."""


def judge(evidence: Evidence) -> list[Verdict]:
    """Hold the evidence against every rule."""
    return [
        Verdict(promise, count(evidence), tuple(told for told, _ in zip(rule(evidence), range(SHOWN), strict=False)))
        for promise, count, rule in RULES
    ]


# --- Lost or doubled --------------------------------------------------------------------------------------------------


def _accepted_orders(evidence: Evidence) -> Found:
    """What was answered with 201 is there as it was asked for; a key makes one order."""
    yield from _told_by(
        lambda: check_creates(
            Journal(broker_history(evidence)), "/orders", "BrokerOrders", _read_order, (_asked_order, _stored_order)
        )
    )


def _art_market(evidence: Evidence) -> Found:
    """All that the simulation asks of the art market."""
    yield from _told_by(lambda: check_market(Journal(market_history(evidence)), is_quiet=True))


def _nothing_doubled(evidence: Evidence) -> Found:
    """There is nothing but what clients were told of."""
    for path, name, table in (("/orders", "id", "BrokerOrders"), ("/market/orders", "order_id", "MarketOrders")):
        told = {request.content[name] for request in _answered(evidence, "POST", path, 201)}
        # The orders of signals have the signal's answer.
        for order_id in {row["order_id"] for row in evidence.rows(table) if "signal" not in row} - told:
            yield f"{table} has {order_id}, of which no client was told"
    told = {signal_id for _, signal_id in _signals_told(evidence)}
    for signal_id in {row["signal_id"] for row in evidence.rows("Signals")} - told:
        yield f"Signals has {signal_id}, of which no client was told"
    for what in evidence.unsettled:
        yield f"nobody was ever told what became of {what}"


def _placements(evidence: Evidence) -> Found:
    """Every order is at the exchange once; only one that was canceled before it was sent is not there."""
    rows = {row["order_id"]: row for row in evidence.rows("BrokerOrders")}
    accepted = Counter(evidence.accepted)
    for order_id, row in rows.items():
        times = accepted[order_id]
        if times > 1:
            yield f"{order_id} was accepted {times} times at the exchange"
        if times == 0 and row["status"] not in ("CANCELED", "REJECTED"):
            yield f"{order_id} is {row['status']}, and was never accepted at the exchange"
    for order_id in evidence.venue.keys() - rows.keys():
        yield f"{order_id} is at the exchange, and nobody ordered it"


def _turns(evidence: Evidence) -> Found:
    """A sale does not overtake its purchase at the exchange."""
    turns = {order_id: turn for turn, order_id in reversed([*enumerate(evidence.accepted)])}
    for row in evidence.rows("BrokerOrders"):
        sale, purchase = turns.get(row["order_id"]), turns.get(row.get("after", ""))
        if sale is not None and purchase is not None and sale < purchase:
            yield f"{row['order_id']} was placed before {row['after']}, which it closes"


def _standings(evidence: Evidence) -> Found:
    """Every order ends as the exchange has it."""
    for row in evidence.rows("BrokerOrders"):
        ours, theirs = own_standing(row), evidence.venue.get(row["order_id"])
        if theirs is None:
            if ours[:2] != ("CANCELED", 0):
                yield f"{row['order_id']} is {ours}, and the exchange does not know it"
        elif ours != theirs:
            yield f"{row['order_id']} is {ours} here and {theirs} at the exchange"


# --- What clients were told -------------------------------------------------------------------------------------------


def _order_answers(evidence: Evidence) -> Found:
    """What was told of an order as final stays so, and no cancel is forgotten."""
    rows = {row["order_id"]: row["status"] for row in evidence.rows("BrokerOrders")}
    for request in evidence.requests:
        parts = request.path.split("?")[0].split("/")
        if request.answered is None or parts[1] != "orders" or len(parts) < 3:
            continue
        ends = rows.get(parts[2], "nowhere")
        told = _status_told(request)
        if told in ENDED and told != ends:
            yield f"{parts[2]} ends as {ends}, and {request.method} {request.path} had told {told}"
        if parts[-1] == "cancel" and request.status == 200 and ends not in ENDED:
            yield f"{parts[2]} is still {ends}, though its cancel was taken"
        if request.status == 404:
            yield f"{request.path} was not found, though clients were told of it"


def _status_told(request: Request) -> str | None:
    if not isinstance(request.content, dict):
        return None
    name = "order_status" if request.status == 409 else "status"
    told: Any = request.content.get(name) if request.status in (200, 409) else None
    return told if isinstance(told, str) else None


def _positions(evidence: Evidence) -> Found:
    """Positions, order log and orders tell the same."""
    yield from _told_by(lambda: _books(evidence))
    counts = Counter((row["user"], row["strategy"], row["instrument"]) for row in evidence.rows("Positions"))
    for key, count in counts.items():
        if count > 1:
            yield f"{key} is open {count} times"


def _signal_answers(evidence: Evidence) -> Found:
    """Accepted means done, once for each user; every answer about a signal is the first one; a key makes one signal."""
    try:
        made = _books(evidence).made
    except Violation:
        return  # It is told by the rule before.
    first: dict[str, dict[str, Any]] = {}
    for request, signal_id in _signals_told(evidence):
        done = {user: one.order_id for user, one in made.get(signal_id, {}).items()}
        content = request.content
        if content.get("status") == "OPEN":
            continue
        if "RESPONSE" in content:
            if sorted(content["USERS"]) != sorted(done) or (content["RESPONSE"] == "ACCEPTED") != bool(done):
                yield f"{signal_id} was told to be valid for {content['USERS']}, and was done for {sorted(done)}"
            continue
        told = {one["user"]: one.get("order_id") for one in content["users"] if one["verdict"] == "ACCEPTED"}
        if told != done:
            yield f"{signal_id} was told to be {told}, and {done} was done"
        if first.setdefault(signal_id, content["users"]) != content["users"]:
            yield f"{signal_id} was told in two ways"
    keys: dict[tuple[Any, Any], str] = {}
    for request, signal_id in _signals_told(evidence):
        if request.key is not None and keys.setdefault((_strategy(request), request.key), signal_id) != signal_id:
            yield f"the key {request.key} made {signal_id} and {keys[_strategy(request), request.key]}"
    missing = {signal_id for _, signal_id in _signals_told(evidence)} - {
        row["signal_id"] for row in evidence.rows("Signals")
    }
    yield from (f"{signal_id} was accepted, and is not there" for signal_id in sorted(missing))


# --- At rest ----------------------------------------------------------------------------------------------------------


def _rest(evidence: Evidence) -> Found:
    """Nothing is on its way any more: no message, no dead letter, no open signal, no order without an answer."""
    yield from evidence.restless
    for row in evidence.rows("Signals"):
        if not row["is_complete"]:
            yield f"the signal {row['signal_id']} is still open"
    for row in evidence.rows("BrokerOrders"):
        if row["status"].startswith("PENDING") or "lease_token" in row or "dead_lettered_at" in row:
            yield f"the order {row['order_id']} still waits as {row['status']}"


def _own_invariants(evidence: Evidence) -> Found:
    """The platform's own check of its live data agrees."""
    if not evidence.invariants:
        yield "it was never complete"
    for name, violations in evidence.invariants.items():
        yield from (f"{name}: {violation}" for violation in violations)


Rule = Callable[[Evidence], Found]
RULES: tuple[tuple[str, Callable[[Evidence], int], Rule], ...] = (
    ("what was accepted is there, once, as asked for", lambda seen: _count(seen, "/orders", 201), _accepted_orders),
    ("works change hands once, for the same money", lambda seen: len(seen.rows("MarketOrders")), _art_market),
    ("nothing is there that nobody asked for", lambda seen: sum(map(len, seen.tables.values())), _nothing_doubled),
    ("every order is placed exactly once", lambda seen: len(seen.rows("BrokerOrders")), _placements),
    ("no sale overtakes its purchase", lambda seen: len(seen.rows("OrderLog")), _turns),
    ("every order ends as the exchange has it", lambda seen: len(seen.venue), _standings),
    ("what was told of an order was true", lambda seen: _count(seen, "/orders/", 0), _order_answers),
    (
        "positions, log and orders tell the same",
        lambda seen: len(seen.rows("Positions") + seen.rows("OrderLog")),
        _positions,
    ),
    ("accepted signals are done, once for each user", lambda seen: len(seen.rows("Signals")), _signal_answers),
    ("everything comes to rest", lambda seen: len(seen.rows("Signals") + seen.rows("BrokerOrders")), _rest),
    ("the platform's own check agrees", lambda seen: len(seen.invariants), _own_invariants),
)


def _told_by(check: Callable[[], object]) -> Found:
    try:
        check()
    except Violation as violation:
        yield str(violation)


def _books(evidence: Evidence) -> Books:
    journal = Journal(strategies_history(evidence))
    for write in journal.history.writes:
        expect(write.process != "nobody", "a row has its order", write)
    return Books(journal)


def _answered(evidence: Evidence, method: str, path: str, status: int) -> Iterator[Request]:
    for request in evidence.requests:
        if (request.method, request.path, request.status) == (method, path, status):
            yield request


def _signals_told(evidence: Evidence) -> Iterator[tuple[Request, str]]:
    """Yield the answers about signals, with the signals' ids."""
    for request in evidence.requests:
        if request.status != 200 or not isinstance(request.content, dict):
            continue
        if request.path in ("/signals", "/create_order") and request.method == "POST":
            yield request, request.content["signal_id" if request.path == "/signals" else "ORDER_ID"]
        elif request.path.startswith("/signals/"):
            yield request, request.content["signal_id"]


def _strategy(request: Request) -> Any:
    return {name.lower(): value for name, value in request.body.items()}["strategy"]


def _count(evidence: Evidence, path: str, status: int) -> int:
    return sum(
        1
        for one in evidence.requests
        if one.answered and one.path.startswith(path) and one.status in (status or one.status,)
    )


def _read_order(request: Request) -> tuple[Any, Any]:
    return (request.content["id"], None), request.content["created_at"]


def _asked_order(body: Any) -> tuple[Any, ...]:
    price = body.get("limit_price")
    told = None if price is None else Decimal(str(price))
    return body["type"], body["side"], body["instrument"], told, body["quantity"]


def _stored_order(row: Row) -> tuple[Any, ...]:
    price = row.get("limit_price")
    told = None if price is None else Decimal(price)
    return row["type"], row["side"], row["instrument"], told, int(row["quantity"])
