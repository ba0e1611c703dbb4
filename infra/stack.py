"""One CloudFormation stack: changed by change sets, waited for, and explained when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from botocore.exceptions import ClientError

from infra.changes import Change, read_change
from infra.errors import DeploymentError
from infra.template import Document

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# A stack that failed before it was ever complete cannot be updated, only made anew.
NEVER_COMPLETE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
FRESH = ("", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
NO_CHANGES = ("didn't contain changes", "No updates are to be performed", "no changes")
SUCCESS = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
RETAINED = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class Patience:
    """Seconds between two looks at a change, and after which it is given up."""

    pause: float = 0.3
    timeout: float = 900.0


@dataclass(frozen=True)
class ChangeSet:
    """What CloudFormation would do. ``fresh``: there is no stack yet."""

    arn: str
    fresh: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Resource:
    """A resource of the stack. ``retained``: it stays when the stack goes."""

    name: str
    physical: str
    kind: str
    retained: bool


class Stack:
    """A stack by its name, through the client of any cloud."""

    def __init__(
        self,
        client: CloudFormationClient,
        name: str,
        progress: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._progress = progress
        self._patience = patience or Patience()

    @property
    def exists(self) -> bool:
        """Whether there is such a stack."""
        return self._status() not in FRESH

    def apply(self, template_url: str, parameters: Mapping[str, str]) -> None:
        """Create or update the stack and wait until it is complete; no change is a success.

        Raises:
            DeploymentError: with the reason of every resource that failed.
        """
        change_set = self.prepare(template_url, parameters)
        if change_set is not None:
            self.execute(change_set)

    def prepare(self, template_url: str, parameters: Mapping[str, str]) -> ChangeSet | None:
        """Return what would change, None if nothing would.

        Raises:
            DeploymentError: if CloudFormation refuses the template.
        """
        if self._status().endswith("_IN_PROGRESS") and self._status() not in FRESH:
            self._wait("waiting for the change in progress")
        if self._status() in NEVER_COMPLETE:
            self.delete()
        fresh = self._status() in FRESH
        arn = self._create_change_set(template_url, parameters, fresh)
        return ChangeSet(arn, fresh, self._changes(arn)) if arn else None

    def execute(self, change_set: ChangeSet) -> None:
        """Do what the change set says, and wait until the stack is complete.

        Raises:
            DeploymentError: with the reason of every resource that failed. CloudFormation has rolled back then.
        """
        seen = set() if change_set.fresh else self._event_ids()
        self._client.execute_change_set(StackName=self._name, ChangeSetName=change_set.arn)
        status = self._wait("creating the stack" if change_set.fresh else "updating the stack")
        if status not in SUCCESS:
            raise DeploymentError(f"The stack {self._name} ended as {status}:\n{self._failures(seen)}")

    def discard(self, change_set: ChangeSet) -> None:
        """Forget the change set, and the stack that was only begun for it."""
        self._client.delete_change_set(StackName=self._name, ChangeSetName=change_set.arn)
        if change_set.fresh:
            self.delete()

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

    def resources(self) -> list[Resource]:
        """Return what the stack is made of."""
        declared = self._template()["Resources"]
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self._name)
        return [
            Resource(
                found["LogicalResourceId"],
                found.get("PhysicalResourceId", ""),
                found["ResourceType"],
                declared.get(found["LogicalResourceId"], {}).get("DeletionPolicy") in RETAINED,
            )
            for page in pages
            for found in page["StackResourceSummaries"]
        ]

    def _template(self) -> Document:
        """Return the template as it was given, before the transform."""
        body = self._client.get_template(StackName=self._name, TemplateStage="Original")["TemplateBody"]
        document: Document = yaml.safe_load(body) if isinstance(body, str) else dict(body)
        return document

    def _create_change_set(self, template_url: str, parameters: Mapping[str, str], fresh: bool) -> str:
        """Make a change set and return its ARN, or nothing if there is nothing to change."""
        change_set = self._client.create_change_set(
            StackName=self._name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="CREATE" if fresh else "UPDATE",
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        deadline = time.monotonic() + self._patience.timeout
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
            time.sleep(self._patience.pause)
        raise DeploymentError(f"The change set of {self._name} was not ready after {self._patience.timeout:.0f} s.")

    def _changes(self, change_set: str) -> tuple[Change, ...]:
        pages = self._client.get_paginator("describe_change_set").paginate(
            StackName=self._name, ChangeSetName=change_set
        )
        return tuple(read_change(one["ResourceChange"]) for page in pages for one in page.get("Changes", []))

    def _wait(self, activity: str) -> str:
        """Return the status in which the stack comes to rest, empty when it is gone."""
        deadline = time.monotonic() + self._patience.timeout
        while time.monotonic() < deadline:
            status = self._status()
            if not status.endswith("_IN_PROGRESS"):
                return status
            self._progress(activity)
            time.sleep(self._patience.pause)
        timeout = f"{self._patience.timeout:.0f} s"
        raise DeploymentError(f"The stack {self._name} was still {self._status()} after {timeout}.")

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
