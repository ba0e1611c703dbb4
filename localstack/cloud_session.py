"""Sessions for the local clouds."""

import os
from unittest import mock

from instance import Instance
from localstack_client import session as localstack_client

from infra.deploy import Session

REGION = "us-east-1"


def open_session(instance: Instance) -> Session:
    """Return a session whose clients talk to the instance's cloud, whatever the caller's AWS settings are."""
    with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": instance.endpoint}):
        opened: Session = localstack_client.Session(region_name=REGION)
        return opened


def isolate_environment() -> None:
    """Take the caller's AWS settings and proxies out of this process: a profile must not decide about a local cloud."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
