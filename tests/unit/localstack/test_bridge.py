"""The bridge's process of an instance."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from instance import Instance
from servers import bridge, bridge_environment, start_bridge, stop_servers

OUTPUTS = {"ReportsQueue": "http://127.0.0.1:1/reports.fifo", "OperationsTable": "operations", "Other": "x"}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance whose cloud and exchange are not there: a bridge waits for them."""
    started = Instance.on_free_ports(tmp_path)
    yield started
    bridge(started).stop()


def pid(instance: Instance) -> int:
    return int(json.loads((instance.home / "run" / "bridge.json").read_text())["pid"])


def test_starts_and_waits_for_the_cloud(instance: Instance) -> None:
    start_bridge(instance, OUTPUTS)
    assert bridge(instance).alive()
    assert '"started"' in bridge(instance).log.read_text()


def test_one_that_runs_is_left_alone(instance: Instance) -> None:
    start_bridge(instance, OUTPUTS)
    before = pid(instance)
    start_bridge(instance, OUTPUTS)
    assert pid(instance) == before


def test_one_that_died_is_started_again(instance: Instance) -> None:
    start_bridge(instance, OUTPUTS)
    died = psutil.Process(pid(instance))
    died.send_signal(signal.SIGKILL)
    died.wait(10)
    start_bridge(instance, OUTPUTS)
    assert pid(instance) != died.pid
    assert bridge(instance).alive()


def test_another_queue_is_another_bridge(instance: Instance) -> None:
    start_bridge(instance, OUTPUTS)
    before = pid(instance)
    start_bridge(instance, OUTPUTS | {"ReportsQueue": "http://127.0.0.1:1/another.fifo"})
    assert pid(instance) != before


@pytest.mark.parametrize("missing", ["ReportsQueue", "OperationsTable"])
def test_a_stack_without_reports_has_no_bridge(instance: Instance, missing: str) -> None:
    start_bridge(instance, OUTPUTS)
    start_bridge(instance, {name: value for name, value in OUTPUTS.items() if name != missing})
    assert not bridge(instance).alive()


def test_stops_with_the_servers_and_in_good_order(instance: Instance) -> None:
    start_bridge(instance, OUTPUTS)
    assert stop_servers(instance) == ["bridge"]
    assert '"stopped"' in bridge(instance).last_words(1)


def test_knows_its_own_cloud_and_exchange_and_nothing_of_the_callers(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    environ = bridge_environment(instance, OUTPUTS)
    assert environ["AWS_ENDPOINT_URL"] == instance.endpoint
    assert environ["FEED_URL"] == f"ws://127.0.0.1:{instance.exchange_port}/feed"
    assert environ["REPORTS_QUEUE_URL"] == OUTPUTS["ReportsQueue"]
    assert "AWS_PROFILE" not in environ
