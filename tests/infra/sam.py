"""SAM's own translation of a template: what CloudFormation is given in the end."""

import json
from typing import Any

from samtranslator.translator.transform import transform

from tests.infra.conftest import Template


class Policies:
    """Stands in for IAM's managed policies, of which the stack uses none."""

    def load(self) -> dict[str, str]:
        """Return them by name."""
        return {}


def translated(template: Template, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the resources of the template after the transform."""
    copy = json.loads(json.dumps(template))
    for resource in copy["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key.zip"
    resources: dict[str, Any] = transform(copy, dict(parameters), Policies())["Resources"]
    return resources
