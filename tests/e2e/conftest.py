"""One deployed stack for the whole session: gateway, functions, tables, stream, queues and exchange are real."""

import os
from collections.abc import Iterator

import pytest
from deployment import start, stop, wipe
from function_logs import print_logs
from instance import Instance

from tests.e2e.stack import Stack

# Short times, in the order that infra/resources.yaml demands, so that crashes heal within the patience of a test.
PARAMETERS = {
    "ExchangeTimeout": "1",
    "PlacementTimeout": "5",
    "PlacementLease": "6",
    "PlacementVisibility": "12",
    "PlacementMaxReceives": "20",
    "ApiTimeout": "12",
    "SignalLease": "13",
    "MatchVisibility": "2",
    "MatchMaxReceives": "2",
    "GivenFailureRate": "0.1",
    "GivenLatency": "0.5",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, by name and reason, what another cloud cannot show."""
    if os.environ.get("RIALTO_TEST_CLOUD") == "localstack":
        skip = pytest.mark.skip(reason="LocalStack counts 1 write unit for each transacted item, and none for indexes")
        for item in items:
            if item.get_closest_marker("embedded_only"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The deployed stack."""
    cloud = os.environ.get("RIALTO_TEST_CLOUD", "embedded")
    endpoint = os.environ.get("LOCALSTACK_ENDPOINT", "")
    home = tmp_path_factory.mktemp("rialto")
    instance = Instance.on_free_ports(home, "localstack" if cloud == "localstack" else "embedded", endpoint)
    try:
        with Stack(start(instance, PARAMETERS)) as deployed:
            yield deployed
    finally:
        stop(instance)
        wipe(instance)


@pytest.fixture(autouse=True)
def _sound_exchange(stack: Stack) -> Iterator[None]:
    """Every test begins and ends with an exchange that works and no order that waits for it: none is ever lost."""
    stack.exchange.behave("normal")
    yield
    stack.exchange.behave("normal")
    stack.wait_until_quiet()


@pytest.fixture(autouse=True)
def _function_logs(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """Show with a failing test what the functions logged meanwhile."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        print_logs(stack.deployment.instance, 600)
