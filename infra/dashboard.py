"""The dashboard as code: what a person looks at first, from the promise (orders come through) down to the parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

NAMESPACE = "Rialto"
STACK = "${AWS::StackName}"
OURS = ("service", STACK)
COLUMNS, WIDTH, HEIGHT = 3, 8, 6
Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Series:
    """One line of a graph. ``dimensions`` are names and values in turn."""

    namespace: str
    metric: str
    dimensions: tuple[str, ...]
    statistic: str = "Sum"
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """A graph: its title, and its lines or a search that finds them."""

    title: str
    series: tuple[Series, ...] = ()
    search: str = ""


def dashboard(resources: Resources) -> dict[str, Any]:
    """Return the dashboard of a stack with these resources."""
    alarms = [f"${{{name}.Arn}}" for name in _of_type(resources, "AWS::CloudWatch::Alarm")]
    places = count()
    head = {"type": "alarm", "x": 0, "y": 0, "width": COLUMNS * WIDTH, "height": 4}
    widgets: list[dict[str, Any]] = [{**head, "properties": {"title": "Alarms", "alarms": alarms}}]
    widgets += [_widget(graph, next(places)) for graph in graphs(resources)]
    body = {"Fn::Sub": json.dumps({"widgets": widgets})}
    properties = {"DashboardName": {"Ref": "AWS::StackName"}, "DashboardBody": body}
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}


def graphs(resources: Resources) -> Iterator[Graph]:
    """Yield the graphs, the most important first."""
    yield Graph("Orders", _ours("Accepted", "Placed", "Settled", "SignalOrders"))
    yield Graph("Offers and trades", _ours("Offers", "Trades", "SweptTrades"))
    yield Graph("Signals", _ours("SignalsAccepted", "SignalsRejected"))
    yield Graph("From accepted to placed, ms", _percentiles("AcceptToPlaced"))
    yield Graph("From accepted to matched, ms", _percentiles("AcceptToMatched"))
    yield Graph("Oldest order that waits, s", (_one("OldestUnplacedSeconds", "Maximum"),))
    yield Graph("Rejected requests by code", search=_by_code("Rejected"))
    yield Graph("Tried again", _ours("PlacementRetries", "MatchRetries", "Requeued", "Redriven", "OpenSignals"))
    yield Graph("Dead letters", tuple(_dead_letters(resources)))
    yield Graph("Execution reports", _ours("ReportsApplied", "ReportsDuplicate", "ReportsLate", "ReportsImpossible"))
    yield Graph("Orders without news, asked for", _ours("Reconciled", "UnknownAtExchange"))
    yield Graph("Age of the newest report applied, ms", (_one("ReportLag", "Maximum"),))
    yield Graph("Faults", _ours("Faults", "DeadLettered", "InvariantViolations", "CallsThrottled"))
    yield Graph("Requests", tuple(_gateway("Sum", "Count", "4XXError", "5XXError")))
    yield Graph("Answered after, ms", tuple(one for p in ("p50", "p99") for one in _gateway(p, "Latency")))
    yield Graph("Age of the stream's records, ms", tuple(_functions(resources, "IteratorAge", "Maximum", streams=True)))
    yield Graph("Function errors", tuple(_functions(resources, "Errors", "Sum")))
    yield Graph("Function duration, p99 ms", tuple(_functions(resources, "Duration", "p99")))
    yield Graph("Functions at once", tuple(_functions(resources, "ConcurrentExecutions", "Maximum")))
    yield Graph("Function throttles", tuple(_functions(resources, "Throttles", "Sum")))
    yield Graph("Write units", tuple(_tables(resources, "ConsumedWriteCapacityUnits")))
    yield Graph("Write throttles of tables", tuple(_tables(resources, "WriteThrottleEvents")))


def _widget(graph: Graph, place: int) -> dict[str, Any]:
    lines = [_line(series) for series in graph.series]
    if graph.search:
        lines.append([{"expression": graph.search, "label": ""}])
    row, column = divmod(place, COLUMNS)
    properties = {
        "title": graph.title,
        "region": "${AWS::Region}",
        "period": 60,
        "view": "timeSeries",
        "metrics": lines,
    }
    return {
        "type": "metric",
        "x": column * WIDTH,
        "y": 4 + row * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": properties,
    }


def _line(series: Series) -> list[Any]:
    shown = {"stat": series.statistic, "label": series.label or series.metric}
    return [series.namespace, series.metric, *series.dimensions, shown]


def _one(metric: str, statistic: str = "Sum") -> Series:
    return Series(NAMESPACE, metric, OURS, statistic)


def _ours(*metrics: str) -> tuple[Series, ...]:
    return tuple(_one(metric) for metric in metrics)


def _percentiles(metric: str) -> tuple[Series, ...]:
    return tuple(Series(NAMESPACE, metric, OURS, statistic, statistic) for statistic in ("p50", "p90", "p99"))


def _by_code(metric: str) -> str:
    """Return a search that finds a line for each code, those that nobody has thought of, too."""
    return f"SEARCH('{{{NAMESPACE},code,service}} MetricName=\"{metric}\" service=\"{STACK}\"', 'Sum', 60)"


def _gateway(statistic: str, *metrics: str) -> Iterator[Series]:
    for metric in metrics:
        label = metric if statistic == "Sum" else statistic
        yield Series("AWS/ApiGateway", metric, ("ApiName", STACK), statistic, label)


def _dead_letters(resources: Resources) -> Iterator[Series]:
    for name in _of_type(resources, "AWS::SQS::Queue"):
        if name.endswith("DeadLetters"):
            dimensions = ("QueueName", f"${{{name}.QueueName}}")
            yield Series("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, "Maximum", name)


def _functions(resources: Resources, metric: str, statistic: str, *, streams: bool = False) -> Iterator[Series]:
    for name, function in _of_type(resources, "AWS::Serverless::Function").items():
        events = function["Properties"].get("Events", {}).values()
        if not streams or any(event["Type"] == "DynamoDB" for event in events):
            yield Series("AWS/Lambda", metric, ("FunctionName", f"${{{name}}}"), statistic, name)


def _tables(resources: Resources, metric: str) -> Iterator[Series]:
    for name in _of_type(resources, "AWS::DynamoDB::Table"):
        yield Series("AWS/DynamoDB", metric, ("TableName", f"${{{name}}}"), "Sum", name)


def _of_type(resources: Resources, kind: str) -> dict[str, Mapping[str, Any]]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}
