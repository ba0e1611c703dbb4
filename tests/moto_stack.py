"""The stack's tables and queues on moto, made from infra/resources.yaml: schema and code cannot drift apart."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from threading import Condition
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

RESOURCES = Path(__file__).parents[1] / "infra" / "resources.yaml"
TABLE_KEYS = (
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "StreamSpecification",
)
FIFO = ("FifoQueue", "DeduplicationScope", "FifoThroughputLimit")
Template = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms, e.g. ``!Ref X`` as ``{"Ref": "X"}``."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def dynamodb() -> "DynamoDBClient":
    """Return a client for tests to look into tables."""
    client: DynamoDBClient = boto3.client("dynamodb")
    return client


@cache
def sqs() -> "SQSClient":
    """Return a client for tests to look into queues."""
    client: SQSClient = boto3.client("sqs")
    return client


@cache
def read_resources() -> Template:
    """Return infra/resources.yaml."""
    return read_template(RESOURCES)


def read_template(path: Path) -> Template:
    """Return a CloudFormation template."""
    template: Template = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return template


def create_stack(parameters: dict[str, str]) -> dict[str, str]:
    """Create every table and queue; return the environment that the functions get, as text."""
    template = read_resources()
    defaults = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
    values = {"AWS::StackName": "rialto"} | defaults | parameters
    for name, resource in template["Resources"].items():
        if resource.get("Type") == "AWS::DynamoDB::Table":
            values[name] = create_table(name, resource["Properties"])
    queues = {n: r["Properties"] for n, r in template["Resources"].items() if r.get("Type") == "AWS::SQS::Queue"}
    # Those without a redrive policy are dead-letter queues, which the others need first.
    for name in sorted(queues, key=lambda name: "RedrivePolicy" in queues[name]):
        values[name] = _create_queue(name, queues[name], values)
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    return {name: _resolve(value, values) for name, value in variables.items()}


class StackOnMoto:
    """Tables and queues as moto holds them when they were just created, to be had again in a copy.

    Creating them takes 23 calls of an API, and nearly every test begins with them.
    """

    def __init__(self, parameters: dict[str, str]) -> None:
        """Create them on the moto that is mocked just now."""
        self._environment = create_stack(parameters)
        self._contents = _copy(_contents())

    def restore(self) -> dict[str, str]:
        """Let the moto that is mocked just now have them, empty; return the environment that the functions get."""
        tables, queues = _contents()
        for own, kept in zip((tables, queues), _copy(self._contents), strict=True):
            own.clear()
            own.update(kept)
        return dict(self._environment)


def _contents() -> tuple[dict[str, Any], dict[str, Any]]:
    region = dynamodb().meta.region_name
    return dynamodb_backends[DEFAULT_ACCOUNT_ID][region].tables, sqs_backends[DEFAULT_ACCOUNT_ID][region].queues


def _copy(contents: tuple[dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    _, queues = contents
    # A lock cannot be copied: each queue gets one of its own.
    locks = {id(queue._messages_lock): Condition() for queue in queues.values()}
    return deepcopy(contents, locks)


def create_table(name: str, properties: dict[str, Any]) -> str:
    """Create the table; return its name."""
    properties = {key: value for key, value in properties.items() if key in TABLE_KEYS}
    if "StreamSpecification" in properties:
        properties["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    dynamodb().create_table(TableName=name, **properties)
    return name


def _create_queue(name: str, properties: dict[str, Any], values: dict[str, str]) -> str:
    attributes: dict[Any, str] = {
        key: str(properties[key]).lower() if properties[key] is True else properties[key]
        for key in FIFO
        if key in properties
    }
    if "VisibilityTimeout" in properties:
        attributes["VisibilityTimeout"] = _resolve(properties["VisibilityTimeout"], values)
    if policy := properties.get("RedrivePolicy"):
        target = values[policy["deadLetterTargetArn"]["Fn::GetAtt"].split(".")[0]]
        arn = sqs().get_queue_attributes(QueueUrl=target, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        count = _resolve(policy["maxReceiveCount"], values)
        attributes["RedrivePolicy"] = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {count}}}'
    # As CloudFormation names them.
    name += ".fifo" if "FifoQueue" in properties else ""
    return sqs().create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def _resolve(value: Any, values: dict[str, str]) -> str:
    return values[value["Ref"]] if isinstance(value, dict) else str(value)
