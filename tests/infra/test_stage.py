"""The files of the stages, and what is wrong with a broken one."""

from pathlib import Path

import pytest

from infra.errors import DeploymentError
from infra.stage import STAGES, read_stage
from infra.template import check_parameters
from tests.infra.conftest import Template

SECRETS = ("secret", "password", "token", "key", "AKIA")


def written(folder: Path, text: str) -> Path:
    (folder / "prod.yaml").write_text(text)
    return folder


def test_stages_that_ship_name_parameters_that_there_are(template: Template, tmp_path: Path) -> None:
    for path in STAGES.glob("*.yaml"):
        text = path.read_text().replace('ExchangeUrl: ""', "ExchangeUrl: https://exchange.example")
        (tmp_path / path.name).write_text(text)
        check_parameters(template, read_stage(path.stem, tmp_path).parameters)


def test_stages_that_ship_hold_no_secret() -> None:
    for path in STAGES.glob("*.yaml"):
        settings = [line.partition("#")[0] for line in path.read_text().splitlines()]
        assert not [line for line in settings if any(word in line.lower() for word in SECRETS)]


def test_production_asks_for_signatures_and_shifts_gradually(tmp_path: Path) -> None:
    text = (STAGES / "prod.yaml").read_text().replace('ExchangeUrl: ""', "ExchangeUrl: https://exchange.example")
    stage = read_stage("prod", written(tmp_path, text))
    assert stage.stack == "rialto-prod"
    assert stage.traffic.startswith("Canary")
    assert stage.parameters["Authorization"] == "iam"
    assert stage.parameters["Stage"] == "prod", "only then are the tables protected from deletion"


def test_a_minimal_file_will_do(tmp_path: Path) -> None:
    stage = read_stage("prod", written(tmp_path, "region: eu-west-1\nparameters: {Exchange: given, LogRetention: 7}"))
    assert (stage.target, stage.traffic, stage.account) == ("lambda", "AllAtOnce", "")
    assert stage.parameters == {"Stage": "prod", "Exchange": "given", "LogRetention": "7"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has to name a region"),
        ("parameters: {}", "has to name a region"),
        ("region: x\nregoin: y", "may name account"),
        ("region: x\nprocessor: m68k", "processor is 'm68k'"),
        ("region: x\ntraffic: Whenever", "traffic is 'Whenever'"),
        ("region: x\nparameters: {Stage: dev, Exchange: given}", "Stage is the file's name"),
        ("region: x\nparameters: {Exchange: http}", "ExchangeUrl is empty"),
        ("region: x", "ExchangeUrl is empty"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(DeploymentError, match=fault):
        read_stage("prod", written(tmp_path, text))


@pytest.mark.parametrize("name", ["staging", "../stages/prod", "PROD", ""])
def test_an_unknown_stage_is_told_with_those_that_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeploymentError, match="There are prod"):
        read_stage(name, written(tmp_path, "region: x"))
