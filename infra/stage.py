"""A stage: where it is deployed, and with which settings. One small file for each in infra/stages/, without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.errors import DeploymentError
from infra.wheels import Target

STAGES = Path(__file__).with_name("stages")
NAME = r"[a-z][a-z0-9-]{0,19}"
TARGETS: Mapping[str, Target] = {"x86_64": "lambda", "arm64": "lambda-arm64"}
AT_ONCE = "AllAtOnce"
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
TRAFFIC = (
    AT_ONCE,
    *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
    "Linear10PercentEvery1Minute",
    *(f"Linear10PercentEvery{minutes}Minutes" for minutes in (2, 3, 10)),
)
"""How requests go over to a new version of the API function."""
SETTINGS = {"region", "account", "processor", "traffic", "parameters"}


@dataclass(frozen=True)
class Stage:
    """A stage's settings. ``account``: the only one that it may be deployed to, any if empty."""

    name: str
    region: str
    account: str
    target: Target
    traffic: str
    parameters: dict[str, str]

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f"rialto-{self.name}"


def read_stage(name: str, folder: Path = STAGES) -> Stage:
    """Return the settings of a stage.

    Raises:
        DeploymentError: if there is no such stage, or its file says what makes no sense.
    """
    path = folder / f"{name}.yaml"
    if not re.fullmatch(NAME, name) or not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml")))
        raise DeploymentError(f"There is no stage {name!r}. There are {known}; infra/stages/ has a file for each.")
    content = yaml.safe_load(path.read_text()) or {}
    if not isinstance(content, dict) or not content.keys() <= SETTINGS or "region" not in content:
        raise DeploymentError(f"{path.name}: has to name a region, and may name {', '.join(sorted(SETTINGS))}.")
    return Stage(
        name=name,
        region=str(content["region"]),
        account=str(content.get("account") or ""),
        target=TARGETS[_one_of(path, content, "processor", tuple(TARGETS), "x86_64")],
        traffic=_one_of(path, content, "traffic", TRAFFIC, AT_ONCE),
        parameters=_read_parameters(path, name, content.get("parameters") or {}),
    )


def _one_of(path: Path, content: Mapping[str, Any], setting: str, known: tuple[str, ...], default: str) -> str:
    value = str(content.get(setting, default))
    if value not in known:
        raise DeploymentError(f"{path.name}: {setting} is {value!r}; it has to be one of {', '.join(known)}.")
    return value


def _read_parameters(path: Path, name: str, content: Mapping[str, Any]) -> dict[str, str]:
    parameters = {"Stage": name, **{key: str(value) for key, value in content.items()}}
    if parameters["Stage"] != name:
        raise DeploymentError(f"{path.name}: the parameter Stage is the file's name, {name}.")
    if parameters.get("Exchange", "http") == "http" and not parameters.get("ExchangeUrl"):
        raise DeploymentError(
            f"{path.name}: ExchangeUrl is empty. Write the address of your exchange there, or Exchange: given."
        )
    return parameters
