"""The account: tables and queues of the stack, made from infra/resources.yaml by the same code as on moto."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.client_faults import after_send, before_send
from tests.simulation.cloud.dynamodb import DynamoDb
from tests.simulation.cloud.queues import Queue, Sqs
from tests.simulation.cloud.sdk import Call, connected


class Account:
    """DynamoDB and SQS. ``lag`` gives the seconds by which an index, or "" for a replica, is behind."""

    def __init__(self, clock: Callable[[], float], lag: Callable[[str], float] = lambda _: 0.0) -> None:
        self.dynamodb = DynamoDb(clock, lag)
        self.sqs = Sqs(clock)

    def answer(self, call: Call) -> dict[str, Any]:
        """Carry out a call."""
        if call.service == "dynamodb":
            return self.dynamodb.call(call.operation, call.params, call.token)
        return self.sqs.call(call.operation, call.params)

    def url(self, name: str) -> str:
        """Return the URL of that queue."""
        return next(url for url, queue in self.sqs.queues.items() if queue is self.queue(name))

    def queue(self, name: str) -> Queue:
        """Return the queue that infra/resources.yaml has under this name."""
        return next(queue for queue in self.sqs.queues.values() if queue.name.removesuffix(".fifo") == name)


@contextmanager
def connected_account() -> Iterator[Account]:
    """Connect botocore to an empty account, whose faults are those of ``tests.client_faults``; nothing lags."""
    account = Account(time.time)

    def carry(call: Call) -> dict[str, Any]:
        name = f"before-send.{call.service}.{call.operation}"
        before_send(name)
        try:
            return account.answer(call)
        finally:
            # A refusal can be lost like any other answer.
            after_send(name)

    with connected(carry, lambda _: None):
        yield account
