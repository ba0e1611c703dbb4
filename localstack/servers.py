"""The instance's own processes: the gateway in front, the exchange behind, the bridge that carries its reports back."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
from cloud_session import REGION
from emulator import PASSED_ON, emulator
from gateway_responses import responses_in
from instance import ROOT, Instance
from processes import Daemon, require_free_port, wait_until

from infra.fingerprint import fingerprint, fingerprint_files
from infra.template import read_template, with_choices

FOLDER = Path(__file__).resolve().parent
EXCHANGE_SETTING = "Exchange"
TRADING_SETTING = "RIALTO_TRADING"
BRIDGE_OUTPUTS = {"ReportsQueue", "OperationsTable"}
"""Of the stack; the bridge needs them."""
PATIENCE = 20.0


def gateway(instance: Instance) -> Daemon:
    """Return the gateway's process of an instance, running or not."""
    return Daemon("gateway", instance.home)


def exchange(instance: Instance) -> Daemon:
    """Return the exchange server's process of an instance, running or not."""
    return Daemon("exchange", instance.home)


def bridge(instance: Instance) -> Daemon:
    """Return the bridge's process of an instance, running or not."""
    return Daemon("bridge", instance.home)


def require_ports(instance: Instance) -> None:
    """Refuse ports that others use, before anything is started.

    Raises:
        SetupError: naming the port and the setting that changes it.
    """
    if not gateway(instance).alive():
        require_free_port(instance.port, "RIALTO_PORT", instance.bind)
    if instance.cloud == "embedded" and not emulator(instance).alive():
        require_free_port(instance.cloud_port, "RIALTO_CLOUD_PORT")
    if not exchange(instance).alive():
        require_free_port(instance.exchange_port, "RIALTO_EXCHANGE_PORT")


def start_gateway(instance: Instance, template: Path, api_id: str, parameters: Mapping[str, str]) -> None:
    """Start the gateway, anew if it points elsewhere or answers otherwise than it should now.

    It passes the switches of the local exchange on, where the stack, by its parameters, uses that one.
    """
    config = instance.home / "gateway.json"
    settings = {
        "bind": instance.bind,
        "port": instance.port,
        "upstream": f"{instance.endpoint}/_aws/execute-api/{api_id}/rialto",
        "responses": responses_in(with_choices(read_template(template), parameters)),
        "exchange": instance.exchange_url if parameters[EXCHANGE_SETTING] == "http" else "",
    }
    config.write_text(json.dumps(settings, indent=2))
    command = [sys.executable, str(FOLDER / "gateway.py"), str(config)]
    version = fingerprint(config.read_text(), fingerprint_files(FOLDER, FOLDER.glob("gateway*.py")))
    _start(gateway(instance), command, version, f"{instance.url}/health")


def start_exchange(instance: Instance) -> None:
    """Start the exchange server, anew if its program changed, or if it shall trade and did not, or the reverse."""
    command = [sys.executable, str(FOLDER / "exchange_server.py"), "--port", str(instance.exchange_port)]
    command += ["--journal", str(instance.home / "exchange-journal.jsonl")]
    command += ["--trading", "closed" if os.environ.get(TRADING_SETTING) == "closed" else "open"]
    version = fingerprint(*command, fingerprint_files(FOLDER, FOLDER.glob("exchange*.py")))
    _start(exchange(instance), command, version, f"{instance.exchange_url}/health")


def start_bridge(instance: Instance, outputs: Mapping[str, str]) -> None:
    """Start the bridge, anew if its program changed or it leads elsewhere; none for a stack without a reports queue."""
    if not outputs.keys() >= BRIDGE_OUTPUTS:
        bridge(instance).stop()
        return
    environ = bridge_environment(instance, outputs)
    version = fingerprint(json.dumps(environ), fingerprint_files(ROOT, (ROOT / "bridge").glob("*.py")))
    daemon = bridge(instance)
    read = daemon.log.stat().st_size if daemon.log.exists() else 0
    if _begin(daemon, [sys.executable, "-m", "bridge"], version, environ):
        wait_until(lambda: b'"started"' in daemon.log.read_bytes()[read:], daemon, PATIENCE, lambda: None)


def bridge_environment(instance: Instance, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return what the bridge of an instance has to know."""
    return {
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": instance.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "FEED_URL": f"{instance.exchange_url.replace('http', 'ws', 1)}/feed",
        "REPORTS_QUEUE_URL": outputs["ReportsQueue"],
        "OPERATIONS_TABLE": outputs["OperationsTable"],
    }


def stop_servers(instance: Instance) -> list[str]:
    """Stop all of them, the bridge while it can still send what it has read, and return the names of those that ran."""
    daemons = (bridge(instance), gateway(instance), exchange(instance))
    return [daemon.name for daemon in daemons if daemon.stop()]


def _start(daemon: Daemon, command: list[str], version: str, health: str) -> None:
    if _begin(daemon, command, version):
        wait_until(lambda: _listens(health), daemon, PATIENCE, lambda: None)


def _begin(daemon: Daemon, command: list[str], version: str, settings: Mapping[str, str] | None = None) -> bool:
    """Start a process unless it runs in this version, and tell whether it was started."""
    if daemon.runs(version):
        return False
    daemon.stop()
    environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"} | dict(settings or {})
    daemon.start(command, environ, version)
    return True


def _listens(url: str) -> bool:
    """Tell whether the server answers, be it with an error: the gateway's health is the functions' too."""
    try:
        with httpx.Client(trust_env=False, timeout=30.0) as client:
            client.get(url)
    except httpx.HTTPError:
        return False
    return True
