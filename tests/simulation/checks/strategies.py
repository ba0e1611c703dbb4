"""Strategies: positions, log and orders tell the same, and every verdict was the model's at some moment."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.core.clock import parse_timestamp
from chalicelib.strategies.item import strategy_of_part, unpack_json
from tests.simulation.checks.base import Journal, Row, Versions, expect, plain_row
from tests.simulation.cloud.tables import Change
from tests.simulation.history import Request, Write
from tests.unit.strategies.model import Asked, Holding, judge

POSITIONS, LOG, ORDERS, SIGNALS, PROFILES = "Positions", "OrderLog", "BrokerOrders", "Signals", "Subscriptions"
LEASES = {"api_handler": timedelta(seconds=26), "sweep": timedelta(seconds=60)}
"""How long a function has a signal that it carries out."""
Profiles = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Made:
    """What a signal did for one user, and at which step; ``closed`` is the position that it closed."""

    step: int
    order_id: str
    closed: Holding | None


@dataclass(frozen=True)
class Verdict:
    """What a client was told about a signal."""

    request: Request
    users: dict[str, tuple[str, str]]


class Books:
    """Every position over time, and what each signal made of them."""

    def __init__(self, journal: Journal) -> None:
        self.made: dict[str, dict[str, Made]] = {}
        self._steps: dict[tuple[str, str], list[int]] = {}
        self._states: dict[tuple[str, str], list[tuple[Holding, ...]]] = {}
        for write in journal.history.writes:
            self._take(write)

    def states(self, user: str, instrument: str, first: int, last: int) -> list[tuple[Holding, ...]]:
        """Return the positions that a user had in an instrument at the moments between two steps."""
        steps, states = self._steps.get((user, instrument), []), self._states.get((user, instrument), [])
        return [
            () if at == 0 else states[at - 1] for at in range(bisect_right(steps, first), bisect_right(steps, last) + 1)
        ]

    def _take(self, write: Write) -> None:
        orders = {row["user"]: row for row in _created(write, ORDERS) if "signal" in row}
        positions = [change for change in write.changes if change.table == POSITIONS]
        trips = {row["user"]: row for row in _created(write, LOG)}
        expect(len(orders) == len(positions), "a position changes with its order", write)
        for change in positions:
            expect(change.before or change.after, "only what is open is closed", write)
            row = plain_row(change.after or change.before or {})
            expect(row["user"] in orders, "a position changes with its order", write)
            order = orders[row["user"]]
            closed = self._close(change, order, trips.pop(row["user"], None)) if change.after is None else None
            if closed is None:
                self._open(change, order, row)
            done = self.made.setdefault(order["signal"], {})
            expect(row["user"] not in done, "one order for each signal and user", write)
            done[row["user"]] = Made(write.step, order["order_id"], closed)
            self._remember(write.step, row, closed)
        expect(not trips, "a row of the log has its position", write)

    def _open(self, change: Change, order: Row, row: Row) -> None:
        told = (order, row)
        expect(change.before is None, "one position for each user, strategy and instrument", told)
        expect((order["side"], order["order_id"]) == ("buy", row["order_id"]), "a position has its order", told)
        names = ("user", "strategy", "instrument")
        expect([order[name] for name in names] == [row[name] for name in names], "the order is the position's", told)
        expect(order["signal"] == row["signal_id"], "the order is the signal's", told)

    def _close(self, change: Change, order: Row, trip: Row | None) -> Holding:
        row = plain_row(change.before or {})
        told = (order, row, trip)
        expect(trip is not None, "every close is in the log", told)
        assert trip is not None
        expect((order["side"], order.get("after")) == ("sell", row["order_id"]), "a sale comes after its buy", told)
        expect(trip["sell_order_id"] == order["order_id"], "the log names the order", told)
        expect((trip["buy_signal_id"], trip["bought_at"]) == (row["signal_id"], row["opened_at"]), "of that buy", told)
        expect(trip["bought_at"] <= trip["sold_at"], "nothing is sold before it is bought", told)
        expect(order["quantity"] == row["quantity"], "what was bought is sold", told)
        return _holding(row)

    def _remember(self, step: int, row: Row, closed: Holding | None) -> None:
        key = row["user"], row["instrument"]
        states = self._states.setdefault(key, [])
        before = states[-1] if states else ()
        states.append(tuple(one for one in before if one != closed) if closed else (*before, _holding(row)))
        self._steps.setdefault(key, []).append(step)


def check_strategies(journal: Journal) -> None:
    """Check all rules of the strategies."""
    books = Books(journal)
    profiles = _Profiles(journal)
    verdicts = _verdicts(journal, books)
    for signal_id, told in verdicts.items():
        _check_answers(journal, books, signal_id, told)
    begun = _first_requests(journal)
    for (signal_id, _), versions in journal.table(SIGNALS).items():
        last = versions.last or {}
        _check_leases(signal_id, versions)
        expect([row["is_complete"] for row in versions.rows if row].count(True) <= 1, "complete is complete", signal_id)
        first = next((verdict for verdict in verdicts.get(signal_id, []) if verdict.users), None)
        if last.get("is_complete") and first is not None:
            _check_decisions(books, profiles, last, first, (begun[signal_id], versions.steps[-1]))
    _check_keys(journal)
    _check_switches(journal)
    profiles.check_views()
    _check_lists(journal)


def _check_leases(signal_id: str, versions: Versions) -> None:
    """A signal is taken from nobody who may be alive."""
    for before, after, write in zip(versions.rows[1:], versions.rows[2:], versions.writes[2:], strict=False):
        if before is not None and after is not None and write is not None and before["worker"] != after["worker"]:
            lease = LEASES.get(write.process.split()[0])
            begun = lease and parse_timestamp(after["leased_until"]) - lease
            told = f"{signal_id}: {before} then {after} by {write.process}"
            expect(not begun or begun >= parse_timestamp(before["leased_until"]), "a live signal is not taken", told)


def _check_answers(journal: Journal, books: Books, signal_id: str, told: list[Verdict]) -> None:
    """All answers about a complete signal are one, and are what happened."""
    # A week after they were replaced profiles are gone, and with them the names of a signal's users.
    told = [verdict for verdict in told if verdict.users]
    for verdict in told:
        request = verdict.request
        expect(verdict.users == told[0].users, "every answer is the first one", (signal_id, request, told[0]))
        accepted = {user for user, (word, _) in verdict.users.items() if word == "ACCEPTED"}
        made = books.made.get(signal_id, {})
        expect(accepted == set(made), "accepted means done", (signal_id, request, sorted(made)))
        expect(all(one.step < (request.answered or 0) for one in made.values()), "done before it was told", request)
        versions = journal.versions(SIGNALS, (signal_id, None))
        expect(versions.at(request.answered or 0) is not None, "nothing accepted is missing", request)


def _check_decisions(books: Books, profiles: "_Profiles", signal: Row, verdict: Verdict, span: tuple[int, int]) -> None:
    """Each verdict is the model's for a moment between the request and what came of it; no holder is left out."""
    asked = Asked(signal["strategy"], signal["instrument"], signal["side"], strict=signal["scope"] == "strategy")
    traded = profiles.of(signal.get("generation"))
    made = books.made.get(signal["signal_id"], {})
    for user, (_, reason) in verdict.users.items():
        done = made.get(user)
        last = span[1] if done is None else done.step - 1
        states = books.states(user, asked.instrument, span[0], last)
        meanings = [judge(asked, traded.get(user, {}), list(state)) for state in states]
        closed = None if done is None else done.closed
        expect((reason, closed) in meanings, "every verdict was right at a moment", (signal, user, reason, meanings))
    concerned = {user for user, profile in traded.items() if asked.strategy in profile}
    expect(concerned <= set(verdict.users), "everybody who runs the strategy is told", (signal, verdict.users))


def _check_keys(journal: Journal) -> None:
    """A key makes one signal for each strategy."""
    found: dict[tuple[str, str], tuple[str, Any]] = {}
    keys: dict[tuple[str, str], set[Any]] = {}
    for request in journal.history.requests:
        if request.method == "POST" and request.path in ("/signals", "/create_order") and request.key is not None:
            asked = _asked(request.body)
            keys.setdefault((asked[0], request.key), set()).add(asked)
    for path, name in (("/signals", "signal_id"), ("/create_order", "ORDER_ID")):
        for request, _ in journal.answered("POST", path):
            if request.key is None or not isinstance(request.content, dict):
                continue
            asked = _asked(request.body)
            scope = asked[0], request.key
            if request.status == 200:
                first = found.setdefault(scope, (request.content[name], asked))
                expect(first == (request.content[name], asked), "a key makes one signal", (request, first))
            if request.status == 422:
                expect(keys[scope] != {asked}, "a key is its scope's", request)
            if request.status == 422 and scope in found:
                expect(found[scope][1] != asked, "a key is refused to others only", request)


def _check_switches(journal: Journal) -> None:
    """Profiles take the place of those that were in force when they were made known: whoever is late is told so."""
    pointer = journal.versions(PROFILES, ("current", "-"))
    for before, row in zip(pointer.steps[1:], pointer.rows[2:], strict=False):
        known = journal.versions(PROFILES, ("known", (row or {}).get("current")))
        expect(known.steps[-1] == 0 or known.steps[1] > before, "profiles replace what was seen", row)


def _check_lists(journal: Journal) -> None:
    """A list may lag, but shows only what was there at some time."""
    was = {"/positions": set[Any](), "/order-log": set[Any]()}
    for table, path in ((POSITIONS, "/positions"), (LOG, "/order-log")):
        for versions in journal.table(table).values():
            was[path] |= {(versions.steps[at], _row_key(row)) for at, row in enumerate(versions.rows) if row}
    for path, name in (("/positions", "positions"), ("/order-log", "entries")):
        known = {key: step for step, key in was[path]}
        for request, answered in journal.answered("GET", path):
            for row in request.content.get(name, []) if request.status == 200 else []:
                expect(known.get(_row_key(row), answered) < answered, "a list shows what was there", (request, row))


class _Profiles:
    """Every generation of the profiles, and which was in force when."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._contents: dict[str, Profiles] = {}
        for (generation, part), versions in journal.table(PROFILES).items():
            first = next((row for row in versions.rows if row and "subscribers" in row), None)
            if first is not None:
                content = self._contents.setdefault(generation, {})
                for user, instruments in unpack_json(first["subscribers"]).items():
                    strategies = content.setdefault(user, {})
                    if strategy_of_part(part):
                        strategies[strategy_of_part(part)] = instruments

    def of(self, generation: str | None) -> Profiles:
        """Return the profiles of a generation."""
        return {} if generation is None else self._contents.get(generation, {})

    def check_views(self) -> None:
        """What is shown is one whole generation that was in force; what was put came into force."""
        pointer = self._journal.versions(PROFILES, ("current", "-"))
        for request, answered in self._journal.answered("GET", "/strategies/profiles"):
            rows = pointer.between(request.sent, answered)
            shown = [self.of(None if row is None else row["current"]) for row in rows]
            expect(request.status != 200 or request.content in shown, "profiles are never mixed", request)
        for request, answered in self._journal.answered("PUT", "/strategies/profiles"):
            rows = pointer.between(request.sent, answered)
            ways = [self.of(row["current"]) for row in rows if row is not None]
            expect(request.status != 200 or request.body in ways, "profiles that were put are in force", request)
            expect(request.status != 409 or len(rows) > 1, "profiles are refused for others only", request)


def _verdicts(journal: Journal, books: Books) -> dict[str, list[Verdict]]:
    """Return what clients were told of complete signals."""
    found: dict[str, list[Verdict]] = {}
    for method in ("POST", "GET"):
        for request, _ in journal.answered(method, "/signals"):
            content = request.content
            if (
                request.status == 200
                and content.get("signal_id")
                and content["status"] != "OPEN"
                and "users" in content
            ):
                users = {one["user"]: (one["verdict"], one["reason"]) for one in content["users"]}
                found.setdefault(content["signal_id"], []).append(Verdict(request, users))
    for request, answered in journal.answered("POST", "/create_order"):
        if request.status == 200:
            made = books.made.get(request.content["ORDER_ID"], {})
            _check_short_answer(request, answered, {user: one.step for user, one in made.items()})
    return found


def _check_short_answer(request: Request, answered: int, orders: dict[str, int]) -> None:
    """The answer to the producer is true as well."""
    expect((request.content["RESPONSE"] == "ACCEPTED") == bool(orders), "accepted means done", (request, orders))
    expect(sorted(request.content["USERS"]) == sorted(orders), "accepted means done", (request, orders))
    expect(all(step < answered for step in orders.values()), "done before it was told", request)


def _first_requests(journal: Journal) -> dict[str, int]:
    """Return for each signal the step at which the request was sent that made it."""
    by_process = {request.process: request.sent for request in journal.history.requests}
    found: dict[str, int] = {}
    for (signal_id, _), versions in journal.table(SIGNALS).items():
        write = versions.writes[1]
        found[signal_id] = 0 if write is None else by_process.get(write.process, 0)
    return found


def _created(write: Write, table: str) -> Iterator[Row]:
    return (plain_row(one.after) for one in write.changes if one.table == table and one.before is None and one.after)


def _holding(row: Row) -> Holding:
    return Holding(row["user"], row["strategy"], row["instrument"], row["opened_at"], row["signal_id"])


def _asked(body: Any) -> tuple[str, str, str]:
    lower = {name.lower(): value for name, value in body.items()}
    return lower["strategy"], lower["instrument"], lower["position"]


def _row_key(row: Row) -> tuple[Any, ...]:
    names = ("user", "strategy", "instrument", "signal_id", "buy_signal_id", "sell_signal_id")
    return tuple(row.get(name) for name in names)
