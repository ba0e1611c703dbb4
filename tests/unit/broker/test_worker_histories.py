"""Whatever the order of events, crashes and lost answers, no order is lost and none is in two states."""

import logging
from collections.abc import Iterator

import pytest

from tests.unit.broker.history import History

# Thousands of steps, each of them slower while it is counted which lines run; other tests count them.
pytestmark = pytest.mark.no_cover

HISTORIES = 40
LENGTH = 150


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("block", range(16))
@pytest.mark.parametrize("trading", [False, True], ids=["resting", "trading"])
def test_no_history_loses_an_order_or_leaves_it_in_two_states(block: int, trading: bool) -> None:
    for seed in range(block * HISTORIES, (block + 1) * HISTORIES):
        history = History(seed, trading=trading)
        try:
            history.run(LENGTH)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history.steps[-60:])) from error
