"""The packaged template, as a document that is read, adjusted for a deployment, and written again."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.errors import DeploymentError

Document = dict[str, Any]
NUMBER = r"-?\d+(\.\d+)?"


def read_template(path: Path) -> Document:
    """Read a packaged template; Chalice writes intrinsic functions in their long form, which is plain YAML."""
    document: Document = yaml.safe_load(path.read_text())
    return document


def with_code(document: Document, code_uri: str) -> Document:
    """Return the template with its functions pointing at the uploaded zip."""
    resources = {
        name: {**resource, "Properties": {**resource["Properties"], "CodeUri": code_uri}}
        if resource.get("Type") == "AWS::Serverless::Function"
        else resource
        for name, resource in document["Resources"].items()
    }
    return {**document, "Resources": resources}


def with_literal_numbers(document: Document, parameters: Mapping[str, str]) -> Document:
    """Return the template with the value in place of every reference to a parameter of type Number."""
    numbers = {
        name: _number(parameters.get(name, parameter.get("Default", 0)))
        for name, parameter in document.get("Parameters", {}).items()
        if parameter["Type"] == "Number"
    }
    return {**document, "Resources": _replace(document["Resources"], numbers)}


def check_parameters(document: Document, parameters: Mapping[str, str]) -> None:
    """Refuse parameters that the template does not take, as CloudFormation does and not every local cloud.

    Raises:
        DeploymentError: naming the first such parameter.
    """
    declared = document.get("Parameters", {})
    for name, value in parameters.items():
        if name not in declared:
            raise DeploymentError(f"The stack has no parameter {name}. It has {', '.join(sorted(declared))}.")
        allowed = declared[name].get("AllowedValues")
        if allowed and value not in map(str, allowed):
            raise DeploymentError(f"{name}={value} is not allowed: use one of {', '.join(map(str, allowed))}.")
        if declared[name]["Type"] == "Number" and not re.fullmatch(NUMBER, value):
            raise DeploymentError(f"{name}={value} is not a number.")


def _number(value: Any) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


def _replace(node: Any, numbers: Mapping[str, int | float]) -> Any:
    if isinstance(node, list):
        return [_replace(item, numbers) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and node.get("Ref") in numbers:
        return numbers[node["Ref"]]
    # Environment variables are strings everywhere.
    return {key: value if key == "Variables" else _replace(value, numbers) for key, value in node.items()}
