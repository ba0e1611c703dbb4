"""The commands as they are called: what they ask, refuse and tell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from rialto_client.errors import SigningError

from infra.approval import Approval, NotApprovedError
from infra.command import destroy_stage, main, open_session
from infra.errors import DeploymentError
from infra.stage import Stage
from infra.teardown import delete_retained, tear_down
from tests.unit.localstack.fake_cloudformation import FakeCloudFormation, stack

ROOT = Path(__file__).parents[2]
STAGE = Stage("prod", "eu-central-1", "123456789012", "lambda", "AllAtOnce", {"Stage": "prod"})
RESOURCES = [("Trades", "rialto-prod-Trades-1", "AWS::DynamoDB::Table"), ("Sweep", "sweep", "AWS::Lambda::Function")]


class Account:
    """A session with an identity, or without one."""

    region_name = STAGE.region

    def __init__(self, account: str = STAGE.account, fault: Exception | None = None) -> None:
        self.account = account
        self.fault = fault
        self.cloud = standing()

    def client(self, service_name: Any, /) -> Any:
        """Return a client of the service."""
        return self.cloud if service_name == "cloudformation" else self

    def get_caller_identity(self) -> dict[str, str]:
        if self.fault is not None:
            raise self.fault
        return {"Account": self.account, "Arn": "arn:aws:iam::123456789012:user/deployer"}


def standing() -> FakeCloudFormation:
    """Return a stack with a table that stays and a function that goes."""
    cloud = FakeCloudFormation("UPDATE_COMPLETE")
    cloud.declared = {"Trades": {"DeletionPolicy": "Retain"}, "Sweep": {}}
    cloud.resources = [
        {"LogicalResourceId": name, "PhysicalResourceId": physical, "ResourceType": kind}
        for name, physical, kind in RESOURCES
    ]
    return cloud


def typing(word: str) -> Approval:
    return Approval(ask=lambda _: word)


class TestAccess:
    def test_whoever_has_no_credentials_is_told_what_to_do(self) -> None:
        with pytest.raises(DeploymentError, match=r"aws sso login[\s\S]*AWS_PROFILE=[\s\S]*docs/deploying\.md"):
            open_session(STAGE, lambda **_: Account(fault=NoCredentialsError()))

    def test_whoever_has_expired_ones_is_told_the_same(self) -> None:
        expired = ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "GetCallerIdentity")
        with pytest.raises(DeploymentError, match="aws sso login"):
            open_session(STAGE, lambda **_: Account(fault=expired))

    def test_account_of_another_stage_is_refused(self) -> None:
        with pytest.raises(DeploymentError, match="belongs to account 123456789012, not to 999999999999"):
            open_session(STAGE, lambda **_: Account("999999999999"))

    def test_who_deploys_where_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        open_session(STAGE, lambda **_: Account())
        assert "stack rialto-prod, account 123456789012, eu-central-1" in capsys.readouterr().out

    def test_without_credentials_the_command_ends_in_one_message(self, tmp_path: Path) -> None:
        """The real chain of credentials, with nothing in it."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
        make = shutil.which("make") or "make"
        recipe = subprocess.run(
            [make, "-n", "deploy", "STAGE=dev", "YES=1"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "infra.command deploy 'dev' --yes" in recipe
        python = [sys.executable, "-m", "infra.command", "deploy", "dev", "--yes"]
        run = subprocess.run(python, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode == 1
        assert run.stderr.startswith("deploy: AWS does not know who you are")
        assert "Traceback" not in run.stderr

    def test_credentials_that_run_out_on_the_way_are_told_without_a_traceback(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def run_out(*_: object) -> None:
            raise SigningError("The AWS credentials cannot be read: expired.")

        monkeypatch.setattr("infra.command.open_session", run_out)
        assert main(["deploy", "dev"]) == 1
        assert capsys.readouterr().err == "deploy: The AWS credentials cannot be read: expired.\n"

    def test_unknown_stage_is_told_before_anybody_is_asked_for_credentials(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["deploy", "staging"]) == 1
        assert "There are dev, prod" in capsys.readouterr().err


class TestDestroy:
    def test_stage_goes_when_its_name_is_typed_and_what_stays_is_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account = Account()
        destroy_stage(STAGE, account, typing("prod"))
        assert account.cloud.calls == ["DELETE"]
        told = capsys.readouterr().out
        assert "What goes: 1 Lambda Function." in told
        assert "stays: Trades rialto-prod-Trades-1" in told

    @pytest.mark.parametrize("approval", [typing("dev"), typing("yes"), typing(""), Approval(), Approval(yes=True)])
    def test_anything_else_changes_nothing(self, approval: Approval) -> None:
        cloud = standing()
        with pytest.raises(NotApprovedError):
            tear_down(stack(cloud), "prod", approval, lambda _: None)
        assert cloud.calls == []

    def test_what_stays_is_told_before_the_question(self) -> None:
        told: list[str] = []

        def ask(_: str) -> str:
            assert told[-1] == "What stays, with all that is in it: 1 DynamoDB Table."
            return "prod"

        tear_down(stack(standing()), "prod", Approval(ask=ask), told.append)

    def test_stage_that_is_not_there_is_told(self) -> None:
        with pytest.raises(DeploymentError, match="no stack of the stage prod"):
            tear_down(stack(FakeCloudFormation()), "prod", typing("prod"), lambda _: None)

    def test_whatever_is_retained_can_be_deleted_by_its_type(self) -> None:
        deleted: list[dict[str, str]] = []

        class Service:
            def __getattr__(self, name: str) -> Any:
                return lambda **request: deleted.append({"call": name, **request})

        class Session:
            def client(self, _: str) -> Service:
                return Service()

        found = [one for one in stack(standing()).resources() if one.retained]
        delete_retained(cast(Any, Session()), found)
        assert deleted == [{"call": "delete_table", "TableName": "rialto-prod-Trades-1"}]


@pytest.mark.parametrize("goal", ["up", "test"])
def test_profile_of_the_caller_reaches_a_deployment_and_nothing_else(tmp_path: Path, goal: str) -> None:
    make = shutil.which("make") or "make"
    makefile = tmp_path / "Makefile"
    makefile.write_text((ROOT / "Makefile").read_text() + "\nshown: ; @echo profile=$${AWS_PROFILE:-}\n.PHONY: shown\n")
    shutil.copyfile(ROOT / "requirements-dev.txt", tmp_path / "requirements-dev.txt")
    environ = {"PATH": os.environ["PATH"], "AWS_PROFILE": "mine"}

    def profile_of(*goals: str) -> str:
        run = subprocess.run(
            [make, "--no-print-directory", *goals],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.strip()

    assert profile_of("shown", "MAKECMDGOALS=deploy") == "profile=mine"
    assert profile_of("shown", f"MAKECMDGOALS={goal}") == "profile="
