"""What the functions tell, for tests: the lines of the log, and the metrics."""

import json
import traceback
from typing import Any

import pytest

from chalicelib.core import telemetry

Line = dict[str, Any]


class Log:
    """What was told since it was read last: stands in for the logger, which writes each line as JSON."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._metrics: list[Line] = []

    def info(self, message: str, extra: Line) -> None:
        self._lines.append({"message": message, **extra})

    def exception(self, message: str, extra: Line) -> None:
        self._lines.append({"message": message, **extra, "exception": traceback.format_exc()})

    def write_metrics(self, line: str) -> None:
        self._metrics.append(json.loads(line))

    def read(self) -> list[Line]:
        """Return the lines."""
        lines, self._lines = self._lines, []
        return lines

    def read_metrics(self) -> dict[str, tuple[str, float]]:
        """Return unit and last value of each metric, by its name."""
        told, self._metrics = self._metrics, []
        return {
            metric["Name"]: (metric["Unit"], line[metric["Name"]][-1])
            for line in told
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }

    def about(self, thing: str) -> dict[str, Line]:
        """Return the lines in which an id stands anywhere, by their message: what a search for it finds."""
        return {line["message"]: line for line in self.read() if thing in json.dumps(line)}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Whatever the functions tell during the test."""
    told = Log()
    monkeypatch.setattr(telemetry, "_logger", lambda: told)
    monkeypatch.setattr(telemetry, "_write", told.write_metrics)
    # Whatever invocation was named by a test before.
    monkeypatch.setattr(telemetry, "_always", {})
    return told
