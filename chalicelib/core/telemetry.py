"""What Rialto tells about itself: one structured log line per request and per record, and metrics in EMF.

Both go to standard output, where Lambda picks them up: no call is made and nothing is waited for.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["MetricUnit", "log_event", "log_failure", "name_invocation", "put_metrics"]

Metric = tuple[str, MetricUnit, float]
"""Name, unit and value."""


@cache
def _logger() -> Logger:
    return Logger(use_rfc3339=True, utc=True, location=None, serialize_stacktrace=False)


_always: dict[str, Any] = {}
"""Fields of every line: a process carries out one invocation at a time, with all of its threads."""


def name_invocation(request_id: str | None) -> None:
    """Let every line from now on tell Lambda's id of the invocation, by which its own report of it is found."""
    _always.clear()
    if request_id is not None:
        _always["invocation"] = request_id


def log_event(message: str, **fields: Any) -> None:
    """Write one line about what was done. What is None is left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    _logger().info(message, extra={**present, **_always})


def log_failure(message: str, **fields: Any) -> None:
    """Write one line about a fault, with the traceback of the exception being handled."""
    _logger().exception(message, extra={**fields, **_always})


def put_metrics(metrics: Iterable[Metric], **dimensions: str) -> None:
    """Write the metrics as one CloudWatch EMF line; none at all when there are none.

    ``dimensions`` are of few values each: every combination of them is a metric of its own, which costs.

    A fault in here is logged and goes no further: what is measured has happened, and must not look as if it had not.
    """
    try:
        line = EphemeralMetrics()
        for name, unit, value in metrics:
            line.add_metric(name=name, unit=unit, value=value)
        if line.metric_set:
            for dimension, value_of_it in dimensions.items():
                line.add_dimension(name=dimension, value=value_of_it)
            line.flush_metrics()
    except Exception:
        log_failure("metrics not written")
