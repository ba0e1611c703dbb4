"""The simulated cloud is DynamoDB and SQS for everything that our tests know of them.

The contracts of the stores, and what is known of lost answers, refusals and pages, run on it as they do on moto.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.cloud.expressions import (
    UnknownExpressionError,
    parse_condition,
    parse_key_condition,
    parse_update,
)

ROOT = Path(__file__).parents[2]
SUITES = [
    *(f"tests/unit/{market}/test_store.py" for market in ("broker", "market", "strategies")),
    *(f"tests/unit/market/test_{name}.py" for name in ("stream", "retry_queue")),
    *(f"tests/unit/strategies/test_{name}.py" for name in ("profiles", "listing")),
    "tests/unit/operations/test_state_store.py",
    "tests/functional/test_faults.py",
    *(f"tests/functional/test_{market}_lists.py" for market in ("market", "strategies")),
]
BELOW_THE_CLOUD = [
    # They look at requests as botocore has them, below the place where the simulation steps in.
    *("get_many_reads_as_it_is_told", "bears_the_same_token", "carries_the_token_of_the_first"),
    # They know what moto does in the place of DynamoDB: it has no tokens of transactions; and a refusal that a handler
    # raises is not repeated, as one that is answered is.
    *(
        "trade_whose_answers_are_lost_is_made_once and 1",
        "other_refusal_is_neither_stale",
    ),
]


def test_every_store_keeps_its_contract_on_the_simulated_cloud() -> None:
    but = " or ".join(f"({name})" for name in BELOW_THE_CLOUD)
    command = [sys.executable, "-m", "pytest", "--no-cov", "-q", "-n0", *SUITES, "-k", f"not ({but})"]
    environment = os.environ | {"RIALTO_TEST_AWS": "simulated"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-4_000:]
    assert int(run.stdout.splitlines()[-1].split()[0]) > 550


@pytest.mark.parametrize(
    "text", ["#0 = :0 AND #1 = :1 OR #2 = :2", "NOT #0 = :0", "size (#0) = :0", "#0 IN (:0)", "#0 = :0 x", "("]
)
def test_unknown_condition_is_refused(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        parse_condition(text)


@pytest.mark.parametrize("text", ["ADD #0 :0", "SET #0 = #1 + :0", "DELETE #0 :0", "SET #0 = if_not_exists (#0, :0)"])
def test_unknown_update_is_refused(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        parse_update(text)


def test_query_of_more_than_one_partition_is_refused() -> None:
    with pytest.raises(UnknownExpressionError):
        parse_key_condition("#0 > :0")
