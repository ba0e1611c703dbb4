"""The port to the exchange and its two adapters.

What an exchange answers becomes one :class:`VenueAnswer`. The three ways of not answering are told apart:
refused (an answer: REJECTED), unavailable (took nothing, for certain), unknown (nobody can tell).
"""

import json
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3

from chalicelib.broker.execution import ExecutionReport, parse_standing
from chalicelib.broker.order import Order, OrderId
from chalicelib.broker.placement import Answer
from chalicelib.broker.stock_exchange import OrderPlacementError, place_order
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.money import to_json_number
from chalicelib.core.settings import Settings, SettingsError


@dataclass(frozen=True)
class VenueAnswer:
    """What the exchange says of an order, or that it says nothing.

    ``standing``: how far its reports about the order have come, from an exchange that reports.
    """

    answer: Answer
    reason: str | None = None
    standing: ExecutionReport | None = None


class Exchange(Protocol):
    """An exchange. No method raises for what an exchange or a network does; the answer tells."""

    can_cancel: bool
    can_find: bool
    """Whether ``find`` can tell: None then means that the exchange does not know the order."""

    def place(self, order: Order) -> VenueAnswer:
        """Place the order under its id. At an exchange that honours ids, a second time changes nothing."""

    def cancel(self, order: Order) -> VenueAnswer:
        """Cancel the order. An id that the exchange has not seen stays canceled when it arrives later."""

    def find(self, order: Order) -> VenueAnswer | None:
        """Return what the exchange knows of the order's id, None if it knows nothing or cannot tell."""


def exchange_from(settings: Settings) -> Exchange:
    """Return the exchange that the settings name.

    Raises:
        SettingsError: if they name none.
    """
    if settings.exchange == "given":
        return GivenExchange(settings.given_failure_rate, settings.given_latency)
    if settings.exchange == "http":
        return HttpExchange(settings.exchange_url, settings.exchange_timeout)
    raise SettingsError(f"EXCHANGE is neither http nor given: {settings.exchange!r}")


class GivenExchange:
    """The given ``place_order``. It knows no id: an order whose worker died is sent again, at least once."""

    can_cancel = False
    can_find = False

    def __init__(self, failure_rate: float, latency: float) -> None:
        self._failure_rate = failure_rate
        self._latency = latency

    def place(self, order: Order) -> VenueAnswer:
        """Place the order; it works when the function returns."""
        try:
            place_order(order, failure_rate=self._failure_rate, latency=self._latency)
        except OrderPlacementError as error:
            return VenueAnswer(Answer.UNAVAILABLE, str(error))
        return VenueAnswer(Answer.WORKING)

    def cancel(self, order: Order) -> VenueAnswer:
        """Say that it still works: this exchange cannot cancel, and the broker never asks it to."""
        del order
        return VenueAnswer(Answer.WORKING, "this exchange cannot cancel")

    def find(self, order: Order) -> VenueAnswer | None:
        """Return None: this exchange cannot be asked."""
        del order
        return None


class HttpExchange:
    """An exchange over HTTP that honours the order's id as client order id."""

    can_cancel = True
    can_find = True

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._http = urllib3.PoolManager(
            maxsize=16, block=False, retries=False, timeout=urllib3.Timeout(connect=min(1.0, timeout), read=timeout)
        )

    def place(self, order: Order) -> VenueAnswer:
        """Put the order under its id."""
        answer, _ = self._call("PUT", order, _order_json(order))
        return answer

    def cancel(self, order: Order) -> VenueAnswer:
        """Delete the order's id."""
        answer, _ = self._call("DELETE", order)
        return answer

    def find(self, order: Order) -> VenueAnswer | None:
        """Get the order by its id."""
        answer, status = self._call("GET", order)
        return None if status == 404 else answer

    def _call(self, method: str, order: Order, body: dict[str, Any] | None = None) -> tuple[VenueAnswer, int]:
        try:
            response = self._http.request(method, f"{self._url}/orders/{order.order_id}", json=body)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            # There was no connection: nothing can have been sent.
            return VenueAnswer(Answer.UNAVAILABLE, type(error).__name__), 0
        except urllib3.exceptions.HTTPError as error:
            return VenueAnswer(Answer.UNKNOWN, type(error).__name__), 0
        return _read_answer(order.order_id, response.status, response.data), response.status


def _order_json(order: Order) -> dict[str, Any]:
    price = order.limit_price
    return {
        "type": order.type,
        "side": order.side,
        "instrument": order.instrument,
        "quantity": order.quantity,
        "limit_price": None if price is None else to_json_number(price),
    }


def _read_answer(order_id: OrderId, status: int, data: bytes) -> VenueAnswer:
    """Tell an answer from a refusal to process and from everything that leaves us in the dark.

    503 and 429 are the statuses by which a server says that it did not process the request (RFC 9110, 15.6.4;
    RFC 6585, 4). 422 is the exchange's own refusal. Any other status may come from something in between.
    """
    content = _read_json(data)
    reason = str(content.get("reason") or content.get("code") or f"HTTP {status}")
    answer = _VENUE_STATUS.get(str(content.get("status")))
    if status in (200, 201) and answer is not None:
        standing = parse_standing(order_id, _STANDING[answer], content)
        return VenueAnswer(answer, reason if answer is Answer.REJECTED else None, standing)
    if status == 422:
        return VenueAnswer(Answer.REJECTED, reason, parse_standing(order_id, OrderStatus.REJECTED, content))
    if status in (429, 503):
        return VenueAnswer(Answer.UNAVAILABLE, reason)
    return VenueAnswer(Answer.UNKNOWN, reason)


_VENUE_STATUS = {
    "working": Answer.WORKING,
    "canceled": Answer.CANCELED,
    "rejected": Answer.REJECTED,
    "filled": Answer.FILLED,
    "expired": Answer.EXPIRED,
}
_STANDING = {
    Answer.WORKING: OrderStatus.NEW,
    Answer.CANCELED: OrderStatus.CANCELED,
    Answer.REJECTED: OrderStatus.REJECTED,
    Answer.FILLED: OrderStatus.FILLED,
    Answer.EXPIRED: OrderStatus.EXPIRED,
}
"""The status in which a report has an order of which the exchange answers so."""


def _read_json(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
