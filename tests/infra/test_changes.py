"""What a person reads before agreeing to a change."""

from typing import Any

import pytest

from infra.changes import describe_changes, read_change

TABLE, QUEUE, FUNCTION = "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Lambda::Function"


def change(action: str, kind: str, replacement: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"Action": action, "LogicalResourceId": "Thing", "ResourceType": kind, **more}
    return found if replacement is None else {**found, "Replacement": replacement}


@pytest.mark.parametrize(
    ("found", "loses"),
    [
        (change("Add", TABLE), False),
        (change("Modify", TABLE, "False"), False),
        (change("Modify", TABLE, "True"), True),
        (change("Modify", QUEUE, "Conditional"), True),
        (change("Remove", TABLE, PolicyAction="Retain"), True),
        (change("Remove", QUEUE), True),
        (change("Dynamic", QUEUE), True),
        (change("Modify", FUNCTION, "True"), False),
        (change("Remove", FUNCTION), False),
    ],
)
def test_table_or_queue_that_is_replaced_or_removed_loses_data(found: dict[str, Any], loses: bool) -> None:
    assert read_change(found).loses_data is loses


def test_lines_tell_what_is_done_to_what_and_the_worst_first() -> None:
    details = [{"Target": {"Name": name}} for name in "abcdef"] + [{"Target": {"Attribute": "Tags"}}]
    found = [
        change("Add", "AWS::CloudWatch::Alarm"),
        change("Modify", FUNCTION, "False", Details=details),
        change("Modify", FUNCTION, "Conditional"),
        change("Remove", "AWS::IAM::Role"),
        change("Dynamic", "AWS::IAM::Role"),
        change("Remove", TABLE),
    ]
    assert describe_changes(map(read_change, found)).splitlines() == [
        "  REMOVE           Thing (DynamoDB Table) - the platform loses sight of what is in it",
        "  perhaps CHANGE   Thing (IAM Role)",
        "  perhaps REPLACE  Thing (Lambda Function)",
        "  REMOVE           Thing (IAM Role)",
        "  add              Thing (CloudWatch Alarm)",
        "  change           Thing (Lambda Function): Tags, a, b, c, d, …",
    ]


def test_change_set_of_outputs_alone_says_so() -> None:
    """CloudFormation completes such a change set, and lists no resource in it."""
    assert describe_changes([]) == "  of no resource: outputs or descriptions"
