"""Start and stop a whole instance: the cloud, the stack in it, the exchange, the gateway and the bridge."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import EndpointConnectionError
from cloud_session import open_session
from containers import start_localstack, started_here, stop_localstack
from emulator import start_emulator, stop_emulator
from instance import Instance, SetupError
from servers import EXCHANGE_SETTING, bridge, require_ports, start_bridge, start_exchange, start_gateway, stop_servers
from warm_up import warm_up

from infra.deploy import Adjust, Session, deploy
from infra.package import package
from infra.stack import Stack
from infra.teardown import delete_retained
from infra.template import Document, with_literal_numbers, without

Progress = Callable[[str], None]
UNKNOWN = ("AWS::CloudWatch::Dashboard",)
"""Types that a local cloud does not know."""


@dataclass(frozen=True)
class Deployment:
    """A running instance."""

    instance: Instance
    session: Session
    outputs: dict[str, str]
    parameters: dict[str, str]

    @property
    def url(self) -> str:
        """The address of the platform."""
        return self.instance.url


def start(
    instance: Instance, parameters: Mapping[str, str] | None = None, progress: Progress = lambda _: None
) -> Deployment:
    """Start what does not run, deploy what changed, and keep the data; return when requests are answered.

    `parameters` are parameters of the stack, over the local defaults.

    Raises:
        SetupError: when a port is taken or a process does not come up.
        DeploymentError: when the package or the stack fails.
    """
    instance.home.mkdir(parents=True, exist_ok=True)
    with _alone(instance):
        require_ports(instance)
        start_cloud(instance, progress)
        progress("packaging")
        template = package(target="lambda" if started_here(instance) else "host")
        session = open_session(instance)
        values = default_parameters(instance) | dict(parameters or {})
        outputs = deploy(session, template, instance.stack_name, values, progress, adjustment(instance, values))
        _record(instance).write_text(json.dumps(outputs, indent=2))
        progress("starting the exchange, the gateway and the bridge")
        start_exchange(instance)
        start_gateway(instance, template, outputs["RestAPIId"], values)
        if values[EXCHANGE_SETTING] == "http":
            start_bridge(instance, outputs)
        else:
            bridge(instance).stop()
        progress("warming up the functions")
        warm_up(instance, session, outputs)
        return Deployment(instance, session, outputs, values)


def stop(instance: Instance) -> list[str]:
    """Stop everything this instance started, keep its data, and return the names of what ran."""
    with _alone(instance):
        return stop_servers(instance) + stop_cloud(instance)


def stop_cloud(instance: Instance) -> list[str]:
    """Stop the cloud only, so that the gateway is on its own; `start` brings it back with its data."""
    stopped = stop_emulator(instance) if instance.cloud == "embedded" else stop_localstack(instance)
    return ["cloud"] if stopped else []


def wipe(instance: Instance) -> list[str]:
    """Stop the instance and forget its data; return the names of what ran."""
    stopped = stop_servers(instance)
    if instance.cloud == "localstack":
        _forget_in_localstack(instance)
    else:
        stopped += stop_cloud(instance)
    shutil.rmtree(instance.home, ignore_errors=True)
    return stopped


def outputs_of(instance: Instance) -> dict[str, str]:
    """Return the stack's outputs of the last start.

    Raises:
        SetupError: when the instance was never started.
    """
    if not _record(instance).exists():
        raise SetupError(f"Nothing was started on port {instance.port} yet: make up")
    outputs: dict[str, str] = json.loads(_record(instance).read_text())
    return outputs


def default_parameters(instance: Instance) -> dict[str, str]:
    """Return the local values of the stack's parameters."""
    if started_here(instance):  # A function in a container cannot reach a server on this machine's loopback.
        return {"Stage": "local", EXCHANGE_SETTING: "given"}
    return {"Stage": "local", EXCHANGE_SETTING: "http", "ExchangeUrl": instance.exchange_url}


def adjustment(instance: Instance, parameters: Mapping[str, str]) -> Adjust:
    """Return what makes of the template one that the instance's cloud takes."""

    def adjust(document: Document) -> Document:
        known = without(document, UNKNOWN)
        # It hands Number parameters on as strings, which then fail where AWS expects a number.
        return with_literal_numbers(known, parameters) if instance.cloud == "embedded" else known

    return adjust


def start_cloud(instance: Instance, progress: Progress = lambda _: None) -> None:
    """Start the instance's cloud unless it runs.

    Raises:
        SetupError: when it does not come up.
    """
    progress("starting the cloud")
    if instance.cloud == "embedded":
        start_emulator(instance, lambda: progress("waiting for the cloud"))
    else:
        start_localstack(instance, lambda: progress("waiting for LocalStack"))


def _forget_in_localstack(instance: Instance) -> None:
    """Delete the stack and what it retains from a LocalStack that goes on running."""
    if stop_localstack(instance, wipe=True) or not _record(instance).exists():
        return
    session = open_session(instance)
    try:
        stack = Stack(session.client("cloudformation"), instance.stack_name, lambda _: None)
        retained = [resource for resource in stack.resources() if resource.retained]
        stack.delete()
        delete_retained(session, retained)
    except EndpointConnectionError:
        return  # It is gone, and all its data with it.


def _record(instance: Instance) -> Path:
    return instance.home / "outputs.json"


@contextmanager
def _alone(instance: Instance) -> Iterator[None]:
    """Let one command at a time change an instance."""
    instance.home.mkdir(parents=True, exist_ok=True)
    with (instance.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(f"Another command is at work on the instance of port {instance.port}.") from None
        yield
