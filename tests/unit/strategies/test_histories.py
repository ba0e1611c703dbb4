"""Whatever the order of events, crashes and lost answers, a signal happens once for each user, and tells the truth."""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random

import pytest

from chalicelib.strategies.signal import Reason
from tests.unit.strategies.history import History
from tests.unit.strategies.platform import OrderlyPool

# Thousands of steps, each of them slower while it is counted which lines run; other tests count them.
pytestmark = pytest.mark.no_cover

BLOCKS, HISTORIES = 10, 40
LENGTH = 120


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def new_history(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr("chalicelib.strategies.fan_out.ThreadPoolExecutor", partial(OrderlyPool, Random(seed)))
    # Few changes at once, so that a signal takes several transactions.
    monkeypatch.setattr("chalicelib.strategies.store.MAX_ITEMS", 4 if seed % 2 else 6)
    return History(seed)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_history_doubles_loses_or_denies_a_signal(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    for seed in range(block * HISTORIES, (block + 1) * HISTORIES):
        history = new_history(seed, monkeypatch)
        try:
            history.run(LENGTH)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n" + "\n".join(history.steps[-60:])) from error
        seen.update(told_by(history))
    assert seen["taken over with orders"] > 10, seen
    assert min(seen[reason] for reason in Reason) > 50, seen
    assert seen["replayed"] > 100, seen


def test_same_seed_gives_the_same_history(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        one, again = (new_history(seed, monkeypatch) for _ in range(2))
        for history in (one, again):
            monkeypatch.setattr("chalicelib.strategies.fan_out.ThreadPoolExecutor", partial(OrderlyPool, Random(seed)))
            history.run(LENGTH)
        assert one.steps == again.steps
        assert told_by(one) == told_by(again)


def told_by(history: History) -> Counter[str]:
    """Return what came about, so that nothing is shown for want of cases."""
    platform = history.platform
    seen = Counter(reason for signal_id in platform.store.signals for reason in platform.verdicts(signal_id).values())
    for signal_id, versions in platform.store.written.items():
        workers = {version.worker for _, version in versions}
        orders = len(platform.users_with_order(signal_id))
        seen["taken over with orders"] += len(workers) > 1 and orders > 0
    seen["replayed"] += sum(result.replayed for result in platform.answers)
    return seen
