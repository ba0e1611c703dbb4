"""Fixtures of the unit tests."""

import os
from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.aws_fixtures import aws, aws_parameters, client_faults

# As infra/resources.yaml has them, for tests that run without the stack.
os.environ.update(POWERTOOLS_SERVICE_NAME="rialto", POWERTOOLS_METRICS_NAMESPACE="Rialto")

_EXAMPLES = DirectoryBasedExampleDatabase(Path(__file__).parents[2] / ".rialto" / "cache" / "hypothesis")
settings.register_profile("rialto", deadline=None, derandomize=True, database=None, print_blob=False)
# HYPOTHESIS_PROFILE=explore looks for new examples for as long as one has patience.
settings.register_profile("explore", deadline=None, max_examples=5_000, database=_EXAMPLES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "rialto"))

__all__ = ["aws", "aws_parameters", "client_faults"]
