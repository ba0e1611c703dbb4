"""A placement worker at its bench: one stored order, a clock, an exchange and a queue, all of them fakes."""

from itertools import count

from chalicelib.broker.order import Cause, Order
from chalicelib.broker.placement import request_cancel
from chalicelib.broker.queue import read_body, write_body
from chalicelib.broker.worker import Worker, work_on_message
from chalicelib.core.batches import Again, Done, Message
from tests.unit.broker.fakes.clock import FakeClock
from tests.unit.broker.fakes.exchange import FakeExchange, Venue
from tests.unit.broker.fakes.faults import Hook, nothing
from tests.unit.broker.fakes.queue import MemoryQueue, QueueSender
from tests.unit.broker.fakes.store import FaultyOrderStore, MemoryOrderStore
from tests.unit.broker.orders import new_order
from tests.unit.broker.platform import POLICY


class Bench:
    """A worker with a stored order; ``hook`` sees each of the worker's calls."""

    def __init__(self, order: Order | None = None) -> None:
        order = order or new_order()
        self.clock, self.venue, self.store = FakeClock(), Venue(), MemoryOrderStore()
        self.queue = MemoryQueue(self.clock, POLICY.visibility, POLICY.max_receives)
        self.order_id = order.order_id
        self.store.create(order)

    @property
    def order(self) -> Order:
        return self.store.orders[self.order_id]

    def worker(self, hook: Hook = nothing) -> Worker:
        tokens = count(1)
        store, exchange = FaultyOrderStore(self.store, hook), FakeExchange(self.venue, hook)
        return Worker(store, exchange, POLICY, self.clock, lambda: f"token {next(tokens)}", lambda: 1.0)

    def work(self, hook: Hook = nothing, receive_count: int = 1) -> Done | Again:
        message = Message("m", "handle", write_body(self.order_id), receive_count)
        return work_on_message(self.worker(hook), QueueSender(self.queue, hook), message)

    def cancel(self) -> None:
        self.store.save(request_cancel(self.order, self.clock(), can_cancel=True))

    def causes(self) -> list[Cause]:
        return [entry.cause for entry in self.order.timeline]

    def queued(self) -> list[tuple[str, float]]:
        """Return the orders in the queue, each with the seconds for which its message is hidden."""
        now = self.clock()
        return [(read_body(each.body)[0], (each.visible_at - now).total_seconds()) for each in self.queue.messages]


def at(point: str, act: Hook, times: int = 1) -> Hook:
    """Return a hook that acts when a call stands at the point, so many times."""
    left = [times]

    def hook(here: str) -> None:
        if here == point and left[0]:
            left[0] -= 1
            act(here)

    return hook
