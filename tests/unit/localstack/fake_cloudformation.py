"""A CloudFormation of one stack, in memory."""

from typing import Any, cast

from botocore.exceptions import ClientError

from infra.stack import Stack


class Pages(list[dict[str, Any]]):
    """What a paginator goes through: one thing on each page."""

    def paginate(self, **_: str) -> "Pages":
        return self


class FakeCloudFormation:
    """Ends every change in the status it is told, over a status in progress."""

    def __init__(self, status: str = "", outcome: str = "CREATE_COMPLETE") -> None:
        self.status = status
        self.outcome = outcome
        self.refusal = ""
        self.template = ""
        self.calls: list[str] = []
        self.events: list[dict[str, str]] = []
        self.changes: list[dict[str, Any]] = []
        self.resources: list[dict[str, str]] = []
        self.declared: dict[str, Any] = {}
        self.parameters: dict[str, str] = {}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if not self.status:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        shown = self.status
        if shown.endswith("_IN_PROGRESS") and shown != "REVIEW_IN_PROGRESS":
            self.status = "" if shown.startswith("DELETE") else self.outcome
        return {"Stacks": [{"StackStatus": shown, "Outputs": [{"OutputKey": "Url", "OutputValue": "x"}]}]}

    def create_change_set(self, **request: Any) -> dict[str, str]:
        self.calls.append(request["ChangeSetType"])
        unchanged = request["TemplateURL"] == self.template
        self.refusal = self.refusal or ("The submitted information didn't contain changes." if unchanged else "")
        self.template = request["TemplateURL"]
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in request["Parameters"]}
        self.status = self.status or "REVIEW_IN_PROGRESS"
        return {"Id": "change"}

    def describe_change_set(self, **_: str) -> dict[str, str]:
        if self.refusal:
            refusal, self.refusal = self.refusal, ""
            return {"Status": "FAILED", "StatusReason": refusal}
        return {"Status": "CREATE_COMPLETE"}

    def execute_change_set(self, **_: str) -> None:
        self.calls.append("EXECUTE")
        self.status = "CREATE_IN_PROGRESS"

    def delete_change_set(self, **_: str) -> None:
        self.calls.append("DISCARD")

    def delete_stack(self, **_: str) -> None:
        self.calls.append("DELETE")
        self.status = "DELETE_IN_PROGRESS"

    def get_paginator(self, name: str) -> "Pages":
        if name == "list_stack_resources":
            return Pages({"StackResourceSummaries": [resource]} for resource in self.resources)
        assert name == "describe_change_set"
        return Pages({"Changes": [{"ResourceChange": change}]} for change in self.changes)

    def get_template(self, **_: str) -> dict[str, Any]:
        return {"TemplateBody": {"Resources": self.declared}}

    def describe_stack_events(self, **_: str) -> dict[str, Any]:
        return {"StackEvents": self.events}


def stack(client: FakeCloudFormation) -> Stack:
    """Return the stack that changes over it."""
    return Stack(cast(Any, client), "rialto", lambda _: None)
