"""Requests signed as the gateway asks for it in a stack with Authorization=iam."""

from collections.abc import Generator

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloud_session import REGION


class Signature(httpx.Auth):
    """Signature version 4 for httpx, with the keys of a local cloud, which look at nothing but its presence."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers of the signature to the request."""
        signed = AWSRequest(request.method, str(request.url), data=request.content)
        SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request
