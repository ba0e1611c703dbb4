"""The packaged template, and fixtures for functions on moto."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.package import package
from tests.aws_fixtures import aws, aws_parameters, client_faults
from tests.environment import FUNCTION

__all__ = ["aws", "aws_parameters", "client_faults"]

os.environ.update(FUNCTION)

Template = dict[str, Any]


@pytest.fixture(scope="session")
def template_path() -> Path:
    """The template as it is deployed."""
    return package()


@pytest.fixture(scope="session")
def template(template_path: Path) -> Template:
    document: Template = yaml.safe_load(template_path.read_text())
    return document
