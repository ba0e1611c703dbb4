"""What every invocation has, whatever function it is of: an id in each of its log lines, and its throttled calls."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.metering import Meter
from chalicelib.core.telemetry import MetricUnit, name_invocation, put_metrics


def watch_invocation(event: Any, carry_out: Callable[[Any], Any]) -> Any:
    """Carry an invocation out, as a middleware of Chalice for functions of every kind."""
    context = getattr(event, "lambda_context", None) or getattr(event, "context", None)
    name_invocation(getattr(context, "aws_request_id", None))
    meter = Meter()
    try:
        return carry_out(event)
    finally:
        if meter.throttled:
            put_metrics([("CallsThrottled", MetricUnit.Count, meter.throttled)])
