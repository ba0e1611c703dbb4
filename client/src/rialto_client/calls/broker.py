"""The broker's methods."""

import asyncio
from collections.abc import AsyncIterator, Collection

from pydantic import ValidationError

from rialto_client.broker import (
    BrokerOrder,
    BrokerOrderId,
    BrokerOrderRequest,
    BrokerOrderViewRequest,
    BrokerOrderViewResponse,
    OrderChange,
    OrderEvent,
    OrderStatus,
    Timeline,
    WatchGap,
)
from rialto_client.calls.base import Calls, key_or_new, path_of
from rialto_client.errors import ConflictError, UnexpectedAnswerError
from rialto_client.event_stream import ServerEvent

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class BrokerCalls(Calls):
    """Orders for the stock exchange."""

    async def place_broker_order(
        self, request: BrokerOrderRequest, *, idempotency_key: str | None = None
    ) -> BrokerOrder:
        """Place an order; exactly one comes of it, however often it has to be sent.

        The answer comes once the order is durable, and does not wait for the exchange: see
        :meth:`follow_broker_order`. ``idempotency_key`` is for sending once more what ended in UnavailableError.

        Raises:
            InvalidRequestError: if the broker does not take such an order.
            UnavailableError: if it is not known whether the order was taken.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        return await self._connection.post("/orders", BrokerOrder, request, key_or_new(idempotency_key))

    async def view_broker_order(self, order_id: BrokerOrderId) -> BrokerOrder:
        """View an order.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if the broker cannot be asked.
        """
        return await self._connection.get(path_of("/orders", order_id), {}, BrokerOrder)

    async def view_broker_orders(self, request: BrokerOrderViewRequest | None = None) -> BrokerOrderViewResponse:
        """View a page of the orders, newest first.

        Raises:
            InvalidRequestError: if the limit is out of range, or the cursor is not one of this list.
            UnavailableError: if the broker cannot be asked.
        """
        return await self._view_page("/orders", request or BrokerOrderViewRequest(), BrokerOrderViewResponse)

    async def view_timeline(self, order_id: BrokerOrderId) -> Timeline:
        """View what became of an order: its last transitions and attempts.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if the broker cannot be asked.
        """
        return await self._connection.get(path_of("/orders", order_id, "/timeline"), {}, Timeline)

    async def follow_broker_order(self, order_id: BrokerOrderId, *, within: float = 60.0) -> AsyncIterator[Timeline]:
        """Yield an order's timeline, and again whenever there is more of it.

        Ends when no answer of the exchange is owed any more, or after so many seconds: then the last ``status`` is
        still pending.

        Raises:
            NotFoundError: if there is no such order.
            UnavailableError: if the broker cannot be asked.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        seen, pause = 0, _FIRST_PAUSE
        while True:
            timeline = await self.view_timeline(order_id)
            if timeline.count > seen:
                seen, pause = timeline.count, _FIRST_PAUSE
                yield timeline
            left = deadline - clock()
            if not timeline.status.is_pending or left <= 0:
                return
            await asyncio.sleep(min(pause, left))
            pause = min(_LONGEST_PAUSE, pause * 1.5)

    async def watch_orders(
        self, order_ids: Collection[BrokerOrderId] = (), *, cursor: str | None = None
    ) -> AsyncIterator[OrderEvent]:
        """Yield the orders as they stand, and each again whenever it changes; without ids the newest 100.

        What was missed is told by a WatchGap. Has no end of its own. After an error another watch of the same orders
        goes on from the ``cursor`` of the last change, and nothing is lost or told twice.

        Raises:
            NotFoundError: if any of the orders does not exist.
            InvalidRequestError: if there are more than 100 ids, or the cursor is not one of these orders.
            UnavailableError: if the broker cannot be asked.
        """
        query = {"ids": ",".join(order_ids)} if order_ids else {}
        while True:
            batch = await self._connection.get_events("/orders/events", query, cursor)
            for event in batch.events:
                told = _read_event(event)
                if told is not None:
                    yield told
                cursor = event.last_id or cursor
            await asyncio.sleep(batch.retry)

    async def cancel_broker_order(self, order_id: BrokerOrderId) -> BrokerOrder:
        """Cancel an order: CANCELED at once if it was never sent, else PENDING_CANCEL until the exchange has decided.

        One that is canceled already stays so.

        Raises:
            NotFoundError: if there is no such order.
            ConflictError: if it is final otherwise, belongs to a signal, or the exchange cannot cancel.
            UnavailableError: if it is not known whether the cancel was taken.
        """
        try:
            return await self._connection.post(path_of("/orders", order_id, "/cancel"), BrokerOrder)
        except ConflictError as error:
            # Perhaps by the first of two attempts, whose answer was lost.
            if error.problem.order_status != OrderStatus.CANCELED:
                raise
            return await self.view_broker_order(order_id)


def _read_event(event: ServerEvent) -> OrderEvent | None:
    """Return what an event tells, None for one of a kind that is not known yet."""
    try:
        match event.name:
            case "order":
                return OrderChange.model_validate({**event.content, "cursor": event.last_id})
            case "gap":
                return WatchGap.model_validate(event.content)
            case _:
                return None
    except ValidationError:
        pass
    # Outside of the except: what it says stays out of tracebacks.
    raise UnexpectedAnswerError(f"The event {event.name!r} is not what the market promises.")
