"""One server: asks until there is an answer that decides, or the attempts or the time are used up.

A request is sent again as it was. So only such may come here that do no harm twice: GETs, the cancel, a replacement, a
redrive, the run of a check, and an order or a signal under its Idempotency-Key.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import TypeVar

import httpx
from pydantic import BaseModel

from rialto_client.answers import read_answer, read_reply
from rialto_client.errors import InconclusiveError, UnavailableError
from rialto_client.event_stream import EVENT_STREAM, LAST_EVENT_ID, EventBatch, read_events
from rialto_client.settings import Retries, Timeout, uses_environment

KEY_HEADER = "Idempotency-Key"

M = TypeVar("M", bound=BaseModel)
logger = logging.getLogger(__name__)


class Connection:
    """A pool of connections to one server. Belongs to one event loop."""

    def __init__(
        self,
        url: httpx.URL,
        timeout: Timeout,
        retries: Retries,
        transport: httpx.AsyncBaseTransport | None,
        auth: httpx.Auth | None,
    ) -> None:
        self._timeout = timeout
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Accept": "application/json", "User-Agent": "rialto-client"},
            # Waiting for a free connection is bounded by the overall time alone: it is no attempt.
            timeout=httpx.Timeout(timeout.read, connect=timeout.connect, pool=None),
            transport=transport,
            # Of each attempt anew: a signature is good for some minutes.
            auth=auth,
            trust_env=uses_environment(url),
            verify=_tls_context(),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, path: str, query: dict[str, str], model: type[M]) -> M:
        """Return what there is at the path, see :meth:`_ask`."""
        request = self._http.build_request("GET", path, params=query)
        return await self._ask(request, partial(read_answer, model=model))

    async def get_events(self, path: str, query: dict[str, str], last_id: str | None) -> EventBatch:
        """Return the server-sent events since the one with this id, see :meth:`_ask`."""
        headers = {"Accept": EVENT_STREAM} | ({LAST_EVENT_ID: last_id} if last_id else {})
        return await self._ask(self._http.build_request("GET", path, params=query, headers=headers), read_events)

    async def get_reply(self, path: str, model: type[M]) -> M:
        """Return what there is at the path, whatever the status is with it, see :meth:`_ask`."""
        return await self._ask(self._http.build_request("GET", path), partial(read_reply, model=model))

    async def post(self, path: str, model: type[M], content: BaseModel | None = None, key: str | None = None) -> M:
        """Post a request that may be repeated, see :meth:`_ask`."""
        return await self._ask(self._with_content("POST", path, content, key), partial(read_answer, model=model))

    async def post_for_reply(self, path: str, model: type[M], content: BaseModel, key: str) -> M:
        """Post a request that may be repeated, to a route whose every answer has the content, see :meth:`_ask`."""
        return await self._ask(self._with_content("POST", path, content, key), partial(read_reply, model=model))

    async def change_slowly(
        self, method: str, path: str, model: type[M], content: BaseModel | None = None, key: str | None = None
    ) -> M:
        """Send a change that takes as long as there is to do: each attempt has the overall time, see :meth:`_ask`.

        Asked again while it is at work, it would be a rival of itself.
        """
        request = self._with_content(method, path, content, key)
        timeout = httpx.Timeout(self._timeout.overall, connect=self._timeout.connect, pool=None)
        request.extensions["timeout"] = timeout.as_dict()
        return await self._ask(request, partial(read_answer, model=model))

    def _with_content(self, method: str, path: str, content: BaseModel | None, key: str | None) -> httpx.Request:
        headers = {"Content-Type": "application/json"} | ({KEY_HEADER: key} if key is not None else {})
        body = content.model_dump_json(by_alias=True).encode() if content is not None else b""
        return self._http.build_request(method, path, content=body, headers=headers)

    async def _ask(self, request: httpx.Request, read: Callable[[httpx.Response], M]) -> M:
        """Send the request until an answer decides.

        Raises:
            RefusedError: if the market refuses.
            UnavailableError: if no attempt got an answer that decides.
            SigningError: if it is to be signed and cannot be.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout.overall
        cause: Exception | None = None
        attempt, connected = 0, False
        while True:
            attempt += 1
            try:
                async with asyncio.timeout_at(deadline):
                    return read(await self._http.send(request))
            except TimeoutError as error:
                raise _gave_up(request, attempt, cause or error, True) from (cause or error)
            except (httpx.RequestError, InconclusiveError) as error:
                cause = error
            connected = connected or not isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout)
            pause = self._retries.pause_after(attempt, getattr(cause, "retry_after", 0.0))
            in_time = asyncio.get_running_loop().time() + pause < deadline
            if attempt >= self._retries.attempts or not in_time:
                raise _gave_up(request, attempt, cause, connected) from cause
            logger.info("%s %s: %s, again in %.2f s", request.method, request.url.path, type(cause).__name__, pause)
            await asyncio.sleep(pause)


def _gave_up(request: httpx.Request, attempts: int, cause: Exception, connected: bool) -> UnavailableError:
    message = f"{request.method} {request.url.path}: {attempts} attempts, the last with {type(cause).__name__}: {cause}"
    return UnavailableError(message, attempts, request.headers.get(KEY_HEADER), connected)


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the context that all share: to read the certificates takes longer than a request."""
    return httpx.create_ssl_context()
