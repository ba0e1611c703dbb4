"""The life of a stage of its own: deployed, deployed badly and taken back, refused, destroyed."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cloud_session import open_session
from deployment import adjustment, start_cloud, wipe
from instance import Instance
from signature import Signature

from infra.approval import Approval, NotApprovedError
from infra.command import checked_at, destroy_stage
from infra.deploy import Bucket, upload
from infra.package import package
from infra.rollout import Rollout, UnhealthyError, Version, roll_out
from infra.stack import Resource, Stack
from infra.stage import Stage
from infra.teardown import delete_retained
from infra.template import read_template
from tests.deployed import free_instance

PARAMETERS = {"Stage": "trial", "Exchange": "given", "GivenFailureRate": "0", "GivenLatency": "0"}
STAGE = Stage("trial", "us-east-1", "", "host", "AllAtOnce", PARAMETERS)
ORDER = {"type": "market", "side": "buy", "instrument": "DE0007664039", "quantity": 1}
YES = Approval(yes=True)


class Trial:
    """A stage on a local cloud."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.session = open_session(instance)
        self.told: list[str] = []
        self.outputs: Mapping[str, str] = {}
        self.client = self.session.client("cloudformation")
        self.stack = Stack(self.client, STAGE.stack, lambda _: None)
        self._retained: dict[str, Resource] = {}

    def deploy(self, template: Path, approval: Approval = YES) -> None:
        """Roll a package out."""
        bucket = Bucket(self.session)
        version = Version(upload(bucket, template, PARAMETERS, adjustment(self.instance, PARAMETERS)), PARAMETERS)
        check = checked_at(self.session, self.address, Signature(), patience=20)
        rollout = Rollout(self.stack, bucket, "trial/healthy.json", approval, check, self.told.append)
        self.outputs = roll_out(rollout, version)

    def deploy_the_same(self) -> None:
        """Deploy what is there already: nothing changes. LocalStack makes a change set of that all the same."""
        self.told.clear()
        if self.instance.cloud == "embedded":
            self.deploy(package(), Approval())
            assert self.told[0] == "Nothing to change."
        else:
            self.deploy(package())
            assert self.told[0] == "Changes:\n  of no resource: outputs or descriptions"

    def address(self, outputs: Mapping[str, str]) -> str:
        """Return where the emulator answers for the API."""
        return f"{self.instance.endpoint}/_aws/execute-api/{outputs['RestAPIId']}/rialto/"

    def submit(self) -> str:
        """Post an order that must be accepted; return its id."""
        with self._http() as http:
            order_id: str = http.post("orders", json=ORDER).raise_for_status().json()["id"]
        return order_id

    def show(self, order_id: str) -> int:
        """Return the status of the answer to a question for an order."""
        with self._http() as http:
            return http.get(f"orders/{order_id}").status_code

    def forget(self) -> None:
        """Delete the stage with all that stays of it, now and from before: its cloud may go on running."""
        if self.stack.exists:
            self.note_retained()
            self.stack.delete()
        delete_retained(self.session, list(self._retained.values()))

    def note_retained(self) -> None:
        """Note what will stay of the stack. One that is made anew may give its names again."""
        self._retained |= {one.physical: one for one in self.stack.resources() if one.retained}

    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self.address(self.stack.outputs()), timeout=35, trust_env=False)


@pytest.fixture(autouse=True)
def _sound_exchange() -> None:
    """Nothing here is of the stack that other tests share."""


@pytest.fixture(autouse=True)
def _function_logs() -> None:
    """Nor are its logs."""


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    instance = free_instance(tmp_path_factory.mktemp("trial"))
    instance.home.mkdir(parents=True, exist_ok=True)
    try:
        start_cloud(instance)
        deployed = Trial(instance)
        # What a run that was cut short has left.
        deployed.forget()
        try:
            deployed.deploy(package())
            yield deployed
        finally:
            deployed.forget()
    finally:
        wipe(instance)


def test_first_version_is_deployed_and_looked_at(trial: Trial) -> None:
    assert trial.told[0].startswith("A new stack:\n  add")
    assert trial.outputs.keys() >= {"RestAPIId", "EndpointURL", "BrokerOrdersTable"}
    assert trial.show(trial.submit()) == 200


def test_the_same_again_is_no_change(trial: Trial) -> None:
    trial.deploy_the_same()


def test_version_that_does_not_cancel_is_taken_back_and_the_old_one_still_answers(trial: Trial, tmp_path: Path) -> None:
    """It runs, and is in good health by what it says: only the way through shows what is wrong."""
    order_id = trial.submit()
    broken = changed_package(tmp_path, "_write(lambda: store.cancel(order), pause)", "pass")
    with pytest.raises(UnhealthyError, match=r"not taken back[\s\S]*is back, and is well"):
        trial.deploy(broken)
    assert trial.show(order_id) == 200
    trial.submit()
    # What is deployed next starts from the version that is well.
    trial.deploy_the_same()


def test_version_that_cannot_be_imported_is_taken_back(trial: Trial, tmp_path: Path) -> None:
    broken = changed_package(tmp_path, "import random\n", "import random, no_such_module\n")
    with pytest.raises(UnhealthyError, match=r"MatchFunction fails[\s\S]*is back, and is well"):
        trial.deploy(broken)
    trial.submit()


@pytest.mark.embedded_only("LocalStack's change sets tell of no replacement")
def test_table_is_not_replaced_by_an_ordinary_yes(trial: Trial, tmp_path: Path) -> None:
    order_id = trial.submit()
    template = read_template(package())
    keys = [{"AttributeName": "created_at", "KeyType": "HASH"}]
    template["Resources"]["BrokerOrders"]["Properties"]["KeySchema"] = keys
    with pytest.raises(NotApprovedError, match="BrokerOrders"):
        trial.deploy(written(tmp_path, template))
    assert "REPLACE  BrokerOrders (DynamoDB Table): KeySchema - an empty one takes its place" in trial.told[-1]
    assert trial.show(order_id) == 200


def test_destroyed_stage_leaves_its_orders_and_can_be_made_anew(
    trial: Trial, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last one of this module: it takes the stage away."""
    order_id = trial.submit()
    with pytest.raises(NotApprovedError):
        destroy_stage(STAGE, trial.session, Approval(yes=True))
    assert trial.show(order_id) == 200
    trial.note_retained()
    table, queue = trial.outputs["BrokerOrdersTable"], trial.outputs["PlacementsQueue"]
    destroy_stage(STAGE, trial.session, Approval(ask=lambda _: "trial"))
    assert f"stays: BrokerOrders {table}" in capsys.readouterr().out
    assert not trial.stack.exists
    item = trial.session.client("dynamodb").get_item(TableName=table, Key={"order_id": {"S": order_id}})
    assert item["Item"]["order_id"] == {"S": order_id}
    assert trial.session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    trial.deploy(package())
    assert trial.show(trial.submit()) == 200


def changed_package(folder: Path, old: str, new: str) -> Path:
    """Return the template of a package in which a line of the market's service is another."""
    template, name = package(), "chalicelib/market/service.py"
    with (
        zipfile.ZipFile(template.parent / "deployment.zip") as sound,
        zipfile.ZipFile(folder / "deployment.zip", "w", zipfile.ZIP_DEFLATED) as broken,
    ):
        for entry in sound.infolist():
            content = sound.read(entry)
            if entry.filename == name:
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            # Its bytecode would be taken for it, unchecked.
            if "market/__pycache__/service." not in entry.filename:
                broken.writestr(entry.filename, content)
    return written(folder, read_template(template))


def written(folder: Path, template: dict[str, Any]) -> Path:
    """Write a template beside the package's zip, or beside the one that is there."""
    archive = folder / "deployment.zip"
    if not archive.exists():
        archive.symlink_to(package().parent / "deployment.zip")
    (folder / "sam.yaml").write_text(yaml.safe_dump(template, sort_keys=False))
    return folder / "sam.yaml"
