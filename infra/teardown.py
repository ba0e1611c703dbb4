"""The end of a stage: what goes, what stays, and who has to say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.approval import Approval
from infra.errors import DeploymentError
from infra.stack import Resource, Stack

if TYPE_CHECKING:
    from infra.deploy import Session

Tell = Callable[[str], None]


def tear_down(stack: Stack, name: str, approval: Approval, tell: Tell) -> list[Resource]:
    """Delete the stack of the stage with this name, and return what stays of it.

    Raises:
        NotApprovedError: unless somebody types the stage's name.
        DeploymentError: if there is no such stack, or CloudFormation could not delete it.
    """
    if not stack.exists:
        raise DeploymentError(f"There is no stack of the stage {name}.")
    resources = stack.resources()
    staying = [resource for resource in resources if resource.retained]
    tell(f"The stage {name} answers nobody any more. What goes: {_count(r for r in resources if not r.retained)}.")
    tell(f"What stays, with all that is in it: {_count(staying)}.")
    approval.require_word(name, "Type the name of the stage to destroy it: ")
    stack.delete()
    return staying


def delete_retained(session: Session, resources: Sequence[Resource]) -> None:
    """Delete tables, queues and logs that outlived their stack, with all that is in them."""
    delete: Mapping[str, Callable[[str], object]] = {
        "AWS::DynamoDB::Table": lambda name: session.client("dynamodb").delete_table(TableName=name),
        "AWS::SQS::Queue": lambda url: session.client("sqs").delete_queue(QueueUrl=url),
        "AWS::Logs::LogGroup": lambda name: session.client("logs").delete_log_group(logGroupName=name),
    }
    for resource in resources:
        delete[resource.kind](resource.physical)


def _count(resources: Iterable[Resource]) -> str:
    counts = Counter(resource.kind.removeprefix("AWS::").replace("::", " ") for resource in resources)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing"
