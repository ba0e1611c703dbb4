"""Deploy a packaged template with CloudFormation: the same on AWS, on LocalStack and on the embedded emulator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml
from botocore.exceptions import ClientError

from infra.stack import Stack
from infra.template import Document, check_parameters, read_template, with_choices, with_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

Progress = Callable[[str], None]
Adjust = Callable[[Document], Document]
PRIVATE: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class Session(Protocol):
    """What boto3's and localstack_client's sessions have in common."""

    region_name: str

    def client(self, service_name: Any, /) -> Any:
        """Return a client of the service."""


def deploy(
    session: Session,
    template: Path,
    stack_name: str,
    parameters: Mapping[str, str],
    progress: Progress = lambda _: None,
    adjust: Adjust = lambda document: document,
) -> dict[str, str]:
    """Upload the package, create or update the stack, and return its outputs.

    `progress` is told in a few words what happens, again and again while it lasts.
    `adjust` makes of the template what this cloud takes, as the last step before the upload.

    Raises:
        DeploymentError: for a parameter that does not exist, or with the reason of every resource that failed.
    """
    progress("uploading the package")
    uploaded = upload(Bucket(session), template, parameters, adjust)
    stack = Stack(session.client("cloudformation"), stack_name, progress)
    stack.apply(uploaded, parameters)
    return stack.outputs()


def upload(bucket: Bucket, template: Path, parameters: Mapping[str, str], adjust: Adjust) -> str:
    """Upload the package and its template, and return the template's URL.

    Raises:
        DeploymentError: for a parameter that does not exist.
    """
    document = read_template(template)
    check_parameters(document, parameters)
    archive = bucket.upload((template.parent / "deployment.zip").read_bytes(), "zip")
    document = adjust(with_choices(with_code(document, f"s3://{bucket.name}/{archive}"), parameters))
    # By its address, because CloudFormation takes at most 51,200 bytes of template in the call itself.
    return bucket.address(bucket.upload(yaml.safe_dump(document, sort_keys=False).encode(), "yaml"))


class Bucket:
    """The bucket for what is deployed; made when it is missing. An object is named by the hash of its content."""

    def __init__(self, session: Session) -> None:
        caller = session.client("sts").get_caller_identity()
        self.name = f"rialto-packages-{caller['Account']}-{session.region_name}"
        self._s3: S3Client = session.client("s3")
        _create_bucket(self._s3, self.name, session.region_name)
        # Every time: a first run that was interrupted must not leave it without.
        self._s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=PRIVATE)
        partition = caller["Arn"].split(":")[1]
        self._s3.put_bucket_policy(Bucket=self.name, Policy=_tls_only(f"arn:{partition}:s3:::{self.name}"))

    def upload(self, content: bytes, suffix: str) -> str:
        """Put the content there unless it is there, and return its key."""
        key = f"{hashlib.sha256(content).hexdigest()}.{suffix}"
        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError:
            self._s3.put_object(Bucket=self.name, Key=key, Body=content)
        return key

    def write(self, key: str, content: bytes) -> None:
        """Put the content there in place of what was there."""
        self._s3.put_object(Bucket=self.name, Key=key, Body=content)

    def read(self, key: str) -> bytes | None:
        """Return the content, None if there is none."""
        try:
            return self._s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def address(self, key: str) -> str:
        """Return the URL of an object, of the form that every cloud knows."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"


def _tls_only(bucket: str) -> str:
    """Return the policy of a bucket, by its ARN, that refuses whoever does not come over TLS."""
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _create_bucket(s3: S3Client, bucket: str, region: str) -> None:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        location: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **location)
