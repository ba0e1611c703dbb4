"""Rialto through one pool of connections."""

from typing import Self

import httpx

from rialto_client.calls.broker import BrokerCalls
from rialto_client.calls.market import MarketCalls
from rialto_client.calls.operations import OperationsCalls
from rialto_client.calls.strategies import StrategyCalls
from rialto_client.connection import Connection
from rialto_client.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Retries, Timeout, read_base_url
from rialto_client.signing import choose_auth


class Client(MarketCalls, BrokerCalls, StrategyCalls, OperationsCalls):
    """The functions of this package over connections that are kept, for as long as the ``async with`` lasts.

    ``transport`` takes the place of the network, e.g. in tests, and is closed with the client. Every method raises
    RefusedError or one of its kind when the market says no, and UnavailableError when it cannot be asked.

    ``sign`` is the AWS region for whose gateway requests are signed with the caller's credentials, or "none"; without
    it RIALTO_SIGN says so, else the URL does. ``auth`` takes its place, e.g. a ``SignedBy`` with other credentials.

    Raises:
        ValueError: if ``base_url`` or ``sign`` is none.
        SigningError: if requests are to be signed, and there is no botocore, or there are no credentials.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sign: str | None = None,
        auth: httpx.Auth | None = None,
    ) -> None:
        url = read_base_url(base_url)
        super().__init__(Connection(url, timeout, retries, transport, auth or choose_auth(sign, url)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.close()
