"""A look into the queues, past the API."""

import json
from itertools import count
from typing import Any

from chalicelib.broker.queue import SqsPlacementQueue
from chalicelib.broker.wiring import broker
from tests.moto_stack import sqs


class Queues:
    """The queues of the stack by the variables that hold their URLs."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._numbers = count(1)
        self.placements = environment["PLACEMENTS_QUEUE_URL"]
        self.dead_placements = environment["PLACEMENTS_DLQ_URL"]
        self.dead_windows = environment["HAND_OVER_DLQ_URL"]
        self.broken_reports = environment["REPORTS_DLQ_URL"]
        self.report_retries = environment["REPORT_RETRIES_QUEUE_URL"]
        self.dead_reports = environment["REPORT_RETRIES_DLQ_URL"]

    def put(self, url: str, body: str) -> None:
        """Send a message."""
        sqs().send_message(QueueUrl=url, MessageBody=body)

    def put_partitioned(self, url: str, body: str, partition: str = "1") -> None:
        """Send a message to a partitioned queue."""
        number = str(next(self._numbers))
        sqs().send_message(QueueUrl=url, MessageBody=body, MessageGroupId=partition, MessageDeduplicationId=number)

    def bodies(self, url: str) -> list[str]:
        """Return the bodies of all visible messages, and leave them visible."""
        found: list[str] = []
        handles: list[str] = []
        while messages := sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in messages]
            handles += [message["ReceiptHandle"] for message in messages]
        for handle in handles:
            sqs().change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return found

    def orders(self) -> list[str]:
        """Return the ids of the orders in the placements queue."""
        return [json.loads(body)["order_id"] for body in self.bodies(self.placements)]

    def receive_as_lambda(self, times: int = 1, url: str | None = None) -> list[dict[str, Any]]:
        """Receive messages of a queue, by default of the placements, so many times each, as Lambda records."""
        records: list[dict[str, Any]] = []
        for at in range(times):
            answer = sqs().receive_message(
                QueueUrl=url or self.placements,
                MaxNumberOfMessages=10,
                MessageSystemAttributeNames=["All"],
                VisibilityTimeout=0 if at < times - 1 else 120,
            )
            records = [_as_record(dict(message)) for message in answer.get("Messages", [])]
        return records

    def delayed(self) -> int:
        """Return how many messages of the placements queue are hidden since they were sent."""
        answer = sqs().get_queue_attributes(QueueUrl=self.placements, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessagesDelayed"])


def _as_record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
    }


def sqs_of_the_broker() -> Any:
    """Return the client by which the broker calls its queues."""
    queue = broker().queue
    assert isinstance(queue, SqsPlacementQueue)
    return queue._client
