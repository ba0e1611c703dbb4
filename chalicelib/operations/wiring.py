"""The one place where the parts of operations are put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, read_settings
from chalicelib.core.sqs import sqs_client
from chalicelib.operations.dead_letters import LetterBox, SqsLetterBox
from chalicelib.operations.service import HAND_OVER, PLACEMENTS
from chalicelib.operations.store import DynamoStateStore, StateStore
from chalicelib.operations.sweep import Sweeper


@dataclass(frozen=True)
class Operations:
    """The parts of operations. ``boxes`` are the queues by the name that people use."""

    boxes: Mapping[str, LetterBox]
    states: StateStore
    sweeper: Sweeper


def operations() -> Operations:
    """Return the operations of this process's environment."""
    return _build(read_settings())


@cache
def _build(settings: Settings) -> Operations:
    client = sqs_client()
    placements = SqsLetterBox(client, settings.placements_queue_url, settings.placements_dlq_url)
    hand_over = SqsLetterBox(client, None, settings.hand_over_dlq_url)
    states = DynamoStateStore(settings.operations_table)
    parts = broker()
    sweeper = Sweeper(parts.store, parts.queue, placements, states, parts.worker.policy, utc_now)
    return Operations({PLACEMENTS: placements, HAND_OVER: hand_over}, states, sweeper)
