import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.core.settings import Settings, SettingsError, read_settings
from tests.moto_stack import read_resources
from tests.unit.core.environment import ENVIRONMENT

ROOT = Path(__file__).parents[3]


def test_settings_are_read_from_the_environment() -> None:
    assert read_settings(ENVIRONMENT) == Settings(
        stage="dev",
        broker_orders_table="orders",
        operations_table="operations",
        market_orders_table="market_orders",
        trades_table="trades",
        artworks_table="artworks",
        match_retries_queue_url="http://queue/match-retries",
        match_retries_dlq_url="http://queue/match-retries-dead",
        match_dlq_url="http://queue/match-dead",
        placements_queue_url="https://sqs/placements",
        placements_dlq_url="https://sqs/placements-dlq",
        hand_over_dlq_url="https://sqs/hand-over-dlq",
        exchange="http",
        exchange_url="http://127.0.0.1:8082",
        exchange_timeout=3.0,
        given_failure_rate=0.1,
        given_latency=0.5,
        placement_lease=timedelta(seconds=30),
        placement_visibility=timedelta(seconds=120),
        placement_max_receives=20,
        reports_queue_url="https://sqs/reports.fifo",
        reports_dlq_url="https://sqs/reports-dlq.fifo",
        report_retries_queue_url="https://sqs/report-retries",
        report_retries_dlq_url="https://sqs/report-retries-dlq",
        reconcile_after=timedelta(seconds=300),
        signals_table="signals",
        subscriptions_table="subscriptions",
        positions_table="positions",
        order_log_table="order_log",
        exit_scope="user",
        signal_quantity=1,
        signal_lease=timedelta(seconds=26),
    )


def test_environment_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert read_settings().stage == "dev"
    monkeypatch.setenv("RIALTO_STAGE", "prod")
    assert read_settings().stage == "prod"


def test_application_can_be_imported_without_any_setting() -> None:
    clean = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    program = "import app; print(len(app.app.routes))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 5


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_missing_setting_is_named(name: str) -> None:
    without = {other: value for other, value in ENVIRONMENT.items() if other != name}
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        read_settings(without)


@pytest.mark.parametrize("name", [name for name, value in ENVIRONMENT.items() if value.replace(".", "").isdigit()])
def test_setting_that_is_no_number_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is no number: 'soon'"):
        read_settings({**ENVIRONMENT, name: "soon"})


def test_template_gives_every_setting() -> None:
    given = read_resources()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(ENVIRONMENT) <= set(given)
