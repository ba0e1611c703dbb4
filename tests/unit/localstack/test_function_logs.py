"""What `make logs` prints."""

from pathlib import Path

import function_logs
import pytest
from function_logs import print_logs
from instance import Instance
from servers import gateway


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """One that was started, whose gateway and functions have logged."""
    started = Instance.on_free_ports(tmp_path)
    started.home.mkdir(parents=True, exist_ok=True)
    (started.home / "outputs.json").write_text("{}")
    log = gateway(started).log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("GET /orders/one\nGET /orders/two\nGET /orders/three\n")
    lines = ["Sweep sweep", "APIHandler request one", "PlaceOrders attempt one", "PlaceOrders attempt two"]
    monkeypatch.setattr(function_logs, "_function_lines", lambda *_: (0, lines))
    return started


def test_last_lines_of_each_are_printed(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    print_logs(instance, 1)
    assert capsys.readouterr().out.splitlines() == ["gateway      GET /orders/three", "PlaceOrders attempt two"]


def test_one_order_is_followed_however_long_ago_it_was(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    print_logs(instance, 2, "one")
    assert capsys.readouterr().out.splitlines() == [
        "gateway      GET /orders/one",
        "APIHandler request one",
        "PlaceOrders attempt one",
    ]
