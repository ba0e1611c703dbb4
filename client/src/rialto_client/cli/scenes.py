"""The scenes of the tour. Their users, works and strategies are nobody else's."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from rialto_client.broker import BrokerOrderRequest, OrderStatus, Timeline
from rialto_client.cli.narrator import Narrator
from rialto_client.cli.waiting import patiently
from rialto_client.cli.words import money
from rialto_client.client import Client
from rialto_client.models import Direction, OrderRequest
from rialto_client.strategies import OrderLogViewRequest, Position, PositionViewRequest, Profiles, SignalRequest

_PATIENCE = 60.0
_PAUSE = 0.2
_PROFILES = {
    "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"], "STRATEGY_B": ["MINDA"]},
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}
_OFFERED, _BID = 120.0, 130.0
_TAKEN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED}
"""The exchange has the order, and may have traded it by now."""

T = TypeVar("T")


async def walk_an_order(client: Client, narrator: Narrator) -> None:
    """Place an order, and follow it until the exchange has it."""
    narrator.begin("The broker")
    request = BrokerOrderRequest(side=Direction.BUY, instrument="US0378331005", quantity=1)
    order = await client.place_broker_order(request)
    narrator.tell("buy 1 US0378331005 is accepted", order.id, promised=order.status is OrderStatus.PENDING_NEW)
    timeline = await _follow(client, order.id)
    steps = " → ".join(entry.cause for entry in timeline.entries[-4:])
    took = (timeline.entries[-1].at - timeline.entries[0].at).total_seconds()
    outcome = f"{timeline.status} after {took:.1f} s"
    narrator.tell(steps, outcome, promised=timeline.status in _TAKEN)


async def trade_a_work(client: Client, narrator: Narrator) -> None:
    """List a work and buy it."""
    narrator.begin("The art market")
    artwork = seller = _new_number()
    buyer = seller + 1
    offer = await _offer(client, seller, artwork, _OFFERED, Direction.SELL)
    narrator.tell(f"user {seller} lists a work", f"artwork {artwork} for {money(_OFFERED)}")
    asks = [one.order_id for one in (await client.view_book(artwork)).asks]
    narrator.tell("its book", f"{len(asks)} for sale", promised=asks == [offer])
    bid = await _offer(client, buyer, artwork, _BID, Direction.BUY)
    narrator.tell(f"user {buyer} bids", f"{money(_BID)} for it")
    bought = await _eventually(lambda: client.view_order(bid), lambda order: order.status != "open", "for the trade")
    trade = bought.transaction
    traded = trade is not None and (trade.price, trade.sell_order_id) == (_OFFERED, offer)
    price = f"sold for {money(trade.price)}, as it was offered" if trade else f"the bid is {bought.status}"
    narrator.tell("the two meet", price, promised=traded)


async def walk_the_worked_example(client: Client, narrator: Narrator) -> None:
    """Send the four signals of the worked example, and see for whom each is valid."""
    narrator.begin("The strategies")
    tag = f" {_new_number()}"
    holland = "Holland Proctor"
    async with _added_profiles(client, narrator, tag):
        await _signal(client, narrator, tag, ("STRATEGY_A", "GRASIM", Position.SELL), [], "nobody holds it")
        bought = await _signal(
            client, narrator, tag, ("STRATEGY_B", "MINDA", Position.BUY), [holland], f"{holland} opens a position"
        )
        await _signal(client, narrator, tag, ("STRATEGY_D", "INFY", Position.BUY), [], "nobody trades it there")
        sold = await _signal(
            client, narrator, tag, ("STRATEGY_A", "MINDA", Position.SELL), [holland], f"{holland} closes it"
        )
        placed = [await _follow(client, order_id) for order_id in (*bought, *sold)]
        both = all(timeline.status in _TAKEN for timeline in placed)
        outcome = ", ".join(timeline.status for timeline in placed)
        narrator.tell("the orders to buy and to sell", outcome, promised=both)
        held = (await client.view_positions(PositionViewRequest(user=holland + tag))).positions
        entries = (await client.view_order_log(OrderLogViewRequest(user=holland + tag))).entries
        left = f"{len(held)} open, {len(entries)} in the log"
        narrator.tell("the position", left, promised=(len(held), len(entries)) == (0, 1))


@asynccontextmanager
async def _added_profiles(client: Client, narrator: Narrator, tag: str) -> AsyncIterator[None]:
    """Add the profiles of the example to those in force, and take them out again, whatever those are by then."""
    own = {
        user + tag: {strategy + tag: instruments for strategy, instruments in strategies.items()}
        for user, strategies in _PROFILES.items()
    }
    in_force = (await client.view_profiles()).root
    await client.replace_profiles(Profiles({**in_force, **own}))
    try:
        yield
    finally:
        in_force = (await client.view_profiles()).root
        others = {user: strategies for user, strategies in in_force.items() if user not in own}
        await client.replace_profiles(Profiles(others))
        narrator.tell("the profiles", "are as before")


async def _signal(
    client: Client, narrator: Narrator, tag: str, terms: tuple[str, str, Position], users: list[str], why: str
) -> Sequence[str]:
    """Send a signal that is valid for exactly these users; return their orders."""
    strategy, instrument, position = terms
    answer = await client.send_signal(SignalRequest(strategy=strategy + tag, instrument=instrument, position=position))
    valid_for = [one.user.removesuffix(tag) for one in answer.users if one.verdict == "ACCEPTED"]
    as_promised = valid_for == users and answer.status == ("ACCEPTED" if users else "REJECTED")
    instead = f"valid for {', '.join(valid_for) or 'nobody'}"
    outcome = f"{answer.status}: {why if as_promised else instead}"
    narrator.tell(f"{strategy} {instrument} {position}", outcome, promised=as_promised)
    return [one.order_id for one in answer.users if one.order_id is not None]


async def _offer(client: Client, user: int, artwork: int, price: float, direction: Direction) -> str:
    request = OrderRequest(user_id=user, artwork_id=artwork, price=price, direction=direction)
    return (await client.send_order(request)).order_id


async def _follow(client: Client, order_id: str) -> Timeline:
    timelines = client.follow_broker_order(order_id, within=_PATIENCE)
    timeline = await client.view_timeline(order_id)
    while (later := await patiently(anext(timelines, None), "waiting for the exchange")) is not None:
        timeline = later
    return timeline


async def _eventually(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], what: str) -> T:
    """Return what there is once it is wanted, or when the time is up."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    seen = await look()
    while not wanted(seen) and asyncio.get_running_loop().time() < deadline:
        await patiently(asyncio.sleep(_PAUSE), f"waiting {what}")
        seen = await look()
    return seen


def _new_number() -> int:
    return time.time_ns() // 1_000_000
