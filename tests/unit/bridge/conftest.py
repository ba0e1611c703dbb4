"""Fixtures for the bridge."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.bridge.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """An exchange, a queue and a table on free ports. No checkpoint may ever have been beyond what was in the queue."""
    with mock_aws():
        opened = World()
        try:
            yield opened
        finally:
            opened.close()
        assert not opened.aws.too_early
