"""The one place where the art market's concrete parts are put together, from the settings, when first needed."""

from dataclasses import dataclass
from functools import cache

from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, read_settings
from chalicelib.core.sqs import sqs_client
from chalicelib.market.listing import Listings
from chalicelib.market.matching import Matcher
from chalicelib.market.queue import RetryQueue
from chalicelib.market.store import MarketStore


@dataclass(frozen=True)
class Market:
    """The art market's parts."""

    store: MarketStore
    listings: Listings
    matcher: Matcher
    retries: RetryQueue


def market() -> Market:
    """Return the art market of this process's environment."""
    return _build(read_settings())


@cache
def _build(settings: Settings) -> Market:
    store = MarketStore(settings.market_orders_table, settings.trades_table, settings.artworks_table)
    return Market(
        store=store,
        listings=Listings(settings.market_orders_table),
        matcher=Matcher(store, utc_now),
        retries=RetryQueue(sqs_client(), settings.match_retries_queue_url),
    )
