"""The SQS client of the functions."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@cache
def sqs_client() -> "SQSClient":
    """Return the process's SQS client. Endpoint, region and credentials come from the environment."""
    config = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
    client: SQSClient = boto3.client("sqs", config=config)
    return client
