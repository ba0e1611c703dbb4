"""The deployed stack that all tests of a session share: those over HTTP and those in the browser."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    "ReportVisibility": "10",
    "GivenFailureRate": "0.1",
    "GivenLatency": "0.5",
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Stack]":
    """The deployed stack: gateway, functions, tables, stream, queues and exchange are real."""
    # Not above: a session without these tests shall not pay for the imports.
    from deployment import start, stop, wipe  # noqa: PLC0415
    from instance import Instance  # noqa: PLC0415

    from tests.e2e.stack import Stack  # noqa: PLC0415

    cloud = os.environ.get("RIALTO_TEST_CLOUD", "embedded")
    endpoint = os.environ.get("LOCALSTACK_ENDPOINT", "")
    home = tmp_path_factory.mktemp("rialto")
    instance = Instance.on_free_ports(home, "localstack" if cloud == "localstack" else "embedded", endpoint)
    try:
        # Orders rest at the exchange unless a test opens it: here, and at the instances of tests that start their own.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RIALTO_TRADING", "closed")
            with Stack(start(instance, PARAMETERS)) as deployed:
                yield deployed
    finally:
        stop(instance)
        wipe(instance)
