"""What a match costs when its artwork has a long history, on the running local cloud (`make up` first).

    .rialto/venv/bin/python benchmarks/history.py [AWS endpoint]

Prints for 10, 1,000 and 100,000 closed orders of one artwork: queries, read units and milliseconds for one match, and
the ratio to the first row. The tables are the benchmark's own and are deleted.
"""

import os
import statistics
import sys
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import boto3

from chalicelib.market.item import MarketOrderItem
from chalicelib.market.matching import Matcher, match_artwork
from chalicelib.market.models import OrderRequest
from chalicelib.market.order import ArtworkId
from chalicelib.market.service import submit_order
from chalicelib.market.store import MarketStore
from tests.environment import NOBODY
from tests.moto_stack import TABLE_KEYS, read_resources

HISTORIES = (10, 1_000, 100_000)
MATCHES = 31
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Make the tables, measure, delete them."""
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8081"
    os.environ.update(NOBODY, POWERTOOLS_LOG_LEVEL="WARNING", AWS_ENDPOINT_URL=endpoint)
    names = {resource: f"{resource}-{uuid.uuid4().hex[:8]}" for resource in ("MarketOrders", "Trades", "Artworks")}
    client = boto3.client("dynamodb")
    for resource, name in names.items():
        properties = read_resources()["Resources"][resource]["Properties"]
        keys = [key for key in TABLE_KEYS if key in properties and key != "StreamSpecification"]
        client.create_table(TableName=name, **{key: properties[key] for key in keys})
    try:
        _measure(MarketStore(names["MarketOrders"], names["Trades"], names["Artworks"]))
    finally:
        for name in names.values():
            client.delete_table(TableName=name)


def _measure(store: MarketStore) -> None:
    print(f"{'closed orders':>14} {'queries':>8} {'read units':>11} {'ms (median)':>12} {'ratio':>6}")
    closed, first = 0, 0.0
    for history in HISTORIES:
        _close_orders(store, closed, history)
        closed = history
        queries, units, milliseconds = _match_often(store)
        first = first or milliseconds
        print(f"{history:>14,} {queries:>8} {units:>11} {milliseconds:>12.2f} {milliseconds / first:>6.2f}")


def _match_often(store: MarketStore) -> tuple[int, float, float]:
    counts: list[float] = []
    store._orders._get_connection().connection.client.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: counts.append(parsed["ConsumedCapacity"]["CapacityUnits"])
    )
    times = []
    for _ in range(MATCHES):
        for direction, user_id in (("sell", 1), ("buy", 2)):
            content = {"user_id": user_id, "artwork_id": 1, "price": Decimal(5), "direction": direction}
            submit_order(store, OrderRequest.model_validate(content), None, lambda: datetime.now(UTC))
        counts.clear()
        started = time.perf_counter()
        match_artwork(Matcher(store, lambda: NOW), ArtworkId(1))
        times.append((time.perf_counter() - started) * 1000)
    return len(counts), sum(counts), statistics.median(times)


def _close_orders(store: MarketStore, start: int, end: int) -> None:
    with store._orders.batch_write() as batch:
        for number in range(start, end):
            batch.save(
                MarketOrderItem(
                    book="1",
                    order_id=f"1-closed-{number:08d}",
                    user_id=number,
                    side="sell",
                    price=Decimal(1),
                    created_at=NOW,
                    status="FILLED",
                    trade_id="x" * 100,
                )
            )


if __name__ == "__main__":
    main()
