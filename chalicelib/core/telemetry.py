"""What Rialto tells about itself: one structured log line per request and per record, and metrics in EMF.

Both go to standard output, where Lambda picks them up: no call is made and nothing is waited for.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["MetricUnit", "log_event", "log_failure", "put_metrics"]

Metric = tuple[str, MetricUnit, float]
"""Name, unit and value."""


@cache
def _logger() -> Logger:
    return Logger(use_rfc3339=True, utc=True, location=None, serialize_stacktrace=False)


def log_event(message: str, **fields: Any) -> None:
    """Write one line about what was done."""
    _logger().info(message, extra=fields)


def log_failure(message: str, **fields: Any) -> None:
    """Write one line about a fault, with the traceback of the exception being handled."""
    _logger().exception(message, extra=fields)


def put_metrics(metrics: Iterable[Metric]) -> None:
    """Write the metrics as one CloudWatch EMF line; none at all when there are none.

    A fault in here is logged and goes no further: what is measured has happened, and must not look as if it had not.
    """
    try:
        line = EphemeralMetrics()
        for name, unit, value in metrics:
            line.add_metric(name=name, unit=unit, value=value)
        if line.metric_set:
            line.flush_metrics()
    except Exception:
        log_failure("metrics not written")
