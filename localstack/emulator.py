"""The embedded cloud: MiniStack, from the virtual environment, on the loopback interface only."""

import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
from instance import Instance
from processes import Daemon, require_free_port, wait_until

PATIENCE = 30.0
# Writing the state of a large instance takes its time; cutting it short would lose data.
STOP_PATIENCE = 60.0
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


def emulator(instance: Instance) -> Daemon:
    """Return the emulator's process of an instance, running or not."""
    return Daemon("emulator", instance.home)


def start_emulator(instance: Instance, tick: Callable[[], None] = lambda: None) -> bool:
    """Start the emulator unless it runs, with the data it had, and tell whether it was started.

    Raises:
        SetupError: when the port is taken or the emulator does not come up.
    """
    daemon = emulator(instance)
    environ = emulator_environment(instance, os.environ)
    # What is passed on differs from terminal to terminal, and is no reason to start anew.
    version = json.dumps([importlib.metadata.version("ministack"), sys.executable, emulator_environment(instance, {})])
    if daemon.runs(version):
        return False
    daemon.stop(STOP_PATIENCE)
    require_free_port(instance.cloud_port, "RIALTO_CLOUD_PORT")
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        Path(environ[name]).mkdir(parents=True, exist_ok=True)
    forget_stream_positions(Path(environ["STATE_DIR"]))
    daemon.start([sys.executable, "-m", "ministack"], environ, version)
    wait_until(lambda: _healthy(instance), daemon, PATIENCE, tick)
    return True


def stop_emulator(instance: Instance) -> bool:
    """Stop the emulator, which then writes its state, and tell whether it ran."""
    return emulator(instance).stop(STOP_PATIENCE)


def emulator_environment(instance: Instance, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of the emulator, which its functions inherit.

    Of the caller's variables only harmless ones are passed on: no AWS profile, no proxy, no PYTHONPATH.
    """
    home = instance.home / "cloud"
    return {name: caller[name] for name in PASSED_ON if name in caller} | {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "GATEWAY_PORT": str(instance.cloud_port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        # Without these two it would open a port for MQTT, and tidy up containers in a Docker that is not its own.
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{home / 'no-docker'}",
        "SFTP_ENABLED": "0",
        "AWS_ENDPOINT_URL": instance.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def forget_stream_positions(state: Path) -> None:
    """Make the stream triggers begin anew with the stream.

    MiniStack keeps a trigger's position, but not the stream: after a restart every record up to the old position
    would be skipped in silence. The records lost with the stream are what the sweep is for.
    """
    path = state / "lambda.json"
    if not path.exists():
        return
    document = json.loads(path.read_text())
    if document.get("payload", {}).pop("dynamodb_stream_positions", None) is not None:
        path.write_text(json.dumps(document))


def _healthy(instance: Instance) -> bool:
    try:
        with httpx.Client(trust_env=False, timeout=1.0) as client:
            return client.get(f"{instance.endpoint}/_ministack/ready").status_code == 200
    except httpx.HTTPError:
        return False
