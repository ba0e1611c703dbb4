"""The packaged template, as a document that is read, adjusted for a deployment, and written again."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.errors import DeploymentError

Document = dict[str, Any]
NUMBER = r"-?\d+(\.\d+)?"
BELOW = r"Must stay below ([A-Z]\w+)"
"""What the description of a parameter says of another one."""


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


def without(document: Document, kinds: Collection[str]) -> Document:
    """Return the template without resources of these types."""
    kept = {name: resource for name, resource in document["Resources"].items() if resource["Type"] not in kinds}
    return {**document, "Resources": kept}


def with_choices(document: Document, parameters: Mapping[str, str]) -> Document:
    """Return the template with the branch that is taken in place of every `Fn::If` in the API's definition.

    CloudFormation could do it. But SAM makes a deployment of the API only when the definition reads otherwise than
    before: with the conditions in it, a parameter that changes would leave the old API in force. And the local
    gateway need not know conditions.
    """
    taken = {name: _holds(condition, document, parameters) for name, condition in document["Conditions"].items()}
    api = document["Resources"]["RestAPI"]
    body = _choose(api["Properties"]["DefinitionBody"], taken)
    changed = {**api, "Properties": {**api["Properties"], "DefinitionBody": body}}
    return {**document, "Resources": {**document["Resources"], "RestAPI": changed}}


def check_parameters(document: Document, parameters: Mapping[str, str]) -> None:
    """Refuse parameters that the template does not take, as CloudFormation does and not every local cloud.

    Nor does CloudFormation know that one must stay below another: that is read from its description.

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
    values = {name: str(one.get("Default", "")) for name, one in declared.items()} | dict(parameters)
    for name, one in declared.items():
        below = re.search(BELOW, one.get("Description", ""))
        if below and float(values[name]) >= float(values[below[1]]):
            raise DeploymentError(f"{name}={values[name]} has to stay below {below[1]}={values[below[1]]}.")


def _holds(condition: Any, document: Document, parameters: Mapping[str, str]) -> bool:
    """Tell whether a condition holds; the template's compare one parameter with one value."""
    reference, wanted = condition["Fn::Equals"]
    name = reference["Ref"]
    return bool(str(parameters.get(name, document["Parameters"][name]["Default"])) == str(wanted))


def _choose(node: Any, taken: Mapping[str, bool]) -> Any:
    if isinstance(node, list):
        return [_choose(item, taken) for item in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Fn::If"}:
        name, yes, no = node["Fn::If"]
        return _choose(yes if taken[name] else no, taken)
    chosen = {key: _choose(value, taken) for key, value in node.items()}
    return {key: value for key, value in chosen.items() if value != {"Ref": "AWS::NoValue"}}


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
