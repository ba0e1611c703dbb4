"""The gradual way to a new version of the API function: SAM's alias, and CodeDeploy, which shifts it.

Only AWS knows CodeDeploy, so it is a step of the deployment there, and the local clouds never see it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from infra.template import Document

ALIAS = "live"
FUNCTION = "APIHandler"
GUARD = "ApiFaultsAlarm"
"""The alarm that takes the requests back to the former version."""


def with_traffic_shift(document: Document, traffic: str, parameters: Mapping[str, str]) -> Document:
    """Return the template with the gateway in front of an alias of the API function, which is shifted gradually."""
    # A new version is published only if SAM sees another function, and only if Lambda does, too. Neither looks into
    # parameters: what all of them come to stands in the description.
    digest = hashlib.sha256(json.dumps([document, dict(parameters)], sort_keys=True).encode()).hexdigest()
    resources = dict(document["Resources"])
    resources[FUNCTION] = _with(
        resources[FUNCTION],
        AutoPublishAlias=ALIAS,
        AutoPublishAliasAllProperties=True,
        Description=f"Answers requests. Version {digest[:16]}",
        DeploymentPreference={"Type": traffic, "Alarms": [{"Ref": GUARD}]},
    )
    body = _through_alias(resources["RestAPI"]["Properties"]["DefinitionBody"])
    resources["RestAPI"] = _with(resources["RestAPI"], DefinitionBody=body)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Permission":
            resources[name] = _with(resource, FunctionName={"Ref": f"{FUNCTION}.Alias"})
    return {**document, "Resources": resources}


def _with(resource: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {**resource, "Properties": {**resource["Properties"], **properties}}


def _through_alias(node: Any) -> Any:
    """Return the API's definition with the alias in place of the function."""
    if isinstance(node, list):
        return [_through_alias(item) for item in node]
    if isinstance(node, dict):
        return {key: _through_alias(value) for key, value in node.items()}
    return node.replace(f"${{{FUNCTION}.Arn}}", f"${{{FUNCTION}.Alias}}") if isinstance(node, str) else node
