"""What makes the stack visible, whoever declared its parts: where alarms go, traces on demand, and the dashboard."""

from __future__ import annotations

from typing import Any

from infra.dashboard import dashboard
from infra.template import Document

ALARM, FUNCTION, ROLE = "AWS::CloudWatch::Alarm", "AWS::Serverless::Function", "AWS::IAM::Role"
NOTHING = {"Ref": "AWS::NoValue"}
TOPIC = {"Fn::If": ["NoAlarmTopic", NOTHING, [{"Ref": "AlarmTopic"}]]}
WRITES_TRACES = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}
GIVEN: dict[str, dict[str, Any]] = {
    ALARM: {"AlarmActions": TOPIC, "OKActions": TOPIC},
    FUNCTION: {"Tracing": {"Fn::If": ["Traced", "Active", "PassThrough"]}},
    "AWS::Serverless::Api": {"TracingEnabled": {"Fn::If": ["Traced", True, False]}},
    ROLE: {"ManagedPolicyArns": {"Fn::If": ["Traced", [WRITES_TRACES], NOTHING]}},
}
"""Properties by type."""


def observe(document: Document) -> Document:
    """Return a packaged template whose alarms tell somebody, with traces on demand and a dashboard."""
    resources = {
        name: {**resource, "Properties": {**resource["Properties"], **GIVEN.get(resource["Type"], {})}}
        for name, resource in document["Resources"].items()
    }
    return {**document, "Resources": {**resources, "Dashboard": dashboard(resources)}}
