"""Requests signed as the gateway asks for it in a stack with Authorization=iam: AWS Signature Version 4.

Needs the extra ``aws`` of this package. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from rialto_client.errors import SigningError

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

SERVICE = "execute-api"


class SignedBy(httpx.Auth):
    """Signature version 4 for httpx. Where nobody asks for it, nobody looks at it."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers of the signature to the request.

        Raises:
            SigningError: if the credentials have run out and cannot be had anew.
        """
        request.read()
        self._sign(request, self._current())
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same, without holding up the event loop while credentials are had anew."""
        await request.aread()
        self._sign(request, await asyncio.to_thread(self._current))
        yield request

    def _current(self) -> ReadOnlyCredentials:
        try:
            return self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise _unreadable(error) from error

    def _sign(self, request: httpx.Request, credentials: ReadOnlyCredentials) -> None:
        request.url = _with_strict_query(request.url)
        headers = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=headers)
        SigV4Auth(credentials, SERVICE, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))


def find_credentials() -> Credentials | None:
    """Return the caller's credentials, from where all AWS tools look for them; None if there are none.

    Raises:
        SigningError: if the places to look at are at odds, e.g. name a profile that there is not.
    """
    try:
        return Session().get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> SigningError:
    return SigningError(f"The AWS credentials cannot be read: {str(error).rstrip('.')}.")


def _with_strict_query(url: httpx.URL) -> httpx.URL:
    """Return the URL with its query as the signature counts it: of RFC 3986's unreserved characters, the rest escaped.

    httpx writes a blank as +, which the gateway reads as a blank and counts as %20.
    """
    if not url.query:
        return url
    pairs = (pair.partition("=") for pair in url.query.decode("ascii").split("&"))
    return url.copy_with(query="&".join(f"{_strict(name)}={_strict(value)}" for name, _, value in pairs).encode())


def _strict(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="")
