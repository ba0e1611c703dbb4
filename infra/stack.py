"""One CloudFormation stack: changed by change sets, waited for, and explained when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# A stack that failed before it was ever complete cannot be updated, only made anew.
NEVER_COMPLETE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
FRESH = ("", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
NO_CHANGES = ("didn't contain changes", "No updates are to be performed", "no changes")
SUCCESS = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
TIMEOUT = 900.0
PAUSE = 0.3


class Stack:
    """A stack by its name, through the client of any cloud."""

    def __init__(self, client: CloudFormationClient, name: str, progress: Callable[[str], None]) -> None:
        self._client = client
        self._name = name
        self._progress = progress

    def apply(self, template_url: str, parameters: Mapping[str, str]) -> None:
        """Create or update the stack and wait until it is complete; no change is a success.

        Raises:
            DeploymentError: with the reason of every resource that failed.
        """
        if self._status().endswith("_IN_PROGRESS") and self._status() not in FRESH:
            self._wait("waiting for the change in progress")
        if self._status() in NEVER_COMPLETE:
            self.delete()
        fresh = self._status() in FRESH
        seen = set() if fresh else self._event_ids()
        change_set = self._prepare(template_url, parameters, fresh)
        if change_set:
            self._client.execute_change_set(StackName=self._name, ChangeSetName=change_set)
            status = self._wait("creating the stack" if fresh else "updating the stack")
            if status not in SUCCESS:
                raise DeploymentError(f"The stack {self._name} ended as {status}:\n{self._failures(seen)}")

    def delete(self) -> None:
        """Delete the stack and wait until it is gone."""
        self._client.delete_stack(StackName=self._name)
        status = self._wait("deleting the stack")
        if status not in ("", "DELETE_COMPLETE"):
            raise DeploymentError(f"The stack {self._name} could not be deleted: {status}\n{self._failures(set())}")

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack by name."""
        stack = self._client.describe_stacks(StackName=self._name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def resources(self, kind: str) -> list[str]:
        """Return the physical names of the stack's resources of one type."""
        found = self._client.describe_stack_resources(StackName=self._name)["StackResources"]
        return [resource["PhysicalResourceId"] for resource in found if resource["ResourceType"] == kind]

    def _prepare(self, template_url: str, parameters: Mapping[str, str], fresh: bool) -> str:
        """Make a change set and return its ARN, or nothing if there is nothing to change."""
        change_set = self._client.create_change_set(
            StackName=self._name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="CREATE" if fresh else "UPDATE",
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            state = self._client.describe_change_set(StackName=self._name, ChangeSetName=change_set)
            reason = state.get("StatusReason", "")
            if state["Status"] == "CREATE_COMPLETE":
                return change_set
            if state["Status"] == "FAILED" and any(text in reason for text in NO_CHANGES):
                self._client.delete_change_set(StackName=self._name, ChangeSetName=change_set)
                return ""
            if state["Status"] == "FAILED":
                raise DeploymentError(f"CloudFormation refuses the template: {reason}")
            time.sleep(PAUSE)
        raise DeploymentError(f"The change set of {self._name} was not ready after {TIMEOUT:.0f} s.")

    def _wait(self, activity: str) -> str:
        """Return the status in which the stack comes to rest, empty when it is gone."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            status = self._status()
            if not status.endswith("_IN_PROGRESS"):
                return status
            self._progress(activity)
            time.sleep(PAUSE)
        raise DeploymentError(f"The stack {self._name} was still {self._status()} after {TIMEOUT:.0f} s.")

    def _status(self) -> str:
        try:
            return self._client.describe_stacks(StackName=self._name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" in str(error):
                return ""
            raise

    def _event_ids(self) -> set[str]:
        events = self._client.describe_stack_events(StackName=self._name)["StackEvents"]
        return {event["EventId"] for event in events}

    def _failures(self, seen: set[str]) -> str:
        """Tell why, the first failure first; what was merely cancelled because of it is left out."""
        events = self._client.describe_stack_events(StackName=self._name)["StackEvents"]
        lines = [
            f"  {event.get('LogicalResourceId', '?')}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["EventId"] not in seen and event.get("ResourceStatus", "").endswith("_FAILED")
        ]
        causes = [line for line in lines if "cancelled" not in line]
        return "\n".join(causes or lines or ["  CloudFormation gives no reason."])
