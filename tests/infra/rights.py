"""What AWS calls do to which resource, and what a function's policy allows: both as pairs of an action and a resource.

A resource is named as in the template: ``Signals``, ``Signals/index/newest``, ``Placements``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

from tests.infra.conftest import Template

Right = tuple[str, str]
"""An action and the resource that it is done to, e.g. ("dynamodb:Query", "Signals/index/newest")."""
LOGS = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
# SQS has no actions for its batch calls (Service Authorization Reference, Amazon SQS).
BATCH_CALLS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# A transaction needs the right to each of its parts (Service Authorization Reference, Amazon DynamoDB).
IN_A_TRANSACTION = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
USED: set[Right] = set()
"""What was done since the set was last cleared."""


@contextmanager
def in_passing() -> Iterator[None]:
    """Do not count what a test itself does here, past the functions."""
    before = set(USED)
    yield
    USED.clear()
    USED.update(before)


def statements(template: Template, function: str) -> list[dict[str, Any]]:
    """Return the statements of a function's policy."""
    role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def allowed(template: Template, function: str) -> set[Right]:
    """Return what a function may do, beside writing its log."""
    return {
        (action, _name_of(resource))
        for statement in statements(template, function)
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action not in LOGS
    }


def polling_a_queue(queue: str) -> set[Right]:
    """Return what Lambda itself does to a queue in the function's name."""
    return {(action, queue) for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")}


def polling_a_stream(table: str, letters: str) -> set[Right]:
    """Return what Lambda itself does in the function's name: it reads the stream, and sends what it gives up."""
    actions = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    reading = {(action, f"{table}/stream") for action in actions}
    return reading | {("dynamodb:ListStreams", f"{table}/stream/*"), ("sqs:SendMessage", letters)}


def _name_of(resource: dict[str, Any]) -> str:
    """Return the name of a policy's resource."""
    if "Fn::Sub" in resource:
        text: str = resource["Fn::Sub"]
        return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text)
    name, attribute = resource["Fn::GetAtt"]
    return f"{name}/stream" if attribute == "StreamArn" else str(name)


def _note(event_name: str, params: dict[str, Any], **_: Any) -> None:
    service, operation = event_name.split(".")[1:]
    action = f"{service}:{operation}"
    if operation == "TransactWriteItems":
        parts = [pair for item in params["TransactItems"] for pair in item.items()]
        USED.update((IN_A_TRANSACTION[kind], part["TableName"]) for kind, part in parts)
    elif "RequestItems" in params:
        USED.update((action, table) for table in params["RequestItems"])
    elif "IndexName" in params:
        USED.add((action, f"{params['TableName']}/index/{params['IndexName']}"))
    elif "TableName" in params:
        USED.add((action, params["TableName"]))
    else:
        queue = params.get("QueueUrl", "*").rpartition("/")[2].removesuffix(".fifo")
        USED.add((BATCH_CALLS.get(action, action), queue))


for _service in ("dynamodb", "sqs"):
    BUILTIN_HANDLERS.append((f"before-parameter-build.{_service}", _note))
