"""Which Rialto a command talks to, and how."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from rialto_client.cli.boundary import Failure
from rialto_client.cli.faults import describe
from rialto_client.client import Client
from rialto_client.errors import RialtoClientError
from rialto_client.settings import DEFAULT_TIMEOUT, Retries, Timeout

# Somebody waits, and sees what is wrong: fewer attempts than a program makes.
RETRIES = Retries(attempts=3)

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A Rialto, and how patiently it is asked."""

    url: str
    sign: str = ""
    timeout: Timeout = DEFAULT_TIMEOUT
    retries: Retries = RETRIES

    def asked(self, retries: Retries, timeout: Timeout) -> Self:
        """Return the same Rialto, asked so patiently."""
        return replace(self, retries=retries, timeout=timeout)

    def ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        """Return the answer to what is asked with a client.

        Raises:
            Failure: if it is refused, or nobody answers.
        """
        try:
            return asyncio.run(self._ask(question))
        except RialtoClientError as error:
            raise Failure(describe(error, self.url)) from error

    async def _ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        async with self._connect() as client:
            return await question(client)

    def _connect(self) -> Client:
        try:
            return Client(self.url, timeout=self.timeout, retries=self.retries, sign=self.sign)
        except ValueError as error:
            raise Failure(f"{error} Give another --url, or set RIALTO_URL.", exit_code=2) from None
