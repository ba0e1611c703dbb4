"""The deployed stack that all tests of a session share: those over HTTP and those in the browser."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

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
    "ReportVisibility": "10",
    "GivenFailureRate": "0.1",
    "GivenLatency": "0.5",
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Stack]":
    """The deployed stack: gateway, functions, tables, stream, queues and exchange are real."""
    # Not above: a session without these tests shall not pay for the imports.
    from tests.e2e.own_stack import deployed_stack  # noqa: PLC0415 - see above

    instance = free_instance(tmp_path_factory.mktemp("rialto"))
    # Orders rest at the exchange unless a test opens it: here, and at the instances of tests that start their own.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIALTO_TRADING", "closed")
        with deployed_stack(instance, PARAMETERS) as deployed:
            yield deployed


def free_instance(home: "Path") -> "Instance":
    """Return an instance on free ports, on the cloud that the tests are run on."""
    from instance import Instance  # noqa: PLC0415 - see above

    cloud = os.environ.get("RIALTO_TEST_CLOUD", "embedded")
    endpoint = os.environ.get("LOCALSTACK_ENDPOINT", "")
    return Instance.on_free_ports(home, "localstack" if cloud == "localstack" else "embedded", endpoint)
