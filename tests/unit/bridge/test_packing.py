"""Reports into messages and calls."""

import json
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.packing import Backlog, Message, Report, pack_report, partition_of


class Nobody:
    def settle(self, _: int) -> None:
        raise AssertionError("nothing was sent")


NOBODY = Nobody()


def report(number: int, order: int, size: int = 0) -> Report:
    content = {"client_order_id": f"order-{order}", "number": number, "filling": "x" * size}
    return pack_report(content, json.dumps(content), NOBODY, number)


def take_all(backlog: Backlog) -> list[list[Message]]:
    calls = []
    while backlog:
        calls.append(backlog.take())
        assert calls[-1]
    assert not backlog.take()
    assert backlog.size == 0
    return calls


SIZES = st.sampled_from([0, 10, 1_000, 30_000, 120_000, 199_000, 250_000])
REPORTS = st.lists(st.tuples(st.integers(0, 50), SIZES), max_size=60)


@given(REPORTS, st.integers(1, 20))
def test_everything_leaves_once_within_the_limits_and_in_order(orders: list[tuple[int, int]], lot: int) -> None:
    reports = [report(number, order, size) for number, (order, size) in enumerate(orders)]
    backlog = Backlog()
    calls = []
    for start in range(0, len(reports), lot):
        backlog.add(reports[start : start + lot])
        calls.append(backlog.take())
    calls += take_all(backlog)
    for messages in calls:
        assert len(messages) <= 10
        assert sum(len(message.body) for message in messages) <= 240_000
    sent = [message for messages in calls for message in messages]
    for message in sent:
        assert 1 <= len(message.reports) <= 200
        assert len(message.body.encode()) <= 200_000
        assert {str(each.partition) for each in message.reports} == {message.group}
        assert json.loads(message.body) == {"reports": [json.loads(each.text) for each in message.reports]}
    for partition in range(32):
        left = [each.number for message in sent for each in message.reports if each.partition == partition]
        assert left == [each.number for each in reports if each.partition == partition]


def test_a_message_has_at_most_two_hundred_reports() -> None:
    backlog = Backlog()
    backlog.add([report(number, 1) for number in range(450)])
    assert [[len(message.reports) for message in messages] for messages in take_all(backlog)] == [[200], [200], [50]]


def test_partitions_take_turns() -> None:
    backlog = Backlog()
    backlog.add([report(number, 1) for number in range(300)])
    others = [order for order in range(200) if report(0, order).partition != report(0, 1).partition]
    backlog.add([report(0, order) for order in others])
    groups = [message.group for messages in take_all(backlog) for message in messages]
    assert groups[0] == groups[-1] == str(report(0, 1).partition)
    assert len(groups) == 33


def test_the_partition_is_that_of_the_order() -> None:
    assert partition_of({"client_order_id": "order-1"}) == zlib.crc32(b"order-1") % 32


@pytest.mark.parametrize("content", [{}, [], None, "x", 7, {"client_order_id": ""}, {"client_order_id": 7}])
def test_what_names_no_order_goes_to_the_first_partition(content: object) -> None:
    assert partition_of(content) == 0


def test_any_text_can_name_an_order() -> None:
    assert 0 <= partition_of({"client_order_id": "\ud800é"}) < 32


def test_what_no_message_can_hold_becomes_its_beginning() -> None:
    oversized = report(5, 1, 300_000)
    assert (oversized.partition, oversized.number) == (0, 5)
    assert json.loads(oversized.text)["oversized"].startswith('{"client_order_id": "order-1"')


def test_the_same_content_is_the_same_message() -> None:
    backlog = Backlog()
    backlog.add([report(1, 1)])
    (message,) = backlog.take()
    assert message.deduplication_id == sha256(message.body.encode()).hexdigest()
