"""What must be true of the strategies: at any moment, and once everything has come to rest."""

from collections.abc import Sequence
from itertools import pairwise

from chalicelib.broker.order import Order, OrderId
from chalicelib.strategies.signal import ExitScope, Position, Result, Signal, order_id_of
from tests.unit.strategies.fakes.store import Key, key_of
from tests.unit.strategies.model import Asked, Holding, judge
from tests.unit.strategies.platform import Platform


def check_always(platform: Platform) -> None:
    """Check what must be true at any moment."""
    platform.remember()
    check_orders(platform)
    check_log(platform)
    for signal in platform.store.signals.values():
        check_signal(platform, signal)
    for result in platform.answers:
        check_answer(platform, result)
    current = platform.profiles.current()
    assert current is None or current.generation_id in platform.profiles.contents


def check_orders(platform: Platform) -> None:
    """Check that every buy is an open position or a row of the log, and every sell a row; none is there twice."""
    orders = list(platform.orders.orders.values())
    pairs = [(order.signal_id, order.user) for order in orders]
    assert len(set(pairs)) == len(pairs), "a user has two orders of one signal"
    bought = [position.order_id for position in platform.store.open.values()]
    bought += [order_id_of(trip.buy_signal_id, trip.user) for trip in platform.store.log.values()]
    assert sorted(bought) == sorted(order.order_id for order in orders if order.side == "buy")
    sold = [trip.sell_order_id for trip in platform.store.log.values()]
    assert sorted(sold) == sorted(order.order_id for order in orders if order.side == "sell")
    for position in platform.store.open.values():
        expected = (position.signal_id, position.user, position.strategy, position.instrument, position.quantity, None)
        assert told_by(platform.orders.orders[OrderId(position.order_id)]) == expected


def check_log(platform: Platform) -> None:
    """Check that each round trip has the order that bought and, after it, the one that sold."""
    for trip in platform.store.log.values():
        buy = platform.orders.orders[OrderId(order_id_of(trip.buy_signal_id, trip.user))]
        sell = platform.orders.orders[OrderId(order_id_of(trip.sell_signal_id, trip.user))]
        assert told_by(buy)[:4] == (trip.buy_signal_id, trip.user, trip.strategy, trip.instrument)
        assert told_by(sell)[:4] == (trip.sell_signal_id, trip.user, trip.closed_by, trip.instrument)
        assert (sell.after, sell.quantity, sell.order_id) == (buy.order_id, buy.quantity, trip.sell_order_id)
        assert trip.bought_at <= trip.sold_at


def told_by(order: Order) -> tuple[object, ...]:
    """Return what an order of a signal tells."""
    return order.signal_id, order.user, order.strategy, order.instrument, order.quantity, order.after


def check_signal(platform: Platform, signal: Signal) -> None:
    """Check that an open signal can be completed, that a complete one tells who has an order, and whose it was when."""
    versions = platform.store.written[signal.signal_id]
    for (_, before), (at, after) in pairwise(versions):
        assert not before.is_complete, "a complete signal was changed"
        assert (after.terms, after.generation, after.leavers) == (before.terms, before.generation, before.leavers)
        if before.worker != after.worker:
            assert at >= before.leased_until, "a signal was taken from a worker that may be alive"
            assert at < after.leased_until, "a signal was taken without a lease"
    candidates, with_order = platform.candidates(signal), platform.users_with_order(signal.signal_id)
    assert len(set(candidates)) == len(candidates), "a user is named twice"
    assert signal.terms.side == "SELL" or not signal.leavers, "a signal that buys concerns who left"
    if signal.is_complete:
        verdicts = platform.verdicts(signal.signal_id)
        assert sorted(user for user, reason in verdicts.items() if reason in ("opened", "closed")) == with_order
    else:
        assert signal.generation is None or signal.generation in platform.profiles.contents, "profiles are missed"
        assert set(with_order) <= set(candidates)


def check_answer(platform: Platform, result: Result) -> None:
    """Check that an answer is what is stored: so all answers to one signal are the same."""
    signal = result.signal
    assert platform.store.signals[signal.signal_id] == signal
    if result.users is None:
        assert signal.generation not in platform.profiles.contents
        return
    assert result.users == platform.candidates(signal)
    rejected = {user for user, reason in zip(result.users, signal.reasons, strict=True) if not reason.is_accepted}
    assert not rejected & set(platform.users_with_order(signal.signal_id)), "REJECTED, but there is an order"


def check_settled(platform: Platform) -> None:
    """Check what must be true once everything has come to rest."""
    check_always(platform)
    assert all(signal.is_complete for signal in platform.store.signals.values()), "a signal is open for ever"
    check_decisions(platform)


# --- Every decision was the model's at some moment --------------------------------------------------------------------


def check_decisions(platform: Platform) -> None:
    """Check that what each signal meant for each user was so at a moment between its request and what came of it."""
    states = positions_over_time(platform)
    made, completed = made_at(platform)
    for signal_id, end in completed.items():
        signal, begun = platform.store.signals[signal_id], platform.begun[signal_id]
        profiles = {} if signal.generation is None else platform.contents[signal.generation]
        verdicts = platform.verdicts(signal_id)
        for user, reason in verdicts.items():
            done_at, closed = made.get((signal_id, user), (end, None))
            profile = profiles.get(user, {})
            moments = states[begun : done_at + 1]
            meanings = [judge(asked_by(signal), profile, of_user(user, moment)) for moment in moments]
            assert (reason, closed) in meanings, f"{signal_id} {user}: {reason} {closed}, was {meanings}"
        assert holders_all_along(signal, states[begun : end + 1]) <= verdicts.keys(), "a holder was forgotten"


def positions_over_time(platform: Platform) -> list[list[Holding]]:
    """Return the open positions before each event of the journal, and after the last."""
    now: dict[Key, Position] = {}
    states = [[as_holding(one) for one in now.values()]]
    for event in platform.store.journal:
        for change in [] if isinstance(event, Signal) else event:
            key = key_of(change.position)
            if change.order.side == "buy":
                assert key not in now, "a position was opened twice"
                now[key] = change.position
            else:
                assert now.pop(key) == change.position, "another position was closed than the one that was read"
        states.append([as_holding(one) for one in now.values()])
    assert now == platform.store.open
    return states


def made_at(platform: Platform) -> tuple[dict[tuple[str, str], tuple[int, Holding | None]], dict[str, int]]:
    """Return when each signal's change for each user was made, and of what; and when each signal was completed."""
    made: dict[tuple[str, str], tuple[int, Holding | None]] = {}
    completed: dict[str, int] = {}
    for at, event in enumerate(platform.store.journal):
        if isinstance(event, Signal):
            if event.is_complete:
                completed[event.signal_id] = at
            continue
        for change in event:
            closed = None if change.order.side == "buy" else as_holding(change.position)
            made[str(change.order.signal_id), str(change.order.user)] = (at, closed)
    return made, completed


def holders_all_along(signal: Signal, moments: Sequence[list[Holding]]) -> set[str]:
    """Return who held the position of a SELL's own strategy all the time: nobody of them may be left out."""
    if signal.terms.side == "BUY":
        return set()
    wanted = (signal.terms.strategy, signal.terms.instrument)
    at_each = [{one.user for one in moment if (one.strategy, one.instrument) == wanted} for moment in moments]
    return set.intersection(*at_each)


def of_user(user: str, holdings: list[Holding]) -> list[Holding]:
    """Return a user's positions."""
    return [holding for holding in holdings if holding.user == user]


def asked_by(signal: Signal) -> Asked:
    """Return the signal as the model reads it."""
    terms = signal.terms
    return Asked(terms.strategy, terms.instrument, terms.side, strict=terms.scope is ExitScope.STRATEGY)


def as_holding(position: Position) -> Holding:
    """Return the position as the model reads it."""
    return Holding(position.user, position.strategy, position.instrument, position.opened_at, position.signal_id)
