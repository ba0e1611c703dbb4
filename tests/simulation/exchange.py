"""The way to the exchange, in the place of its HTTP client: requests and answers, and whatever happens to them."""

from typing import Any

import urllib3

from chalicelib.broker.stock_exchange import OrderPlacementError
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.story import Story
from tests.simulation.venue import Answer, Venue

FAULTS = tuple(
    f"exchange.{kind}"
    for kind in (
        *("unreachable", "refuses", "busy", "request_lost", "answer_lost", "arrives_late", "broken_gateway", "slow"),
        *("killed_before", "killed_after", "fills"),
    )
)
TIME_OUT = 3.0


class ExchangeWire:
    """Carries requests between workers and the venue. Nobody can connect before ``down_until``."""

    def __init__(self, venue: Venue, scheduler: Scheduler, faults: Faults, story: Story) -> None:
        self.venue = venue
        self.down_until = 0
        self._scheduler = scheduler
        self._faults = faults
        self._story = story

    def is_down(self) -> bool:
        """Tell whether nobody can connect."""
        return self._scheduler.now < self.down_until and self._faults.active

    def request(self, method: str, url: str, json: Any = None) -> Answer:
        """Carry out one request, as urllib3's PoolManager does it."""
        task = self._scheduler.current
        assert task is not None
        process = task.process
        process.calls += 1
        where = f"{process.name}/{process.calls}"
        order_id = url.rsplit("/", 1)[-1]
        fault = self._draw(process, where, method)
        self._scheduler.sleep(process.dice.uniform(0.005, 0.5) if fault != "slow" else process.dice.uniform(1.0, 2.9))
        self._before(process, fault, where, (method, order_id, json))
        answer = self._act(method, order_id, json, fault, where)
        self._story.tell(f"{where} exchange {method} {order_id} -> {answer.status} {answer.data.decode()}")
        self._scheduler.sleep(process.dice.uniform(0.005, 0.1))
        return self._after(process, fault, answer)

    def place_given(self, order: Any) -> None:
        """Do what the given ``place_order`` does: fail at once, or block and then have placed the order."""
        task = self._scheduler.current
        assert task is not None
        process = task.process
        process.calls += 1
        where = f"{process.name}/{process.calls}"
        fault = self._draw(process, where, "PUT")
        if fault in ("unreachable", "busy"):
            raise OrderPlacementError("Connection not available")
        self._scheduler.sleep(0.25)
        if fault == "killed_before":
            self._scheduler.kill(process, "killed")
        self.venue.take(order.order_id, where)
        self._story.tell(f"{where} exchange takes {order.order_id}")
        self._scheduler.sleep(0.25)
        if fault in ("killed_after", "answer_lost"):
            self._scheduler.kill(process, "killed")

    def _draw(self, process: Process, where: str, method: str) -> str | None:
        kind = self._faults.draw(FAULTS, process.dice, where)
        if self.is_down():
            kind = "exchange.outage" if self._faults.strike("exchange.outage", where) else kind
        if kind is None:
            return None
        process.struck.append(kind)
        self._story.tell(f"{where} exchange {method}: {kind}", fault=True)
        fault = kind.removeprefix("exchange.")
        return "unreachable" if fault == "outage" else fault

    def _before(self, process: Process, fault: str | None, where: str, request: tuple[str, str, Any]) -> None:
        if fault == "killed_before":
            self._scheduler.kill(process, "killed")
        if fault == "unreachable":
            raise urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type] # Nobody looks at it.
        if fault in ("request_lost", "arrives_late"):
            if fault == "arrives_late":
                delay = process.dice.choice([3.5, 10.0, 40.0, 200.0])
                self._scheduler.after(delay, lambda: self._arrive(where, request))
            self._scheduler.sleep(TIME_OUT)
            raise urllib3.exceptions.ReadTimeoutError(None, "", "timed out")  # type: ignore[arg-type] # Nobody looks at it.

    def _arrive(self, where: str, request: tuple[str, str, Any]) -> None:
        answer = self._act(*request, None, f"{where}, late")
        self._story.tell(f"{where} exchange {request[0]} {request[1]} arrives late -> {answer.status}")

    def _act(self, method: str, order_id: str, terms: Any, fault: str | None, by: str) -> Answer:
        if fault == "busy":
            return Answer(503, b'{"code": "busy"}')
        if method == "PUT":
            return self.venue.place(order_id, terms, by, refuse=fault == "refuses", fill=fault == "fills")
        return self.venue.cancel(order_id, by) if method == "DELETE" else self.venue.describe(order_id)

    def _after(self, process: Process, fault: str | None, answer: Answer) -> Answer:
        if fault == "killed_after":
            self._scheduler.kill(process, "killed")
        if fault == "answer_lost":
            self._scheduler.sleep(TIME_OUT)
            raise urllib3.exceptions.ProtocolError("connection broken")
        if fault == "broken_gateway":
            return process.dice.choice([Answer(502, b"<html>"), Answer(200, b"{"), Answer(500, b"{}")])
        return answer
