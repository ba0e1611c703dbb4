"""Batches of messages: as many as one call takes, and not a byte more."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.sqs import BATCH, MAX_BATCH_BYTES, batches_of


@given(st.lists(st.integers(0, MAX_BATCH_BYTES + 10), max_size=40))
def test_every_message_is_in_one_batch_and_every_batch_fits(sizes: list[int]) -> None:
    bodies = ["x" * size for size in sizes]
    batches = list(batches_of(bodies))
    assert [body for batch in batches for body in batch] == bodies
    for batch in batches:
        assert 1 <= len(batch) <= BATCH
        # A message that is too long by itself is for SQS to refuse.
        assert len(batch) == 1 or sum(map(len, batch)) <= MAX_BATCH_BYTES


def test_bytes_are_counted_and_not_characters() -> None:
    assert len(list(batches_of(["é" * (MAX_BATCH_BYTES // 4), "é" * (MAX_BATCH_BYTES // 4 + 1)]))) == 2


def test_nothing_is_no_batch() -> None:
    assert list(batches_of([])) == []
