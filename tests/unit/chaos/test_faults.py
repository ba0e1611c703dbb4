"""What breaks things does so as AWS would, in turn, and as its dice have it."""

from random import Random
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from tests.chaos.faults import Turns
from tests.e2e.fault_proxy import fault_proxy

NOWHERE = "http://127.0.0.1:9"


def _client(service: str, url: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        config=config,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("dynamodb", "describe_table", {"TableName": "orders"}, "ThrottlingException"),
        ("sqs", "send_message", {"QueueUrl": f"{NOWHERE}/0/q", "MessageBody": "a"}, "RequestThrottled"),
    ],
)
def test_a_throttled_call_is_told_so_in_the_words_of_its_service(
    service: str, operation: str, params: dict[str, str], code: str
) -> None:
    with fault_proxy(NOWHERE, throttle=1, lose=0) as (proxy, url):
        client = _client(service, url)
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**params)
        client.close()

    assert caught.value.response["Error"]["Code"] == code
    assert proxy.counts["throttled"] == 1


def test_everything_has_its_turn_before_anything_has_another() -> None:
    turns = Turns(Random(1), ("a", "b", "c"))

    rounds = [{turns.next() for _ in range(3)} for _ in range(4)]

    assert rounds == [{"a", "b", "c"}] * 4


def test_a_seed_means_the_same_turns() -> None:
    first, second = (Turns(Random(5), ("a", "b", "c", "d")) for _ in range(2))

    assert [first.next() for _ in range(12)] == [second.next() for _ in range(12)]
