"""The matching function's batch: records of new orders, grouped by artwork, each matched once."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.telemetry import MetricUnit, log_event, log_failure, put_metrics
from chalicelib.market.matching import ContendedBookError, Matcher, match_artwork
from chalicelib.market.order import ArtworkId
from chalicelib.market.queue import RetryQueue


def match_records(records: Iterable[Mapping[str, Any]], matcher: Matcher, retries: RetryQueue) -> None:
    """Match every artwork that a batch of stream records names.

    An artwork that fails goes to the retry queue, and the others go on. Raises only when even that is refused: the
    stream then delivers the batch again, and matching again is harmless.
    """
    artworks = dict.fromkeys(artwork for record in records if (artwork := _artwork(record)) is not None)
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
    log_event("matched", artworks=list(artworks), trades=made, failed=failed)
    put_metrics([("Trades", MetricUnit.Count, made), ("MatchRetries", MetricUnit.Count, len(failed))])


def _artwork(record: Mapping[str, Any]) -> ArtworkId | None:
    change = record["dynamodb"]
    is_new = (
        record["eventName"] == "INSERT" and change.get("NewImage", {}).get("status", {}).get("S") == OrderStatus.NEW
    )
    return ArtworkId(int(change["Keys"]["book"]["S"])) if is_new else None
