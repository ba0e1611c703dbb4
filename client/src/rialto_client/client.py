"""Rialto through one pool of connections."""

from typing import Self

import httpx

from rialto_client.calls.broker import BrokerCalls
from rialto_client.calls.market import MarketCalls
from rialto_client.calls.operations import OperationsCalls
from rialto_client.calls.strategies import StrategyCalls
from rialto_client.connection import Connection
from rialto_client.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Retries, Timeout, read_base_url


class Client(MarketCalls, BrokerCalls, StrategyCalls, OperationsCalls):
    """The functions of this package over connections that are kept, for as long as the ``async with`` lasts.

    ``transport`` takes the place of the network, e.g. in tests, and is closed with the client. Every method raises
    RefusedError or one of its kind when the market says no, and UnavailableError when it cannot be asked.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(Connection(read_base_url(base_url), timeout, retries, transport))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.close()
