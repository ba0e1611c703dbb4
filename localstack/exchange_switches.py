"""The HTTP face of what the exchange is told about its trading and its feed."""

from typing import TypeVar

from aiohttp import web
from exchange_answers import explain, problem
from exchange_feed import Feed
from exchange_feed_faults import FeedFaults
from exchange_floor import TradingFloor
from exchange_record import RecordedVenue
from exchange_trading import Trading
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Instruction = TypeVar("Instruction", bound=BaseModel)


class Trim(BaseModel):
    """How many reports are kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    keep: int = Field(ge=0)


class ExchangeSwitches:
    """The routes. An instruction is replaced as a whole; one that makes no sense changes nothing."""

    def __init__(self, venue: RecordedVenue, floor: TradingFloor, feed: Feed) -> None:
        self._venue = venue
        self._floor = floor
        self._feed = feed

    def definitions(self) -> list[web.RouteDef]:
        """Return every route with its handler."""
        return [
            web.get("/trading", self._show_trading),
            web.put("/trading", self._replace_trading),
            web.get("/feed", self._feed.connect),
            web.get("/feed/faults", self._show_faults),
            web.put("/feed/faults", self._replace_faults),
            web.post("/feed/disconnect", self._disconnect),
            web.post("/feed/trim", self._trim),
        ]

    async def _show_trading(self, _: web.Request) -> web.Response:
        return web.json_response(self._floor.trading.model_dump(mode="json"))

    async def _replace_trading(self, request: web.Request) -> web.Response:
        try:
            self._floor.instruct(await _read(request, Trading))
        except ValidationError as error:
            return problem(422, "invalid_trading", explain(error))
        return await self._show_trading(request)

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._feed.faults.model_dump(mode="json"))

    async def _replace_faults(self, request: web.Request) -> web.Response:
        try:
            self._feed.faults = await _read(request, FeedFaults)
        except ValidationError as error:
            return problem(422, "invalid_faults", explain(error))
        return await self._show_faults(request)

    async def _disconnect(self, _: web.Request) -> web.Response:
        return web.json_response({"connections": self._feed.disconnect()})

    async def _trim(self, request: web.Request) -> web.Response:
        try:
            trim = await _read(request, Trim)
        except ValidationError as error:
            return problem(422, "invalid_trim", explain(error))
        self._venue.trim(trim.keep)
        log = self._venue.log
        return web.json_response({"session": log.session, "first": log.first, "last": log.last})


async def _read(request: web.Request, instruction: type[Instruction]) -> Instruction:
    return instruction.model_validate_json(await request.read())
