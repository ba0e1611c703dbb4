"""What every test over HTTP begins and ends with. The stack itself is in tests/deployed.py."""

import os
from collections.abc import Iterator

import pytest
from function_logs import print_logs

from tests.e2e.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, by name and reason, what another cloud cannot show."""
    elsewhere = os.environ.get("RIALTO_TEST_CLOUD", "embedded") != "embedded"
    for item in items:
        if marker := item.get_closest_marker("embedded_only"):
            # Looked up on every cloud: a missing reason must not wait for a run on the other.
            skip = pytest.mark.skip(reason=marker.args[0])
            if elsewhere:
                item.add_marker(skip)


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
