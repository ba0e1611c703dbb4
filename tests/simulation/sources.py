"""What calls our functions: the streams' and queues' event sources, the schedule, and the API's gateway.

The streams' filters and retries are those of infra/resources.yaml; a batch that keeps failing is split, then given up
as a letter, as Lambda does it.
"""

import json
from collections.abc import Callable
from typing import Any
from zlib import crc32

import app as application
from tests.functional.events import read_event
from tests.moto_stack import read_resources
from tests.simulation.cloud.queues import Message, Queue
from tests.simulation.cloud.tables import Change, Table
from tests.simulation.scheduler import SECOND, Process
from tests.simulation.world import World

Record = dict[str, Any]
_SCHEDULE = read_event("schedule")
SHARDS = 2
MAX_RETRIES = 1
"""Fewer than in infra/resources.yaml, so that windows are given up within a history."""


class StreamSource:
    """Hands the changes of one table to one function, shard by shard."""

    def __init__(self, world: World, table: str, function: str, dead_letters: str) -> None:
        self._world = world
        self._table: Table = world.account.dynamodb.tables[table]
        self._function = function
        self._handle: Callable[..., Any] = getattr(application, function)
        self._dead_letters = world.account.queue(dead_letters)
        self._filters = _filters_of(function)
        self._shards = [_Shard(self, number) for number in range(SHARDS)]
        self._numbers = 0
        world.account.dynamodb.watchers.append(self._see)

    @property
    def is_quiet(self) -> bool:
        """Whether every change was handed over."""
        return not any(shard.records for shard in self._shards)

    def _see(self, changes: list[Change]) -> None:
        for change in changes:
            if change.table == self._table.name and change.before != change.after:
                self._numbers += 1
                record = _record_of(self._table, change, self._numbers)
                if any(_matches(pattern, record) for pattern in self._filters):
                    self._shards[crc32(repr(change.key[0]).encode()) % SHARDS].add(record)

    def deliver(self, batch: list[Record], end: Callable[[Any, Exception | None, Process], None]) -> None:
        """Call the function with a batch."""
        about = ", ".join(f"{one['eventName']} {_key_text(one)}" for one in batch)
        event = {"Records": batch}
        self._world.invoke(self._function, about, lambda: self._handle(event, None), end)

    def give_up(self, batch: list[Record]) -> None:
        """Put a letter about the batch where people see it."""
        self._world.faults.counts["stream.given_up"] += 1
        letter = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "DDBStreamBatchInfo": {"batchSize": len(batch)},
        }
        self._dead_letters.put(json.dumps(letter))

    @property
    def world(self) -> World:
        """Where it is."""
        return self._world

    @property
    def name(self) -> str:
        """The function's name."""
        return self._function


class _Shard:
    """The records of one shard that are still to be handed over: in order, one batch at a time."""

    def __init__(self, source: StreamSource, number: int) -> None:
        self.records: list[Record] = []
        self._source = source
        self._world = source.world
        self._dice = source.world.process(f"{source.name} shard {number}").dice
        self._is_busy = False
        self._failures = 0
        self._size = 10
        self._polls = 0

    def add(self, record: Record) -> None:
        self.records.append(record)
        self._poll_soon()

    def _poll_soon(self, seconds: float = 0.0) -> None:
        if not self._is_busy and self.records:
            self._is_busy = True
            self._polls += 1
            if self._strikes("stream.late"):
                seconds += self._dice.choice([5.0, 30.0, 300.0])
            self._world.scheduler.after(seconds + self._dice.uniform(0.01, 0.4), self._poll)

    def _poll(self) -> None:
        batch = self.records[: self._dice.randint(1, self._size)]
        if self._strikes("stream.lost"):
            self._world.story.tell(f"{self._source.name}: {len(batch)} records are lost", fault=True)
            self._done(len(batch))
            return
        self._source.deliver(batch, lambda _, error, process: self._end(batch, error, process))
        if self._strikes("stream.twice"):
            self._source.deliver(batch, lambda *_: None)

    def _end(self, batch: list[Record], error: Exception | None, process: Process) -> None:
        if error is None and process.ended_by is None:
            self._failures = 0
            self._size = 10
            self._done(0 if self._strikes("stream.again") else len(batch))
            return
        self._failures += 1
        self._size = max(1, len(batch) // 2)
        if self._failures > MAX_RETRIES:
            self._source.give_up(batch)
            self._failures = 0
            self._done(len(batch))
            return
        self._is_busy = False
        self._poll_soon(1.0)

    def _done(self, records: int) -> None:
        del self.records[:records]
        self._is_busy = False
        self._poll_soon()

    def _strikes(self, kind: str) -> bool:
        return self._world.faults.draw([kind], self._dice, f"{self._source.name} {self._polls}") is not None


class QueueSource:
    """Hands the messages of a queue to one function."""

    def __init__(self, world: World, queue: str, function: str) -> None:
        self._world = world
        self._queue = world.account.queue(queue)
        self._function = function
        self._handle: Callable[..., Any] = getattr(application, function)
        self._dice = world.process(f"{function} poller").dice
        self._next: int | None = None
        self._polls = 0
        self._queue.changed = self._look

    @property
    def is_quiet(self) -> bool:
        """Whether the queue is empty."""
        return not self._queue.messages

    def _look(self, queue: Queue) -> None:
        """Plan the next poll for when the first message is visible."""
        if not queue.messages:
            return
        from_now = max(queue.next_visible_at() - queue.now(), 0.0) + self._dice.uniform(0.001, 0.2)
        at = self._world.scheduler.now + round(from_now * SECOND)
        if self._next is None or at < self._next:
            self._next = at
            self._world.scheduler.at(at, lambda: self._poll(at))

    def _poll(self, planned: int) -> None:
        if self._next != planned:
            return
        self._next = None
        self._polls += 1
        visible = self._queue.visible()
        if visible and self._strikes("message.late"):
            self._world.scheduler.after(self._dice.choice([5.0, 40.0, 300.0]), lambda: self._look(self._queue))
            return
        if not self._queue.is_fifo and self._strikes("message.reordered"):
            self._dice.shuffle(visible)
        batch = visible[: self._dice.choice([1, 1, 2, 3, 10])]
        if batch and self._strikes("message.lost"):
            self._world.story.tell(f"{self._queue.name}: {batch[0].body} is lost", fault=True)
            self._world.history.lost.append(batch[0].body)
            self._queue.messages.remove(batch.pop(0))
        if batch:
            twice = self._strikes("fifo.again" if self._queue.is_fifo else "message.twice")
            self._deliver(batch)
            if twice:
                self._deliver(batch)
        self._look(self._queue)

    def _deliver(self, batch: list[Message]) -> None:
        event = {"Records": [self._queue.deliver(message) for message in batch]}
        about = ", ".join(f"{record['messageId']} {record['body']}" for record in event["Records"])

        def end(result: Any, error: Exception | None, process: Process) -> None:
            if error is not None or process.ended_by is not None:
                return
            failed = {entry["itemIdentifier"] for entry in result["batchItemFailures"]}
            again = "fifo.again" if self._queue.is_fifo else "message.not_deleted"
            for record in event["Records"]:
                if record["messageId"] not in failed and not self._strikes(again):
                    self._queue.delete(record["receiptHandle"])
            # In a FIFO queue others may have waited for these.
            self._look(self._queue)

        self._world.invoke(self._function, about, lambda: self._handle(event, None), end)

    def _strikes(self, kind: str) -> bool:
        return self._world.faults.draw([kind], self._dice, f"{self._function} {self._polls}") is not None


class Sources:
    """Everything that calls functions by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._streams = [
            StreamSource(world, "BrokerOrders", "hand_over_orders", "HandOverDeadLetters"),
            StreamSource(world, "MarketOrders", "match_orders", "MatchDeadLetters"),
        ]
        self._queues = [
            QueueSource(world, "Placements", "place_orders"),
            QueueSource(world, "MatchRetries", "retry_matches"),
            QueueSource(world, "Reports", "apply_reports"),
            QueueSource(world, "ReportRetries", "retry_reports"),
        ]
        self._minutes = 0

    @property
    def are_quiet(self) -> bool:
        """Whether nothing is on its way any more, dead letters included; but poison is where it belongs."""
        letters = self._world.account.queue("ReportRetriesDeadLetters")
        others = (queue for queue in self._world.account.sqs.queues.values() if queue is not letters)
        poison = [one.exec_id for one in self._world.history.reports if one.content is None]
        is_only_poison = all(any(exec_id in message.body for exec_id in poison) for message in letters.messages)
        return self.are_handed_over and is_only_poison and not any(queue.messages for queue in others)

    @property
    def are_handed_over(self) -> bool:
        """Whether the streams have nothing left."""
        return all(source.is_quiet for source in self._streams)

    def every_minute(self, until: int) -> None:
        """Sweep each minute until a moment."""
        self._minutes += 1
        dice, where = self._world.dice, f"minute {self._minutes}"
        if not self._world.faults.draw(["sweep.skipped"], dice, where):
            self.sweep()
            if self._world.faults.draw(["sweep.twice"], dice, where):
                self.sweep()
        if self._world.scheduler.now < until:
            self._world.scheduler.after(60.0, lambda: self.every_minute(until))

    def sweep(self) -> None:
        """Call the sweep."""
        self._world.invoke("sweep", "the schedule", lambda: application.sweep(_SCHEDULE, None), lambda *_: None)


def _filters_of(function: str) -> list[dict[str, Any]]:
    name = "".join(part.capitalize() for part in function.split("_"))
    source = read_resources()["Resources"][name]["Properties"]["Events"][f"{name}DynamodbEventSource"]["Properties"]
    return [json.loads(one["Pattern"]) for one in source["FilterCriteria"]["Filters"]]


def _matches(pattern: Any, content: Any) -> bool:
    """Tell whether a filter pattern of an event source lets the content pass."""
    if isinstance(pattern, dict):
        return all(_matches(wanted, (content or {}).get(name)) for name, wanted in pattern.items())
    return any(
        content not in (None, *one["anything-but"]) if isinstance(one, dict) else content == one for one in pattern
    )


def _record_of(table: Table, change: Change, number: int) -> Record:
    name = "INSERT" if change.before is None else "REMOVE" if change.after is None else "MODIFY"
    item = change.after or change.before or {}
    content: dict[str, Any] = {"Keys": {key: item[key] for key in table.schema.names}, "SequenceNumber": str(number)}
    if change.after is not None:
        content["NewImage"] = change.after
    if change.before is not None:
        content["OldImage"] = change.before
    return {"eventID": str(number), "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": content}


def _key_text(record: Record) -> str:
    return "/".join(str(content) for value in record["dynamodb"]["Keys"].values() for content in value.values())
