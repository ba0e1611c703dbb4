"""The one place where the broker's concrete parts are put together, from the settings, when first needed."""

from dataclasses import dataclass
from functools import cache

from chalicelib.broker.exchange import exchange_from
from chalicelib.broker.placement import Policy
from chalicelib.broker.queue import PlacementQueue, SqsPlacementQueue
from chalicelib.broker.reports import Applier
from chalicelib.broker.store import DynamoOrderStore, OrderStore
from chalicelib.broker.worker import Worker
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, read_settings
from chalicelib.core.sqs import SqsQueue, sqs_client


@dataclass(frozen=True)
class Broker:
    """The broker's parts."""

    store: OrderStore
    queue: PlacementQueue
    worker: Worker
    applier: Applier


def broker() -> Broker:
    """Return the broker of this process's environment."""
    return _build(read_settings())


@cache
def _build(settings: Settings) -> Broker:
    store = DynamoOrderStore(settings.broker_orders_table)
    client = sqs_client()
    policy = Policy(settings.placement_lease, settings.placement_visibility, settings.placement_max_receives)
    return Broker(
        store=store,
        queue=SqsPlacementQueue(client, settings.placements_queue_url),
        worker=Worker(store, exchange_from(settings), policy, utc_now),
        applier=Applier(
            store,
            retries=SqsQueue(client, settings.report_retries_queue_url),
            letters=SqsQueue(client, settings.report_retries_dlq_url),
            clock=utc_now,
        ),
    )
