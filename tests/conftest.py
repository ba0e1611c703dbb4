"""Settings of the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests.environment import NOBODY

# No test may reach a real account, whatever the caller's environment holds.
os.environ.update(NOBODY, AWS_CONFIG_FILE=os.devnull)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# Modules that assert for several test files.
pytest.register_assert_rewrite(
    "tests.unit.broker.store_contract",
    "tests.unit.operations.state_contract",
    "tests.unit.strategies.checks",
    "tests.unit.strategies.profile_contract",
    "tests.unit.strategies.store_contract",
    "tests.e2e.artworks",
    "tests.e2e.stack",
)
pytest_plugins = ["tests.deployed"]
HERE = Path(__file__).parent
# What these test is not measured. Elsewhere tests that run the same lines again and again are marked themselves.
UNMEASURED = (
    "infra",
    *(f"unit/{name}" for name in ("benchmarks", "chaos", "client", "fuzz", "localstack", "mutation")),
)
set_hypothesis_home_dir(HERE.parent / ".rialto" / "cache" / "hypothesis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take no coverage where it would say nothing: it nearly doubles a test's time."""
    folders = [HERE / name for name in UNMEASURED]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker("no_cover")
