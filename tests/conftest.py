"""Settings of the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

# No test may reach a real account, whatever the caller's environment holds.
os.environ.update(
    AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1", AWS_CONFIG_FILE=os.devnull
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# Modules that assert for several test files.
pytest.register_assert_rewrite(
    "tests.unit.broker.store_contract",
    "tests.unit.operations.state_contract",
    "tests.unit.strategies.checks",
    "tests.unit.strategies.profile_contract",
    "tests.unit.strategies.store_contract",
    "tests.e2e.stack",
)
pytest_plugins = ["tests.deployed"]
set_hypothesis_home_dir(Path(__file__).parents[1] / ".rialto" / "cache" / "hypothesis")
