"""What must be true of the bridge as it is deployed on AWS."""

import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file

from bridge.lease import NAME
from bridge.settings import read_settings
from infra.locks import check_part, read_lock, valid_here
from tests.moto_stack import read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "bridge.yaml"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/reports.fifo"


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    return {name: resource["Properties"] for name, resource in read_template(TEMPLATE)["Resources"].items()}


def test_the_linter_finds_nothing() -> None:
    assert lint_file(TEMPLATE) == []


def test_may_do_exactly_what_it_does(resources: dict[str, dict[str, Any]]) -> None:
    (policy,) = resources["TaskRole"]["Policies"]
    send, write = policy["PolicyDocument"]["Statement"]
    assert send["Action"] == ["sqs:SendMessage"]
    ((arn, parts),) = (resource["Fn::Sub"] for resource in send["Resource"])
    assert arn == "arn:${AWS::Partition}:sqs:${AWS::Region}:${Account}:${Name}"
    assert [_part(QUEUE_URL, parts[name]) for name in ("Account", "Name")] == ["123456789012", "reports.fifo"]
    assert write["Action"] == ["dynamodb:UpdateItem"]
    (table,) = write["Resource"]
    assert table["Fn::Sub"].endswith("table/${OperationsTable}")
    assert write["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [NAME]}}


def test_takes_the_url_of_a_fifo_queue_and_nothing_else() -> None:
    pattern = read_template(TEMPLATE)["Parameters"]["ReportsQueueUrl"]["AllowedPattern"]
    assert re.fullmatch(pattern, QUEUE_URL)
    for wrong in (QUEUE_URL.removesuffix(".fifo"), "arn:aws:sqs:eu-west-1:123456789012:reports.fifo", f"{QUEUE_URL}/x"):
        assert not re.fullmatch(pattern, wrong)


def test_runs_on_the_processor_that_its_image_is_for(resources: dict[str, dict[str, Any]]) -> None:
    assert resources["Task"]["RuntimePlatform"]["CpuArchitecture"] == {"Ref": "Processor"}


def test_a_leader_and_a_standby_run_and_one_is_never_missing(resources: dict[str, dict[str, Any]]) -> None:
    assert resources["Service"]["DesiredCount"] == 2
    assert resources["Service"]["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100


def test_nobody_connects_to_it(resources: dict[str, dict[str, Any]]) -> None:
    assert "SecurityGroupIngress" not in resources["Network"]
    assert resources["Service"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_runs_without_rights_on_its_machine(resources: dict[str, dict[str, Any]]) -> None:
    (container,) = resources["Task"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert f"USER {container['User']}\n" in (ROOT / "bridge" / "Dockerfile").read_text()


def test_has_all_its_settings(resources: dict[str, dict[str, Any]]) -> None:
    (container,) = resources["Task"]["ContainerDefinitions"]
    values = {"BRIDGE_LEASE": "5"}
    read_settings({setting["Name"]: values.get(setting["Name"], "x") for setting in container["Environment"]})


def test_an_alarm_tells_when_none_runs(resources: dict[str, dict[str, Any]]) -> None:
    alarm = resources["NoTaskAlarm"]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "RunningTaskCount",
        1,
        "LessThanThreshold",
    )
    assert alarm["TreatMissingData"] == "breaching"
    assert resources["Cluster"]["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]


@pytest.mark.parametrize(
    ("filtered", "alarmed", "message"),
    [
        ("Leaders", "LeaderChangesAlarm", "leading"),
        ("LostFeeds", "FeedLostAlarm", "feed lost"),
        ("LeaseNotTaken", "LeaseNotTakenAlarm", "lease not taken"),
    ],
)
def test_an_alarm_counts_what_the_log_tells(
    resources: dict[str, dict[str, Any]], filtered: str, alarmed: str, message: str
) -> None:
    pattern, (counted,) = resources[filtered]["FilterPattern"], resources[filtered]["MetricTransformations"]
    assert pattern == f'{{ $.message = "{message}" }}'
    assert any(f'log("{message}"' in source.read_text() for source in (ROOT / "bridge").glob("*.py"))
    alarm = resources[alarmed]
    assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])
    assert alarm["AlarmActions"] == resources["NoTaskAlarm"]["AlarmActions"]


def _part(url: str, select: dict[str, Any]) -> str:
    """Return what Select of Split makes of the parameter's value."""
    place, split = select["Fn::Select"]
    separator, parameter = split["Fn::Split"]
    assert parameter == {"Ref": "ReportsQueueUrl"}
    return url.split(separator)[int(place)]


def test_its_image_holds_what_is_tested_and_installs_it_by_its_hash() -> None:
    shipped = read_lock(ROOT / "bridge" / "requirements.txt")
    assert {"aiohttp", "boto3"} <= valid_here(shipped).keys()
    assert check_part(shipped, read_lock(ROOT / "requirements-dev.txt")) == []
    assert "--require-hashes" in (ROOT / "bridge" / "Dockerfile").read_text()
