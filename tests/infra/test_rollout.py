"""How a new version comes to a stage: shown, agreed to, applied, looked at, taken back."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from infra.approval import Approval, NotApprovedError
from infra.errors import DeploymentError
from infra.rollout import Rollout, UnhealthyError, Version, roll_out
from infra.stack import Patience, Stack
from tests.unit.localstack.fake_cloudformation import FakeCloudFormation

OLD, NEW = (
    Version("https://s3/old", {"Stage": "prod"}),
    Version("https://s3/new", {"Stage": "prod", "LogRetention": "7"}),
)
HARMLESS = {"Action": "Modify", "LogicalResourceId": "Sweep", "ResourceType": "AWS::Lambda::Function"}
REPLACED = {
    "Action": "Modify",
    "LogicalResourceId": "Trades",
    "ResourceType": "AWS::DynamoDB::Table",
    "Replacement": "True",
    "Details": [{"Target": {"Attribute": "Properties", "Name": "KeySchema"}}],
}
YES = Approval(yes=True)


class Shelf(dict[str, bytes]):
    """Where versions are written down."""

    def write(self, key: str, content: bytes) -> None:
        self[key] = content

    def read(self, key: str) -> bytes | None:
        return self.get(key)


class Stage:
    """A stack in memory, of which some templates are well."""

    def __init__(self, well: set[str], status: str = "UPDATE_COMPLETE") -> None:
        self.cloud = FakeCloudFormation(status)
        self.cloud.template = OLD.template if status else ""
        self.cloud.changes = [HARMLESS]
        self.well = well
        self.shelf = Shelf()
        self.told: list[str] = []

    def remember(self, version: Version) -> None:
        self.shelf["record"] = json.dumps({"template": version.template, "parameters": version.parameters}).encode()

    def roll_out(self, version: Version, approval: Approval = YES) -> dict[str, str]:
        stack = Stack(cast(Any, self.cloud), "rialto", lambda _: None, Patience(0.0, 5.0))
        rollout = Rollout(stack, self.shelf, "record", approval, self._check, self.told.append)
        return roll_out(rollout, version)

    def _check(self, outputs: Mapping[str, str]) -> list[str]:
        assert outputs
        return [] if self.cloud.template in self.well else ["GET /health: 503"]


def answering(*answers: str) -> Approval:
    """A person at the terminal, who answers nothing beyond these."""
    left = list(answers)
    return Approval(ask=lambda _: left.pop(0))


class TestAgreement:
    def test_changes_are_shown_before_anybody_is_asked(self) -> None:
        stage = Stage({NEW.template})
        stage.roll_out(NEW, Approval(ask=lambda _: "y" if "change           Sweep" in stage.told[0] else "n"))
        assert stage.cloud.calls == ["UPDATE", "EXECUTE"]

    @pytest.mark.parametrize("answer", ["", "n", "no", "Yes please"])
    def test_whatever_is_no_yes_changes_nothing(self, answer: str) -> None:
        stage = Stage({NEW.template})
        with pytest.raises(NotApprovedError, match="Nothing was changed"):
            stage.roll_out(NEW, answering(answer))
        assert stage.cloud.calls == ["UPDATE", "DISCARD"]

    def test_interruption_at_the_question_leaves_nothing(self) -> None:
        def interrupt(_: str) -> str:
            raise KeyboardInterrupt

        stage = Stage({NEW.template}, status="")
        with pytest.raises(KeyboardInterrupt):
            stage.roll_out(NEW, Approval(ask=interrupt))
        assert stage.cloud.calls == ["CREATE", "DISCARD", "DELETE"]

    def test_without_a_terminal_it_takes_a_yes_beforehand(self) -> None:
        stage = Stage({NEW.template})
        with pytest.raises(NotApprovedError, match="YES=1"):
            stage.roll_out(NEW, Approval())
        assert "EXECUTE" not in stage.cloud.calls
        agreed = Stage({NEW.template})
        agreed.roll_out(NEW, YES)
        assert agreed.cloud.calls[-1] == "EXECUTE"

    def test_stack_that_was_only_begun_goes_with_the_refusal(self) -> None:
        stage = Stage({NEW.template}, status="")
        with pytest.raises(NotApprovedError):
            stage.roll_out(NEW, answering("n"))
        assert stage.cloud.calls == ["CREATE", "DISCARD", "DELETE"]


class TestLossOfData:
    @pytest.fixture
    def stage(self) -> Stage:
        stage = Stage({NEW.template})
        stage.cloud.changes = [HARMLESS, REPLACED]
        return stage

    def test_is_shown_first_and_by_its_name(self, stage: Stage) -> None:
        with pytest.raises(NotApprovedError):
            stage.roll_out(NEW, answering("n"))
        first = stage.told[0].splitlines()[1]
        assert first == "  REPLACE          Trades (DynamoDB Table): KeySchema - an empty one takes its place"

    @pytest.mark.parametrize("approval", [YES, Approval(), answering("y"), answering("yes")])
    def test_is_not_agreed_to_by_an_ordinary_yes(self, stage: Stage, approval: Approval) -> None:
        with pytest.raises(NotApprovedError, match=r"Trades|Not applied"):
            stage.roll_out(NEW, approval)
        assert "EXECUTE" not in stage.cloud.calls

    def test_is_refused_and_not_asked_about_where_an_ordinary_yes_was_given_beforehand(self, stage: Stage) -> None:
        with pytest.raises(NotApprovedError, match="YES=DATA-LOSS"):
            stage.roll_out(NEW, Approval(ask=lambda _: "YES", yes=True))

    @pytest.mark.parametrize("approval", [answering("YES"), Approval(yes=True, yes_to_data_loss=True)])
    def test_is_agreed_to_by_a_yes_of_its_own(self, stage: Stage, approval: Approval) -> None:
        stage.roll_out(NEW, approval)
        assert stage.cloud.calls[-1] == "EXECUTE"


class TestHealth:
    def test_version_that_is_well_is_remembered(self) -> None:
        stage = Stage({NEW.template})
        assert stage.roll_out(NEW) == {"Url": "x"}
        assert json.loads(stage.shelf["record"]) == {"template": NEW.template, "parameters": NEW.parameters}

    def test_version_that_is_not_well_is_taken_back_with_its_parameters(self) -> None:
        stage = Stage({OLD.template})
        stage.remember(OLD)
        with pytest.raises(UnhealthyError, match="503\nThe version that was well before is back, and is well"):
            stage.roll_out(NEW)
        assert (stage.cloud.template, stage.cloud.parameters) == (OLD.template, OLD.parameters)
        assert stage.cloud.calls == ["UPDATE", "EXECUTE", "UPDATE", "EXECUTE"]
        stage.roll_out(OLD)
        assert json.loads(stage.shelf["record"])["template"] == OLD.template

    def test_going_back_asks_nobody(self) -> None:
        stage = Stage({OLD.template})
        stage.remember(OLD)
        with pytest.raises(UnhealthyError, match="is back"):
            stage.roll_out(NEW, answering("y"))

    def test_run_that_died_before_it_looked_is_made_up_for_by_the_next(self) -> None:
        stage = Stage({OLD.template})
        stage.remember(OLD)
        stage.cloud.template = NEW.template
        with pytest.raises(UnhealthyError, match="is back, and is well"):
            stage.roll_out(NEW)
        assert stage.cloud.template == OLD.template

    def test_first_version_that_is_not_well_stays_to_be_looked_at(self) -> None:
        stage = Stage(set(), status="")
        with pytest.raises(UnhealthyError, match="no other version"):
            stage.roll_out(NEW)
        assert stage.cloud.calls == ["CREATE", "EXECUTE"]

    def test_version_of_a_stack_that_was_destroyed_is_none_to_come_back_to(self) -> None:
        stage = Stage(set(), status="")
        stage.remember(OLD)
        for _ in range(2):  # The second run finds the stack that the first one made.
            with pytest.raises(UnhealthyError, match="no other version"):
                stage.roll_out(NEW)
        assert stage.cloud.template == NEW.template

    def test_version_that_was_well_once_and_is_no_more_has_nothing_to_come_back_to(self) -> None:
        stage = Stage(set())
        stage.remember(OLD)
        with pytest.raises(UnhealthyError, match="no other version"):
            stage.roll_out(OLD)

    def test_former_version_that_is_not_well_either_is_told(self) -> None:
        stage = Stage(set())
        stage.remember(OLD)
        with pytest.raises(UnhealthyError, match="is not well either:\n  GET /health: 503"):
            stage.roll_out(NEW)

    def test_going_back_never_replaces_a_table(self) -> None:
        stage = Stage({OLD.template})
        stage.remember(OLD)
        stage.cloud.changes = [REPLACED]
        with pytest.raises(UnhealthyError, match=r"It stays as it is: .* Trades"):
            stage.roll_out(NEW, Approval(yes=True, yes_to_data_loss=True))
        assert stage.cloud.calls == ["UPDATE", "EXECUTE", "UPDATE", "DISCARD"]

    def test_what_the_failed_version_added_does_not_stop_it_from_going_back(self) -> None:
        stage = Stage({OLD.template})
        stage.remember(OLD)
        stage.cloud.changes = [{"Action": "Remove", "LogicalResourceId": "N", "ResourceType": "AWS::SQS::Queue"}]
        with pytest.raises(UnhealthyError, match="is back, and is well"):
            stage.roll_out(NEW, Approval(yes=True, yes_to_data_loss=True))

    def test_update_that_cloudformation_rolled_back_is_not_looked_at(self) -> None:
        stage = Stage({NEW.template})
        stage.cloud.outcome = "UPDATE_ROLLBACK_COMPLETE"
        with pytest.raises(DeploymentError, match="ended as UPDATE_ROLLBACK_COMPLETE"):
            stage.roll_out(NEW)
        assert not stage.shelf

    def test_nothing_to_change_is_looked_at_and_remembered(self) -> None:
        stage = Stage({OLD.template})
        stage.roll_out(OLD, Approval())
        assert stage.told[0] == "Nothing to change."
        assert "record" in stage.shelf
