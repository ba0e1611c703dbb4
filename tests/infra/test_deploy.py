"""What a deployment uploads, and into what kind of bucket."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from infra.deploy import deploy
from tests.infra.conftest import Template
from tests.unit.localstack.fake_cloudformation import FakeCloudFormation

REGION = "eu-central-1"
BUCKET = f"rialto-packages-123456789012-{REGION}"
MISSING = ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "Head")


class FakeS3:
    """One bucket, in memory. moto's would refuse the uploads: it does not read the conditions of a policy."""

    meta = SimpleNamespace(endpoint_url="https://s3.example")

    def __init__(self) -> None:
        self.created: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.objects: dict[str, bytes] = {}

    def head_bucket(self, **_: str) -> None:
        if not self.created:
            raise MISSING

    def create_bucket(self, **request: Any) -> None:
        self.created = request

    def put_public_access_block(self, **request: Any) -> None:
        self.settings |= request

    def put_bucket_policy(self, **request: Any) -> None:
        self.settings |= request

    def head_object(self, **request: str) -> None:
        if request["Key"] not in self.objects:
            raise MISSING

    def put_object(self, **request: Any) -> None:
        self.objects[request["Key"]] = request["Body"]


class FakeSts:
    """An account."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws-cn:iam::123456789012:user/deployer"}


class FakeSession:
    """A session in a partition of its own."""

    region_name = REGION

    def __init__(self) -> None:
        self.cloudformation = FakeCloudFormation()
        self.s3 = FakeS3()

    def client(self, service_name: Any, /) -> Any:
        """Return a client of the service."""
        return {"cloudformation": self.cloudformation, "s3": self.s3, "sts": FakeSts()}[service_name]

    def uploaded_api(self) -> str:
        """Return the API's definition in the template that CloudFormation was given last."""
        document = yaml.safe_load(self.s3.objects[self.cloudformation.template.split("/")[-1]])
        return json.dumps(document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"])


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def packaged(template: Template, tmp_path: Path) -> Path:
    (tmp_path / "deployment.zip").write_bytes(b"code")
    (tmp_path / "sam.yaml").write_text(yaml.safe_dump(template))
    return tmp_path / "sam.yaml"


def test_change_of_authorization_changes_the_definition_of_the_api(session: FakeSession, packaged: Path) -> None:
    deploy(session, packaged, "rialto", {})
    assert '"security"' not in session.uploaded_api()
    assert "Fn::If" not in session.uploaded_api()
    deploy(session, packaged, "rialto", {"Authorization": "iam"})
    assert '"security": [{"sigv4": []}]' in session.uploaded_api()
    deploy(session, packaged, "rialto", {"Authorization": "none"})
    assert '"security"' not in session.uploaded_api()


@pytest.mark.parametrize("created", [{}, {"Bucket": BUCKET}])
def test_bucket_is_closed_even_if_the_run_that_made_it_did_not_get_that_far(
    session: FakeSession, packaged: Path, created: dict[str, Any]
) -> None:
    session.s3.created = created
    deploy(session, packaged, "rialto", {})
    assert session.s3.created["Bucket"] == session.s3.settings["Bucket"] == BUCKET
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert session.s3.settings["PublicAccessBlockConfiguration"] == dict.fromkeys(closed, True)
    (statement,) = json.loads(session.s3.settings["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws-cn:s3:::{BUCKET}", f"arn:aws-cn:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
