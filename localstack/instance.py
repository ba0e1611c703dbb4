"""One running copy of Rialto: its ports and its folder, so that copies with other ports never meet."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

ROOT = Path(__file__).resolve().parents[1]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only compared
LOCALSTACK_ENDPOINT = "http://127.0.0.1:4566"

Cloud = Literal["embedded", "localstack"]


class SetupError(Exception):
    """Raised for a fault of the surroundings that the user can mend; the message is the one line they read."""


@dataclass(frozen=True)
class Instance:
    """Where one copy of Rialto listens and keeps its files."""

    home: Path
    port: int
    cloud_port: int
    exchange_port: int
    bind: str = "127.0.0.1"
    cloud: Cloud = "embedded"
    localstack_endpoint: str = LOCALSTACK_ENDPOINT

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Instance:
        """Read the settings from the environment.

        Raises:
            SetupError: when one of them makes no sense.
        """
        port = _port(environ, "RIALTO_PORT", 8080)
        cloud = environ.get("CLOUD") or "embedded"
        if cloud not in get_args(Cloud):
            raise SetupError(f"CLOUD={cloud} is unknown: use embedded or localstack.")
        instance = cls(
            home=ROOT / ".rialto" / "instances" / str(port),
            port=port,
            cloud_port=_port(environ, "RIALTO_CLOUD_PORT", port + 1),
            exchange_port=_port(environ, "RIALTO_EXCHANGE_PORT", port + 2),
            bind=environ.get("RIALTO_BIND") or "127.0.0.1",
            cloud=cast(Cloud, cloud),
            localstack_endpoint=(environ.get("LOCALSTACK_ENDPOINT") or LOCALSTACK_ENDPOINT).rstrip("/"),
        )
        if len({instance.port, instance.cloud_port, instance.exchange_port}) < 3:
            raise SetupError("RIALTO_PORT, RIALTO_CLOUD_PORT and RIALTO_EXCHANGE_PORT must be three different ports.")
        return instance

    @classmethod
    def on_free_ports(cls, home: Path, cloud: Cloud = "embedded", localstack_endpoint: str = "") -> Instance:
        """Return an instance in any folder, on ports that are free now: for tests."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        port, cloud_port, exchange_port = (opened.getsockname()[1] for opened in sockets)
        for opened in sockets:
            opened.close()
        endpoint = localstack_endpoint or LOCALSTACK_ENDPOINT
        return cls(home, port, cloud_port, exchange_port, cloud=cloud, localstack_endpoint=endpoint)

    @property
    def endpoint(self) -> str:
        """The address of the cloud's API."""
        return f"http://127.0.0.1:{self.cloud_port}" if self.cloud == "embedded" else self.localstack_endpoint

    @property
    def url(self) -> str:
        """The address of the platform, as seen from this machine."""
        host = self.bind if self.bind != EVERYWHERE else "127.0.0.1"
        return f"http://{host}:{self.port}"

    @property
    def exchange_url(self) -> str:
        """The address of the exchange server."""
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def stack_name(self) -> str:
        """The name of the stack, of its own even where several instances share one LocalStack."""
        return f"rialto-{self.port}"


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SetupError(f"{name}={text} is not a port: use a number from 1 to 65535.")
    return int(text)
