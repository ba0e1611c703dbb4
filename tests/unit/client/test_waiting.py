"""Long work: on a terminal it is told that it goes on, on standard error alone."""

import asyncio
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rialto_client.cli import waiting
from rialto_client.cli.waiting import patiently

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.market_server import Answer, MarketHandler

SOURCE = Path(__file__).parents[3] / "client" / "src"


async def _fail() -> None:
    raise ValueError("no")


@pytest.mark.anyio
async def test_the_work_gives_what_it_gives_and_quick_work_is_not_talked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SILENCE", 20)
    monkeypatch.setattr(waiting, "Live", None)

    assert await patiently(asyncio.sleep(0, "done"), "working") == "done"
    with pytest.raises(ValueError, match="no"):
        await patiently(_fail(), "working")


def _run_on_a_terminal(url: str, output: Path) -> str:
    """Run a command with standard output in a file; return what the terminal shows of standard error."""
    program = [sys.executable, "-B", "-c", "from rialto_client.cli import main; main()", "--url", url]
    mine, its = pty.openpty()
    with output.open("w") as file:
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm"}
        run = subprocess.run(
            [*program, "orders", "list", "--json"], env=environment, stdout=file, stderr=its, check=True
        )
    os.close(its)
    shown = b""
    try:
        while chunk := os.read(mine, 65_536):
            shown += chunk
    except OSError:  # What Linux says at the end of a terminal.
        pass
    os.close(mine)
    assert run.returncode == 0
    return shown.decode()


def test_on_a_terminal_somebody_is_told_and_the_answer_is_alone(broker: BrokerServer, tmp_path: Path) -> None:
    def slow(handler: MarketHandler, answer: Answer) -> None:
        time.sleep(1.5)
        handler.send(*answer)

    broker.make()
    broker.faults.append(slow)

    shown = _run_on_a_terminal(broker.url, tmp_path / "orders.jsonl")

    assert "reading, 0 rows so far" in shown
    assert (tmp_path / "orders.jsonl").read_text().count("\n") == 1
