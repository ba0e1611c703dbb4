"""A market that fails on demand, and a client that is quick to ask again."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from rialto_client import Client, Retries, Timeout

from tests.unit.client.broker_server import BrokerServer
from tests.unit.client.market_server import MarketServer, running
from tests.unit.client.operations_server import OperationsServer
from tests.unit.client.platform_server import PlatformServer
from tests.unit.client.signing_server import SigningServer
from tests.unit.client.strategies_server import StrategiesServer

QUICK = Retries(attempts=4, first_pause=0.001, longest_pause=0.002)
SHORT = Timeout(connect=1, read=0.2, overall=5)


@pytest.fixture
def anyio_backend() -> str:
    """The client is made for asyncio."""
    return "asyncio"


@pytest.fixture
def market() -> Iterator[MarketServer]:
    """A market of the test's own."""
    with running(MarketServer()) as server:
        yield server


@pytest.fixture
def strategies() -> Iterator[StrategiesServer]:
    """A Rialto of the test's own, as far as its strategies go."""
    with running(StrategiesServer()) as server:
        yield server


@pytest.fixture
def broker() -> Iterator[BrokerServer]:
    """A broker of the test's own."""
    with running(BrokerServer()) as server:
        yield server


@pytest.fixture
def operations() -> Iterator[OperationsServer]:
    """A Rialto of the test's own, as the people on call see it."""
    with running(OperationsServer()) as server:
        yield server


@pytest.fixture
def platform() -> Iterator[PlatformServer]:
    """A whole Rialto of the test's own."""
    with running(PlatformServer()) as server:
        yield server


@pytest.fixture
def gateway() -> Iterator[SigningServer]:
    """A whole Rialto that takes signed requests only."""
    with running(SigningServer()) as server:
        yield server


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which AWS tools find no credentials, to be changed by the test."""
    for name in os.environ:
        if name.startswith(("AWS_", "RIALTO_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
async def trader(strategies: StrategiesServer) -> AsyncIterator[Client]:
    """A client of that Rialto."""
    async with Client(strategies.url, timeout=SHORT, retries=QUICK) as connected:
        yield connected


@pytest.fixture
async def client(market: MarketServer) -> AsyncIterator[Client]:
    """A client of that market."""
    async with Client(market.url, timeout=SHORT, retries=QUICK) as connected:
        yield connected
