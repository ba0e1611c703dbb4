"""The HTTP face of the exchange: requests in, the venue's answers out, faults in between."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from exchange_answers import explain, problem
from exchange_faults import Control, Fault, FaultPlan, Operation, answer_with_fault
from exchange_floor import TradingFloor
from exchange_record import RecordedVenue
from exchange_reports import to_number
from exchange_venue import ClientOrderId, ConflictingOrderError, Order, OrderTerms
from pydantic import ValidationError

MAX_ID_LENGTH = 64

_log = logging.getLogger("exchange")


class ExchangeRoutes:
    """The routes over one venue. An operation runs without an await between looking and changing."""

    def __init__(self, venue: RecordedVenue, floor: TradingFloor, faults: FaultPlan) -> None:
        self._venue = venue
        self._floor = floor
        self._faults = faults
        self._in_flight: set[asyncio.Task[web.Response]] = set()

    def definitions(self) -> list[web.RouteDef]:
        """Return every route with its handler."""
        return [
            web.get("/health", self._health),
            web.get("/control", self._show_control),
            web.put("/control", self._replace_control),
            web.get("/orders", self._list_orders),
            web.put("/orders/{client_order_id}", self._on_place),
            web.delete("/orders/{client_order_id}", self._on_cancel),
            web.get("/orders/{client_order_id}", self._on_find),
        ]

    async def drop_requests(self, _: web.Application) -> None:
        """Give up every request that is still waiting; what it had not done yet does not happen."""
        for task in self._in_flight:
            task.cancel()

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _show_control(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.control.model_dump(mode="json"))

    async def _replace_control(self, request: web.Request) -> web.Response:
        try:
            self._faults.control = Control.model_validate_json(await request.read())
        except ValidationError as error:
            return problem(422, "invalid_control", explain(error))
        return await self._show_control(request)

    async def _list_orders(self, _: web.Request) -> web.Response:
        orders = self._venue.orders()
        states = [
            describe_order(order) | {"place_requests": self._venue.place_requests(order.client_order_id)}
            for order in orders
        ]
        alive = sum(order.status == "working" for order in orders)
        return web.json_response({"orders": states, "count": len(orders), "alive": alive})

    async def _on_place(self, request: web.Request) -> web.Response:
        client_order_id = _client_order_id(request)
        body = await request.read()
        if len(client_order_id) <= MAX_ID_LENGTH:
            self._venue.note_place_request(client_order_id)
        return await self._serve(request, "place", lambda: self._place(client_order_id, body))

    async def _on_cancel(self, request: web.Request) -> web.Response:
        return await self._serve(request, "cancel", lambda: self._cancel(_client_order_id(request)))

    async def _on_find(self, request: web.Request) -> web.Response:
        return await self._serve(request, "find", lambda: self._find(_client_order_id(request)))

    async def _serve(self, request: web.Request, operation: Operation, act: Callable[[], web.Response]) -> web.Response:
        fault = self._faults.draw(operation)
        task = asyncio.create_task(_answer_and_log(request, fault, act))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        # A client that goes away takes its handler along, not what the exchange has begun.
        answer = await asyncio.shield(task)
        if fault.mode == "fail_after" and request.transport is not None:
            request.transport.abort()
        return answer

    def _place(self, client_order_id: ClientOrderId, body: bytes) -> web.Response:
        if len(client_order_id) > MAX_ID_LENGTH:
            return _id_too_long()
        is_new = self._venue.find(client_order_id) is None
        try:
            terms = OrderTerms.model_validate_json(body)
            order = self._venue.place(client_order_id, terms, datetime.now(UTC), self._faults.control.refuse)
        except ValidationError as error:
            return problem(400, "malformed", explain(error))
        except ConflictingOrderError as error:
            return problem(409, "conflicting_order", str(error))
        if order.status == "rejected":
            return problem(422, "refused", str(order.reason))
        if is_new:  # The answer is of now; fills come later.
            self._floor.admit(order)
        return web.json_response(describe_order(order), status=201 if is_new else 200)

    def _cancel(self, client_order_id: ClientOrderId) -> web.Response:
        if len(client_order_id) > MAX_ID_LENGTH:
            return _id_too_long()
        return web.json_response(describe_order(self._venue.cancel(client_order_id, datetime.now(UTC))))

    def _find(self, client_order_id: ClientOrderId) -> web.Response:
        order = self._venue.find(client_order_id)
        if order is None:
            return problem(404, "unknown_order", "no order has this client order id")
        return web.json_response(describe_order(order))


def describe_order(order: Order) -> dict[str, Any]:
    """Return the order as clients see it: flat, and null for what is not known."""
    terms = dict.fromkeys(OrderTerms.model_fields) if order.terms is None else order.terms.model_dump(mode="json")
    shown = order.model_dump(mode="json", exclude={"terms", "report_seq", "reported_at", "traded"})
    return shown | {"leaves_qty": order.leaves_qty, "avg_px": to_number(order.avg_px)} | terms


async def _answer_and_log(request: web.Request, fault: Fault, act: Callable[[], web.Response]) -> web.Response:
    started = time.monotonic()
    outcome = "dropped"
    try:
        answer = await answer_with_fault(fault, act)
        outcome = "cut" if fault.mode == "fail_after" else str(answer.status)
        return answer
    finally:
        _log.info(
            "%s id=%r mode=%s status=%s ms=%.1f",
            request.method,
            _client_order_id(request),
            fault.mode,
            outcome,
            (time.monotonic() - started) * 1000,
        )


def _client_order_id(request: web.Request) -> ClientOrderId:
    return ClientOrderId(request.match_info["client_order_id"])


def _id_too_long() -> web.Response:
    return problem(400, "malformed", f"a client order id has at most {MAX_ID_LENGTH} characters")
