"""LocalStack: the one that runs already, else one in Docker."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from instance import LOCALSTACK_ENDPOINT, Instance, SetupError

COMPOSE_FILE = Path(__file__).with_name("docker-compose.yml")
PATIENCE = 180.0


def start_localstack(instance: Instance, tick: Callable[[], None] = lambda: None) -> bool:
    """Use the LocalStack at the instance's endpoint, or start one in Docker; tell whether it was started.

    Raises:
        SetupError: when there is none and it cannot be started here.
    """
    if _healthy(instance):
        return False
    if instance.endpoint != LOCALSTACK_ENDPOINT:
        raise SetupError(f"No LocalStack answers at {instance.endpoint} (LOCALSTACK_ENDPOINT).")
    _compose("up", "--detach", "--quiet-pull")
    deadline = time.monotonic() + PATIENCE
    while not _healthy(instance):
        if time.monotonic() > deadline:
            raise SetupError(f"LocalStack was not ready after {PATIENCE:.0f} s (docker compose -f {COMPOSE_FILE} logs)")
        tick()
        time.sleep(0.5)
    _marker(instance).write_text("started by this instance\n")
    return True


def stop_localstack(instance: Instance, wipe: bool = False) -> bool:
    """Stop LocalStack if this instance started it, wiping its volume if wanted, and tell whether it did."""
    if not started_here(instance):
        return False
    _compose("down", *(["--volumes"] if wipe else []))
    _marker(instance).unlink()
    return True


def started_here(instance: Instance) -> bool:
    """Tell whether LocalStack runs in a container that this instance started."""
    return _marker(instance).exists()


def _marker(instance: Instance) -> Path:
    return instance.home / "localstack-in-docker"


def _healthy(instance: Instance) -> bool:
    try:
        with httpx.Client(trust_env=False, timeout=2.0, verify=False) as client:  # noqa: S501 - its own certificate
            return client.get(f"{instance.endpoint}/_localstack/health").status_code == 200
    except httpx.HTTPError:
        return False


def _compose(*arguments: str) -> None:
    needed = "CLOUD=localstack needs Docker with compose, or a LocalStack that runs at LOCALSTACK_ENDPOINT"
    if not shutil.which("docker"):
        raise SetupError(f"{needed}.")
    command = ["docker", "compose", "--file", str(COMPOSE_FILE), *arguments]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no reason given"]
        raise SetupError(f"{needed}. docker compose {arguments[0]}: {lines[0]}")
