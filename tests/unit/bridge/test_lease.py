"""The lease, on moto's table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from bridge.lease import Clock, DeposedError, Lease, LeaseTable
from bridge.progress import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOTHING = Position(None, 0)
START = 1_800_000_000.0


@dataclass
class Time:
    """Two clocks that a test moves."""

    wall: float = START
    monotonic: float = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.monotonic)

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with mock_aws():
        opened = boto3.client("dynamodb")
        opened.create_table(
            TableName="operations",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        yield opened


@pytest.fixture
def time() -> Time:
    return Time()


def table(client: DynamoDBClient, holder: str, time: Time) -> LeaseTable:
    return LeaseTable(client, "operations", holder, 5, time.clock())


def take(client: DynamoDBClient, holder: str, time: Time) -> Lease:
    lease = table(client, holder, time).take()
    assert lease
    return lease


def item(client: DynamoDBClient) -> dict[str, Any]:
    found = client.get_item(TableName="operations", Key={"name": {"S": "bridge"}}, ConsistentRead=True)["Item"]
    return {name: next(iter(value.values())) for name, value in found.items()}


def test_the_first_one_takes_it(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    assert (lease.epoch, lease.position) == (1, NOTHING)
    assert item(client) == {"name": "bridge", "holder": "one", "epoch": "1", "expires_at": "1800000005.000"}


def test_another_one_waits_until_it_has_ended(client: DynamoDBClient, time: Time) -> None:
    take(client, "one", time)
    time.go_on(5)
    assert table(client, "two", time).take() is None
    time.go_on(0.01)
    assert take(client, "two", time).epoch == 2


def test_its_holder_may_take_it_again(client: DynamoDBClient, time: Time) -> None:
    take(client, "one", time)
    assert take(client, "one", time).epoch == 2


def test_renewing_prolongs_it_and_writes_the_checkpoint(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    time.go_on(3)
    lease.renew(Position("S1", 1207))
    assert item(client) == {
        "name": "bridge",
        "holder": "one",
        "epoch": "1",
        "expires_at": "1800000008.000",
        "session": "S1",
        "seq": "1207",
        "checkpoint_at": "1800000003.000",
    }
    time.go_on(4)
    assert table(client, "two", time).take() is None


def test_the_next_leader_goes_on_where_the_last_one_was(client: DynamoDBClient, time: Time) -> None:
    take(client, "one", time).renew(Position("S1", 1207))
    time.go_on(6)
    assert take(client, "two", time).position == Position("S1", 1207)


def test_who_has_read_nothing_yet_leaves_no_checkpoint(client: DynamoDBClient, time: Time) -> None:
    take(client, "one", time).renew(NOTHING)
    assert "session" not in item(client)


def test_a_deposed_leader_writes_nothing(client: DynamoDBClient, time: Time) -> None:
    deposed = take(client, "one", time)
    time.go_on(6)
    take(client, "two", time).renew(Position("S1", 50))
    before = item(client)
    for write in (deposed.renew, deposed.release):
        with pytest.raises(DeposedError):
            write(Position("S1", 1207))
    assert item(client) == before


def test_a_holder_stops_before_others_see_its_lease_end(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    time.go_on(3.9)
    lease.require()
    time.go_on(0.2)
    with pytest.raises(DeposedError, match="not renewed in time"):
        lease.require()
    assert table(client, "two", time).take() is None


def test_a_clock_that_is_set_back_does_not_make_it_longer(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    time.wall -= 3600
    time.monotonic += 4.1
    with pytest.raises(DeposedError):
        lease.require()


def test_a_clock_that_is_set_back_does_not_end_it_for_others(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    time.wall -= 2
    lease.renew(NOTHING)
    assert item(client)["expires_at"] == "1800000005.000"


def test_time_counts_from_before_the_call(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    client.meta.events.register("before-call.dynamodb.UpdateItem", lambda **_: time.go_on(2))
    lease.renew(NOTHING)
    assert lease.seconds_left == 2  # Of the 4 s that a holder uses.


def test_a_renewal_that_arrives_late_changes_nothing(client: DynamoDBClient, time: Time) -> None:
    lease = take(client, "one", time)
    late = table(client, "one", time)
    time.go_on(2)
    lease.renew(Position("S1", 9))
    with pytest.raises(DeposedError):
        late.write(1, START + 6, Position("S1", 4), "#epoch = :epoch AND #expires_at <= :expires_at")
    assert item(client)["seq"] == "9"


def test_released_it_is_free_at_once(client: DynamoDBClient, time: Time) -> None:
    take(client, "one", time).release(Position("S1", 7))
    lease = take(client, "two", time)
    assert (lease.epoch, lease.position) == (2, Position("S1", 7))


def test_what_another_program_keeps_in_the_table_is_left_alone(client: DynamoDBClient, time: Time) -> None:
    client.put_item(TableName="operations", Item={"name": {"S": "sweep"}, "content": {"S": "{}"}})
    take(client, "one", time).release(NOTHING)
    assert client.scan(TableName="operations")["Count"] == 2
