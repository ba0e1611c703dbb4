"""Changing a stack, over a CloudFormation in memory."""

import pytest

from infra.errors import DeploymentError
from tests.unit.localstack.fake_cloudformation import FakeCloudFormation, stack


def test_creates_a_stack() -> None:
    client = FakeCloudFormation()
    stack(client).apply("body", {})
    assert client.calls == ["CREATE", "EXECUTE"]
    assert stack(client).outputs() == {"Url": "x"}


def test_no_change_is_a_success() -> None:
    client = FakeCloudFormation("UPDATE_COMPLETE")
    client.template = "body"
    stack(client).apply("body", {})
    assert client.calls == ["UPDATE", "DISCARD"]


def test_a_stack_that_never_was_complete_is_made_anew() -> None:
    client = FakeCloudFormation("ROLLBACK_COMPLETE")
    stack(client).apply("body", {})
    assert client.calls == ["DELETE", "CREATE", "EXECUTE"]


def test_waits_for_a_change_in_progress() -> None:
    client = FakeCloudFormation("UPDATE_IN_PROGRESS", outcome="UPDATE_COMPLETE")
    stack(client).apply("body", {})
    assert client.calls == ["UPDATE", "EXECUTE"]


def test_a_failure_tells_the_cause_and_not_its_consequences() -> None:
    client = FakeCloudFormation(outcome="ROLLBACK_COMPLETE")
    client.events = [
        failed("2", "Queue", "Resource creation cancelled"),
        failed("1", "Table", "Index name is taken"),
    ]
    with pytest.raises(DeploymentError) as caught:
        stack(client).apply("body", {})
    assert str(caught.value) == "The stack rialto ended as ROLLBACK_COMPLETE:\n  Table: Index name is taken"


def test_failures_of_earlier_changes_are_not_told_again() -> None:
    client = FakeCloudFormation("UPDATE_COMPLETE", outcome="UPDATE_ROLLBACK_COMPLETE")
    client.events = [failed("1", "Table", "Index name is taken")]
    with pytest.raises(DeploymentError, match="no reason"):
        stack(client).apply("body", {})


def test_a_refused_template_is_told() -> None:
    client = FakeCloudFormation()
    client.refusal = "Template format error"
    with pytest.raises(DeploymentError, match="CloudFormation refuses the template: Template format error"):
        stack(client).apply("body", {})


def failed(event_id: str, resource: str, reason: str) -> dict[str, str]:
    status = "CREATE_FAILED"
    return {
        "EventId": event_id,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }
