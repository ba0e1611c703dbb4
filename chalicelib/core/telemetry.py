"""What Rialto tells about itself: one structured log line per request and per record, and metrics in EMF.

Both go to standard output, where Lambda picks them up: no call is made and nothing is waited for.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

__all__ = ["MetricUnit", "log_event", "log_failure", "name_invocation", "put_metrics"]


class MetricUnit(StrEnum):
    """CloudWatch's units, as far as they are needed here."""

    Count = "Count"
    Milliseconds = "Milliseconds"
    Seconds = "Seconds"


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
        told = list(metrics)
        if told:
            _write(_embedded(told, {"service": os.environ["POWERTOOLS_SERVICE_NAME"], **dimensions}))
    except Exception:
        log_failure("metrics not written")


def _embedded(metrics: Sequence[Metric], dimensions: Mapping[str, str]) -> str:
    """Return the line of some metrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    directive = {
        "Namespace": os.environ["POWERTOOLS_METRICS_NAMESPACE"],
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit.value} for name, unit, _ in metrics],
    }
    head = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": head, **dimensions, **{name: [value] for name, _, value in metrics}})


def _write(line: str) -> None:
    # In one piece: another thread must not get in between a line and its end.
    sys.stdout.write(f"{line}\n")
