"""The instance's own two servers: the gateway in front and the exchange behind."""

import json
import os
import sys
from pathlib import Path

import httpx
from emulator import PASSED_ON, emulator
from gateway_responses import read_responses
from instance import Instance
from processes import Daemon, require_free_port, wait_until

from infra.fingerprint import fingerprint, fingerprint_files

FOLDER = Path(__file__).resolve().parent
EXCHANGE_SETTING = "Exchange"
PATIENCE = 20.0


def gateway(instance: Instance) -> Daemon:
    """Return the gateway's process of an instance, running or not."""
    return Daemon("gateway", instance.home)


def exchange(instance: Instance) -> Daemon:
    """Return the exchange server's process of an instance, running or not."""
    return Daemon("exchange", instance.home)


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


def start_gateway(instance: Instance, template: Path, api_id: str, exchange: str) -> None:
    """Start the gateway, anew if it points elsewhere or answers otherwise than it should now.

    It passes the switches of the local exchange on, where the stack uses that one.
    """
    config = instance.home / "gateway.json"
    settings = {
        "bind": instance.bind,
        "port": instance.port,
        "upstream": f"{instance.endpoint}/_aws/execute-api/{api_id}/rialto",
        "responses": read_responses(template),
        "exchange": instance.exchange_url if exchange == "http" else "",
    }
    config.write_text(json.dumps(settings, indent=2))
    command = [sys.executable, str(FOLDER / "gateway.py"), str(config)]
    version = fingerprint(config.read_text(), fingerprint_files(FOLDER, FOLDER.glob("gateway*.py")))
    _start(gateway(instance), command, version, f"{instance.url}/health")


def start_exchange(instance: Instance) -> None:
    """Start the exchange server, anew if its program changed."""
    command = [sys.executable, str(FOLDER / "exchange_server.py"), "--port", str(instance.exchange_port)]
    command += ["--journal", str(instance.home / "exchange-journal.jsonl")]
    version = fingerprint(*command, fingerprint_files(FOLDER, FOLDER.glob("exchange*.py")))
    _start(exchange(instance), command, version, f"{instance.exchange_url}/health")


def stop_servers(instance: Instance) -> list[str]:
    """Stop both servers and return the names of those that ran."""
    return [daemon.name for daemon in (gateway(instance), exchange(instance)) if daemon.stop()]


def _start(daemon: Daemon, command: list[str], version: str, health: str) -> None:
    if daemon.runs(version):
        return
    daemon.stop()
    environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    daemon.start(command, environ, version)
    wait_until(lambda: _listens(health), daemon, PATIENCE, lambda: None)


def _listens(url: str) -> bool:
    """Tell whether the server answers, be it with an error: the gateway's health is the functions' too."""
    try:
        with httpx.Client(trust_env=False, timeout=30.0) as client:
            client.get(url)
    except httpx.HTTPError:
        return False
    return True
