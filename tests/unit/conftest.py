"""Fixtures of the unit tests."""

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.aws_fixtures import aws, aws_parameters, client_faults
from tests.environment import FUNCTION
from tests.log import log

os.environ.update(FUNCTION)

_EXAMPLES = DirectoryBasedExampleDatabase(Path(__file__).parents[2] / ".rialto" / "cache" / "hypothesis")
settings.register_profile("rialto", deadline=None, derandomize=True, database=None, print_blob=False)
# HYPOTHESIS_PROFILE=explore looks for new examples for as long as one has patience.
settings.register_profile("explore", deadline=None, max_examples=5_000, database=_EXAMPLES)
# A change of the rules has only to be noticed: nobody reads the example, so it needs not be the smallest. And a test
# that was run once without a change is run again in processes that are forked from that one.
settings.register_profile(
    "mutation",
    settings.get_profile("rialto"),
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.differing_executors],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "rialto"))

__all__ = ["aws", "aws_parameters", "client_faults", "log"]
