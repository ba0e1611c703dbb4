"""The exchange of an instance is started as its setting says."""

from pathlib import Path

import pytest
import urllib3
from instance import Instance
from servers import exchange, start_exchange


def is_open(instance: Instance) -> bool:
    return bool(urllib3.request("GET", f"{instance.exchange_url}/trading").json()["open"])


def test_it_trades_unless_it_is_told_to_stay_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance.on_free_ports(tmp_path)
    monkeypatch.delenv("RIALTO_TRADING", raising=False)
    try:
        start_exchange(instance)
        assert is_open(instance)

        monkeypatch.setenv("RIALTO_TRADING", "closed")
        start_exchange(instance)
        assert not is_open(instance)

        (record,) = (tmp_path / "run").iterdir()
        running = record.read_text()
        start_exchange(instance)
        assert record.read_text() == running
    finally:
        exchange(instance).stop()
