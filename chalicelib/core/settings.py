"""The settings of a deployment, read from the environment when they are needed, never at import."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


class SettingsError(Exception):
    """Raised when a setting is missing or has no sense. Names the variable."""


@dataclass(frozen=True)
class Settings:
    """What infra/resources.yaml puts into the environment of every function."""

    stage: str
    broker_orders_table: str
    operations_table: str
    market_orders_table: str
    trades_table: str
    artworks_table: str
    match_retries_queue_url: str
    match_retries_dlq_url: str
    match_dlq_url: str
    placements_queue_url: str
    placements_dlq_url: str
    hand_over_dlq_url: str
    exchange: str
    exchange_url: str
    exchange_timeout: float
    """Seconds to wait for one answer of the exchange."""
    given_failure_rate: float
    given_latency: float
    placement_lease: timedelta
    placement_visibility: timedelta
    placement_max_receives: int
    reports_queue_url: str
    reports_dlq_url: str
    report_retries_queue_url: str
    report_retries_dlq_url: str
    reconcile_after: timedelta
    """How long an order works without news before the exchange is asked for it."""
    signals_table: str
    subscriptions_table: str
    positions_table: str
    order_log_table: str
    exit_scope: str
    signal_quantity: int
    signal_lease: timedelta
    """How long a request has a signal: longer than its function's time-out."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the environment, by default of this process as it is now.

    Raises:
        SettingsError: if a variable is missing or is no number where one is needed.
    """
    read = _Reader(os.environ if environment is None else environment)
    return Settings(
        stage=read.text("RIALTO_STAGE"),
        broker_orders_table=read.text("BROKER_ORDERS_TABLE"),
        operations_table=read.text("OPERATIONS_TABLE"),
        market_orders_table=read.text("MARKET_ORDERS_TABLE"),
        trades_table=read.text("TRADES_TABLE"),
        artworks_table=read.text("ARTWORKS_TABLE"),
        match_retries_queue_url=read.text("MATCH_RETRIES_QUEUE_URL"),
        match_retries_dlq_url=read.text("MATCH_RETRIES_DLQ_URL"),
        match_dlq_url=read.text("MATCH_DLQ_URL"),
        placements_queue_url=read.text("PLACEMENTS_QUEUE_URL"),
        placements_dlq_url=read.text("PLACEMENTS_DLQ_URL"),
        hand_over_dlq_url=read.text("HAND_OVER_DLQ_URL"),
        exchange=read.text("EXCHANGE"),
        exchange_url=read.text("EXCHANGE_URL"),
        exchange_timeout=read.number("EXCHANGE_TIMEOUT"),
        given_failure_rate=read.number("GIVEN_FAILURE_RATE"),
        given_latency=read.number("GIVEN_LATENCY"),
        placement_lease=timedelta(seconds=read.number("PLACEMENT_LEASE")),
        placement_visibility=timedelta(seconds=read.number("PLACEMENT_VISIBILITY")),
        placement_max_receives=int(read.number("PLACEMENT_MAX_RECEIVES")),
        reports_queue_url=read.text("REPORTS_QUEUE_URL"),
        reports_dlq_url=read.text("REPORTS_DLQ_URL"),
        report_retries_queue_url=read.text("REPORT_RETRIES_QUEUE_URL"),
        report_retries_dlq_url=read.text("REPORT_RETRIES_DLQ_URL"),
        reconcile_after=timedelta(seconds=read.number("RECONCILE_AFTER")),
        signals_table=read.text("SIGNALS_TABLE"),
        subscriptions_table=read.text("SUBSCRIPTIONS_TABLE"),
        positions_table=read.text("POSITIONS_TABLE"),
        order_log_table=read.text("ORDER_LOG_TABLE"),
        exit_scope=read.text("EXIT_SCOPE"),
        signal_quantity=int(read.number("SIGNAL_QUANTITY")),
        signal_lease=timedelta(seconds=read.number("SIGNAL_LEASE")),
    )


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        try:
            return self._environment[name]
        except KeyError:
            raise SettingsError(f"The environment variable {name} is not set") from None

    def number(self, name: str) -> float:
        text = self.text(name)
        try:
            return float(text)
        except ValueError:
            raise SettingsError(f"The environment variable {name} is no number: {text!r}") from None
