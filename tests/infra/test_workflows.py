"""The workflows of the CI: what they run is fixed, and they may do no more than they need."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.release_notes import CHANGELOG, notes_of

GITHUB = Path(__file__).resolve().parents[2] / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
NAMES = [path.name for path in WORKFLOWS]
# The only one that writes: a release is an entry in the repository.
WRITERS = {("release.yml", "release", "contents")}
TEXT = """# Changelog

## Unreleased

- later

## 1.10.0 - 2026-12-01

### Added
- this

## [1.1.0]

- that

## 1.0.0
"""


@pytest.fixture(params=WORKFLOWS, ids=NAMES)
def workflow(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def triggers(content: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads the key `on` as true."""
    found: dict[str, Any] = content["on"] if "on" in content else content[True]
    return found


def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    used = re.findall(r"uses:\s*(\S+)(.*)", workflow.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action)
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_one_action_is_at_one_commit_everywhere() -> None:
    used = {use for path in WORKFLOWS for use in re.findall(r"uses:\s*([^.\s]\S+)", path.read_text())}
    assert len({use.split("@")[0] for use in used}) == len(used)


def test_every_job_says_what_it_may_do_and_that_is_to_read(workflow: Path) -> None:
    content = read(workflow)
    assert set(content["permissions"].items()) <= {("contents", "read")}
    for name, job in content["jobs"].items():
        writes = {(workflow.name, name, scope) for scope, access in job["permissions"].items() if access != "read"}
        assert writes <= WRITERS


def test_no_workflow_gives_secrets_to_the_code_of_strangers(workflow: Path) -> None:
    assert "pull_request_target" not in triggers(read(workflow))
    assert "secrets." not in workflow.read_text()


def test_no_token_is_left_behind_for_the_steps(workflow: Path) -> None:
    for job in read(workflow)["jobs"].values():
        for step in job.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_no_text_of_an_event_becomes_part_of_a_command(workflow: Path) -> None:
    for job in read(workflow)["jobs"].values():
        assert all("${{" not in step.get("run", "") for step in job.get("steps", []))


def test_every_job_ends(workflow: Path) -> None:
    assert all("timeout-minutes" in job for job in read(workflow)["jobs"].values() if "steps" in job)


def test_ci_runs_what_is_run_by_hand() -> None:
    steps = read(GITHUB / "workflows" / "ci.yml")["jobs"]["check-and-test"]["steps"]
    assert ".ci/run" in [step.get("run") for step in steps]


def test_release_waits_for_tests_and_audit() -> None:
    assert read(GITHUB / "workflows" / "release.yml")["jobs"]["release"]["needs"] == ["test", "audit"]


def test_updates_are_proposed_for_libraries_actions_and_images() -> None:
    updates = read(GITHUB / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"uv", "github-actions", "docker"}


def test_notes_are_the_chapter_of_the_version() -> None:
    assert notes_of("v1.10.0", TEXT) == "### Added\n- this\n"
    assert notes_of("v1.1.0", TEXT) == "- that\n"


@pytest.mark.parametrize("tag", ["v1.0.0", "v2.0.0", "v1.1", "v1.10.0.1"])
def test_version_without_notes_is_not_released(tag: str) -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has nothing to say about"):
        notes_of(tag, TEXT)


def test_changelog_has_chapters_that_the_release_understands() -> None:
    assert notes_of("Unreleased", CHANGELOG.read_text()).startswith("### Added")
