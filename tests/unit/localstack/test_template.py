"""What a deployment changes in the packaged template."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from cloud import parameters_from
from instance import SetupError

from infra.archive import write_archive
from infra.errors import DeploymentError
from infra.template import check_parameters, with_choices, with_code, with_literal_numbers, without

DOCUMENT: dict[str, Any] = {
    "Parameters": {
        "Timeout": {"Type": "Number", "Default": 20},
        "Stage": {"Type": "String", "AllowedValues": ["dev", "prod"]},
    },
    "Resources": {
        "Place": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "./deployment.zip",
                "Timeout": {"Ref": "Timeout"},
                "Tags": [{"Ref": "Stage"}, {"Ref": "Timeout"}],
                "Environment": {"Variables": {"TIMEOUT": {"Ref": "Timeout"}}},
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
    },
}


def place(document: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = document["Resources"]["Place"]["Properties"]
    return properties


def test_functions_point_at_the_uploaded_zip() -> None:
    changed = with_code(DOCUMENT, "s3://bucket/key.zip")
    assert place(changed)["CodeUri"] == "s3://bucket/key.zip"
    assert place(DOCUMENT)["CodeUri"] == "./deployment.zip"
    assert changed["Resources"]["Queue"] == DOCUMENT["Resources"]["Queue"]


@pytest.mark.parametrize(("parameters", "value"), [({}, 20), ({"Timeout": "5"}, 5), ({"Timeout": "0.5"}, 0.5)])
def test_number_parameters_become_numbers(parameters: dict[str, str], value: float) -> None:
    changed = place(with_literal_numbers(DOCUMENT, parameters))
    assert changed["Timeout"] == value
    assert changed["Tags"] == [{"Ref": "Stage"}, value]


def test_environment_variables_stay_references() -> None:
    assert place(with_literal_numbers(DOCUMENT, {}))["Environment"] == place(DOCUMENT)["Environment"]


def test_what_a_cloud_does_not_know_is_left_out() -> None:
    assert without(DOCUMENT, ["AWS::SQS::Queue"])["Resources"].keys() == {"Place"}
    assert DOCUMENT["Resources"].keys() == {"Place", "Queue"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Nope": "1"}, "The stack has no parameter Nope"),
        ({"Timeout": "soon"}, "Timeout=soon is not a number"),
        ({"Stage": "moon"}, "Stage=moon is not allowed: use one of dev, prod"),
    ],
)
def test_a_parameter_that_cannot_be_is_one_clear_line(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        check_parameters(DOCUMENT, parameters)


def test_good_parameters_pass() -> None:
    check_parameters(DOCUMENT, {"Timeout": "0.5", "Stage": "prod"})


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = tmp_path / name / "package"
        folder.mkdir(parents=True)
        for file in ("b.py", "a.py") if name == "one" else ("a.py", "b.py"):
            (folder / file).write_text(file)
        write_archive(tmp_path / f"{name}.zip", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["package/a.py", "package/b.py"]


def test_parameters_come_from_one_variable() -> None:
    environ = {"RIALTO_PARAMETERS": "ExchangeTimeout=1 ExchangeUrl='http://x/?a=b c'"}
    assert parameters_from(environ) == {"ExchangeTimeout": "1", "ExchangeUrl": "http://x/?a=b c"}
    assert parameters_from({}) == {}


@pytest.mark.parametrize("text", ["ExchangeTimeout", "=1", "'unclosed"])
def test_a_bad_parameter_is_one_clear_line(text: str) -> None:
    with pytest.raises(SetupError, match=r"^RIALTO_PARAMETERS: [^\n]*$"):
        parameters_from({"RIALTO_PARAMETERS": text})


CHOICE: dict[str, Any] = {
    "Parameters": {"Door": {"Type": "String", "Default": "open"}},
    "Conditions": {"Closed": {"Fn::Equals": [{"Ref": "Door"}, "closed"]}},
    "Resources": {
        "RestAPI": {
            "Properties": {
                "DefinitionBody": {
                    "status": {"Fn::If": ["Closed", "403", "404"]},
                    "routes": [{"key": {"Fn::If": ["Closed", {"needed": [1]}, {"Ref": "AWS::NoValue"}]}, "x": 1}],
                    "uri": {"Fn::Sub": "${Function.Arn}"},
                }
            }
        },
        "Table": {"Properties": {"Protected": {"Fn::If": ["Closed", True, False]}}},
    },
}


@pytest.mark.parametrize(
    ("parameters", "status", "route"),
    [
        ({}, "404", {"x": 1}),
        ({"Door": "open"}, "404", {"x": 1}),
        ({"Door": "closed"}, "403", {"key": {"needed": [1]}, "x": 1}),
    ],
)
def test_definition_of_the_api_has_the_branch_that_is_taken(
    parameters: dict[str, str], status: str, route: dict[str, Any]
) -> None:
    changed = with_choices(CHOICE, parameters)["Resources"]
    assert changed["RestAPI"]["Properties"]["DefinitionBody"] == {
        "status": status,
        "routes": [route],
        "uri": {"Fn::Sub": "${Function.Arn}"},
    }
    assert changed["Table"] == CHOICE["Resources"]["Table"]
