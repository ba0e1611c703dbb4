"""Posts random signals one after the other, as a trading algorithm does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from rialto_client.cli.faults import summarize
from rialto_client.cli.universe import INSTRUMENTS, STRATEGIES
from rialto_client.client import Client
from rialto_client.errors import RialtoClientError
from rialto_client.settings import Retries, Timeout
from rialto_client.strategies import Position, SignalRequest

ACCEPTED, REJECTED, ERROR = "ACCEPTED", "REJECTED", "ERROR"
TWICE = Retries(attempts=2)
"""A signal whose answer is lost is posted once more; then it is the next one's turn."""
PATIENCE = Timeout(read=30, overall=65)
"""A signal for thousands of users takes seconds, but an API gateway gives no request more than 29."""

T = TypeVar("T")


@dataclass(frozen=True)
class Produced:
    """A signal that was posted, and what the answer said; ERROR, too, where there was none."""

    number: int
    strategy: str
    instrument: str
    position: str
    response: str
    order_id: str | None = None
    reason: str | None = None
    users: Sequence[str] = ()


@dataclass
class Tally:
    """How many signals had which answer, and what the last fault was."""

    counts: Counter[str] = field(default_factory=Counter)
    fault: str = ""

    def add(self, produced: Produced) -> None:
        """Count a signal."""
        self.counts[produced.response] += 1
        if produced.response == ERROR:
            self.fault = produced.reason or ERROR

    @property
    def errors(self) -> int:
        """How many have failed."""
        return self.counts[ERROR]

    def __str__(self) -> str:
        told = f"{self.counts[ACCEPTED]} accepted, {self.counts[REJECTED]} rejected, {self.errors} errors"
        return f"{self.counts.total()} signals: {told}"


def draw_signal(random: Random) -> SignalRequest:
    """Return a signal at random."""
    return SignalRequest(
        strategy=_pick(random, STRATEGIES),
        instrument=_pick(random, INSTRUMENTS),
        position=_pick(random, list(Position)),
    )


def _pick(random: Random, values: Sequence[T]) -> T:
    # As the producer always did: 0 leads to the last element, so that one comes twice as often as each of the others.
    return values[random.randint(0, len(values)) - 1]


async def produce_signals(
    client: Client, url: str, random: Random, count: int, interval: float
) -> AsyncIterator[Produced]:
    """Post so many signals, one each interval of seconds, and yield what became of each.

    After an answer that took longer the next one follows at once, without making up for those that were missed.
    """
    clock = asyncio.get_running_loop().time
    for number in range(1, count + 1):
        began = clock()
        yield await _post(client, url, number, draw_signal(random))
        if number < count:
            await asyncio.sleep(max(0.0, began + interval - clock()))


async def _post(client: Client, url: str, number: int, signal: SignalRequest) -> Produced:
    strategy, instrument, position = signal.strategy, signal.instrument, signal.position.value
    try:
        # The client makes a key for each, and sends again under it: the server then gives its first answer.
        answer = await client.create_order(signal)
    except RialtoClientError as error:
        return Produced(number, strategy, instrument, position, ERROR, reason=summarize(error, url))
    return Produced(
        number, strategy, instrument, position, answer.response, answer.order_id, answer.reason, answer.users
    )
