"""Requests signed for a local cloud, which looks at nothing but the presence of a signature."""

from botocore.credentials import Credentials
from cloud_session import REGION
from rialto_client.signature import SignedBy


class Signature(SignedBy):
    """Signature version 4 for httpx, with the keys of a local cloud."""

    def __init__(self) -> None:
        super().__init__(Credentials("test", "test"), REGION)
