"""The matching function's batch: records of new orders, grouped by artwork, each matched once."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.market.matching import ContendedBookError, Matcher, match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.market.queue import RetryQueue


def match_records(records: Iterable[Mapping[str, Any]], matcher: Matcher, retries: RetryQueue) -> None:
    """Match every artwork that a batch of stream records names.

    An artwork that fails goes to the retry queue, and the others go on. Raises only when even that is refused: the
    stream then delivers the batch again, and matching again is harmless.
    """
    meter = Meter()
    orders = [new for record in records if (new := _new_order(record)) is not None]
    artworks = dict.fromkeys(artwork_id for artwork_id, _ in orders)
    failed: list[ArtworkId] = []
    made = 0
    for artwork_id in artworks:
        try:
            made += match_artwork(matcher, artwork_id)
        except ContendedBookError:
            log_event("book contended", artwork_id=artwork_id)
            failed.append(artwork_id)
        except Exception:
            log_failure("artwork not matched", artwork_id=artwork_id)
            failed.append(artwork_id)
    retries.send(failed)
    named = list(dict.fromkeys(order_id for _, order_id in orders))
    log_event("matched", order_ids=named, artworks=list(artworks), trades=made, failed=failed, **meter.fields())
    put_metrics([("Trades", MetricUnit.Count, made), ("MatchRetries", MetricUnit.Count, len(failed))])


def _new_order(record: Mapping[str, Any]) -> tuple[ArtworkId, str] | None:
    change = record["dynamodb"]
    is_new = (
        record["eventName"] == "INSERT" and change.get("NewImage", {}).get("status", {}).get("S") == OrderStatus.NEW
    )
    keys = change["Keys"]
    return (ArtworkId(int(keys["book"]["S"])), keys["order_id"]["S"]) if is_new else None
