"""The gradual way to a new version of the API, in SAM's own translation."""

import json
from typing import Any

import pytest

from infra.template import with_choices
from infra.traffic import with_traffic_shift
from tests.infra.conftest import Template
from tests.infra.sam import translated


def shifted(template: Template, **parameters: str) -> dict[str, Any]:
    chosen = with_choices(template, parameters)
    return translated(with_traffic_shift(chosen, "Canary10Percent5Minutes", parameters), parameters)


@pytest.fixture(scope="module")
def resources(template: Template) -> dict[str, Any]:
    return shifted(template)


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: one for name, one in resources.items() if one["Type"] == kind}


def versions(resources: dict[str, Any]) -> set[str]:
    return set(of_type(resources, "AWS::Lambda::Version"))


def test_alias_is_shifted_by_codedeploy_and_an_alarm_takes_it_back(resources: dict[str, Any]) -> None:
    (alias,) = of_type(resources, "AWS::Lambda::Alias").values()
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    (group,) = of_type(resources, "AWS::CodeDeploy::DeploymentGroup").values()
    alarms = group["Properties"]["AlarmConfiguration"]["Alarms"]
    assert alarms == [{"Name": {"Ref": "ApiFaultsAlarm"}}]
    assert "ApiFaultsAlarm" in resources
    assert group["Properties"]["AutoRollbackConfiguration"]["Enabled"] is True


def test_every_route_goes_through_the_alias_which_the_gateway_may_call(resources: dict[str, Any]) -> None:
    (alias,) = of_type(resources, "AWS::Lambda::Alias")
    body = json.dumps(resources["RestAPI"]["Properties"]["Body"])
    paths = resources["RestAPI"]["Properties"]["Body"]["paths"]
    assert body.count(f"${{{alias}}}") == sum(len(methods) for methods in paths.values())
    assert "APIHandler.Arn" not in body
    permissions = [one["Properties"] for one in of_type(resources, "AWS::Lambda::Permission").values()]
    gateway = [one["FunctionName"] for one in permissions if one["Principal"] == "apigateway.amazonaws.com"]
    assert gateway == [{"Ref": alias}]


def test_only_the_api_is_shifted(resources: dict[str, Any]) -> None:
    assert len(versions(resources)) == 1
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        assert "Alias" not in json.dumps(mapping["Properties"]["FunctionName"])


def test_change_of_a_parameter_alone_is_a_new_version_of_the_function(template: Template) -> None:
    """Otherwise the alias would go on with the former environment."""
    before, same, after = (shifted(template, ExchangeUrl=url) for url in ("https://a", "https://a", "https://b"))
    assert versions(before) == versions(same) != versions(after)
    functions = [one["APIHandler"]["Properties"]["Description"] for one in (before, after)]
    assert len(set(functions)) == 2, "Lambda refuses a version of a function that did not change"


def test_without_it_there_is_no_alias(template: Template) -> None:
    assert not of_type(translated(with_choices(template, {}), {}), "AWS::Lambda::Alias")
