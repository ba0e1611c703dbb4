"""How the exchange misbehaves when it is told to."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["normal", "down", "fail_before", "fail_after", "slow_before", "slow_after"]
Operation = Literal["place", "cancel", "find"]


class Control(BaseModel):
    """What the exchange is told to do, until it is told something else."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    mode: Mode = "normal"
    probability: float = Field(default=1.0, ge=0, le=1)
    delay: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    count: int | None = Field(default=None, ge=1)
    refuse: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ("place", "cancel", "find")

    def after_one_request(self) -> "Control":
        """Return the control that holds once one request has been exposed to this one."""
        if self.count is None:
            return self
        if self.count == 1:
            return self.model_copy(update={"mode": "normal", "count": None})
        return self.model_copy(update={"count": self.count - 1})


@dataclass(frozen=True)
class Fault:
    """What happens to one request; ``delay`` in seconds."""

    mode: Mode = "normal"
    delay: float = 0.0


class FaultPlan:
    """Decides request by request which fault it meets. The same seed and requests give the same faults."""

    def __init__(self, seed: int) -> None:
        self.control = Control()
        self._random = random.Random(seed)  # noqa: S311 - a game, no secret

    def draw(self, operation: Operation) -> Fault:
        """Return the fault of the next request.

        Every request of the named operations uses up one of ``count``, also one that the probability spares.
        """
        control = self.control
        if control.mode == "normal" or operation not in control.operations:
            return Fault()
        self.control = control.after_one_request()
        spared = self._random.random() >= control.probability
        return Fault() if spared else Fault(control.mode, control.delay)


async def answer_with_fault(fault: Fault, act: Callable[[], web.Response]) -> web.Response:
    """Do the operation as the fault has it and return the answer; after "fail_after" the caller withholds it."""
    if fault.mode == "down":
        content = {"code": "unavailable", "reason": "the exchange is down and took nothing"}
        return web.json_response(content, status=503, headers={"Retry-After": "1"})
    if fault.mode == "fail_before":
        return web.json_response({"code": "internal_error", "reason": "nothing was done"}, status=500)
    if fault.mode == "slow_before":
        await asyncio.sleep(fault.delay)
    answer = act()
    if fault.mode == "slow_after":
        await asyncio.sleep(fault.delay)
    return answer
