"""The trading floor: it lets the engine have its turns when they are due, and the venue record what they bring."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

from aiohttp import web
from exchange_record import RecordedVenue
from exchange_trading import Trading, TradingEngine
from exchange_venue import Order

_log = logging.getLogger("exchange")


class TradingFloor:
    """Trades the orders of one venue while the application runs, those of its last run first."""

    def __init__(self, venue: RecordedVenue, trading: Trading) -> None:
        self._venue = venue
        self._engine = TradingEngine(venue.find, trading)
        self._called = asyncio.Event()
        for order in venue.orders():
            self.admit(order)

    @property
    def trading(self) -> Trading:
        """How it trades now."""
        return self._engine.trading

    def instruct(self, trading: Trading) -> None:
        """Trade otherwise from now on."""
        self._engine.instruct(trading)
        self._called.set()

    def admit(self, order: Order) -> None:
        """Take an order in, if it works."""
        if order.status == "working":
            self._engine.admit(order)
            self._called.set()

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Trade from the start of the application to its end."""
        task = asyncio.create_task(self._trade())
        task.add_done_callback(_tell_of_fault)
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _trade(self) -> None:
        while True:
            self._called.clear()
            now = datetime.now(UTC)
            self._venue.execute(self._engine.turn(now), now)
            await self._wait_until(self._engine.next_moment())

    async def _wait_until(self, moment: datetime | None) -> None:
        """Wait for the moment or for a call; in any case let others have a turn."""
        if moment is None:
            await self._called.wait()
            return
        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout((moment - datetime.now(UTC)).total_seconds()):
                await self._called.wait()


def _tell_of_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        _log.critical("trading has ended", exc_info=task.exception())
