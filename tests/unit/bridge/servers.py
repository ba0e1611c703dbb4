"""HTTP servers for tests: each in a thread of its own, on a free port of the loopback interface."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")


class Server:
    """A server that keeps its port while it is down."""

    def __init__(self, build: Callable[[], web.Application]) -> None:
        self._build = build
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self.port = 0
        self.start()

    def start(self) -> None:
        """Listen."""
        self.run(self._start())

    def stop(self) -> None:
        """Cut all connections and listen no longer."""
        self.run(self._stop())

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the server's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        self._runner = web.AppRunner(self._build(), handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener).start()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        # Connections that were being accepted at that moment are not the runner's: nobody else closes them.
        late = asyncio.all_tasks() - {asyncio.current_task()}
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for transport in list(vars(self._loop)["_transports"].values()):
            transport.abort()
        await asyncio.sleep(0.01)
