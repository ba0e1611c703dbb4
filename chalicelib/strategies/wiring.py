"""The one place where the concrete parts of the strategies are put together, from the settings, when first needed."""

from dataclasses import dataclass
from functools import cache

from chalicelib.broker.store import DynamoOrderStore
from chalicelib.core.clock import utc_now
from chalicelib.core.settings import Settings, read_settings
from chalicelib.strategies.fan_out import FanOut
from chalicelib.strategies.listing import Listings
from chalicelib.strategies.profiles import DynamoProfileStore
from chalicelib.strategies.service import Desk
from chalicelib.strategies.signal import ExitScope
from chalicelib.strategies.store import DynamoStrategyStore


@dataclass(frozen=True)
class Strategies:
    """The parts of the strategies. ``scope`` and ``quantity`` are those of new signals."""

    desk: Desk
    store: DynamoStrategyStore
    listings: Listings
    orders: DynamoOrderStore
    scope: ExitScope
    quantity: int


def strategies() -> Strategies:
    """Return the strategies of this process's environment."""
    return _build(read_settings())


@cache
def _build(settings: Settings) -> Strategies:
    orders = DynamoOrderStore(settings.broker_orders_table)
    tables = (settings.signals_table, settings.positions_table, settings.order_log_table)
    store = DynamoStrategyStore(*tables, orders)
    return Strategies(
        desk=Desk(
            profiles=DynamoProfileStore(settings.subscriptions_table),
            fan_out=FanOut(store, orders, utc_now),
            lease=settings.signal_lease,
        ),
        store=store,
        listings=Listings(*tables),
        orders=orders,
        scope=ExitScope(settings.exit_scope),
        quantity=settings.signal_quantity,
    )
