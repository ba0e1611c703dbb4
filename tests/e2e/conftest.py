"""What every test over HTTP begins and ends with. The stack itself is in tests/deployed.py."""

import os
from collections.abc import Iterator

import pytest
from function_logs import print_logs

from tests.e2e.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, by name and reason, what another cloud cannot show."""
    if os.environ.get("RIALTO_TEST_CLOUD") == "localstack":
        skip = pytest.mark.skip(reason="LocalStack counts 1 write unit for each transacted item, and none for indexes")
        for item in items:
            if item.get_closest_marker("embedded_only"):
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
