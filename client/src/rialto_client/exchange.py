"""The switches of the local exchange, which a deployed Rialto does not have."""

from enum import StrEnum

from rialto_client.values import Value


class ExchangeMode(StrEnum):
    """How the local exchange behaves. ``fail`` and ``slow`` do before or after the exchange has done its work."""

    NORMAL = "normal"
    DOWN = "down"
    FAIL_BEFORE = "fail_before"
    FAIL_AFTER = "fail_after"
    SLOW_BEFORE = "slow_before"
    SLOW_AFTER = "slow_after"


class ExchangeControl(Value):
    """What the local exchange is told to do.

    ``probability`` that a request meets the fault, ``delay`` in seconds of a slow one, ``count`` of requests until it
    is normal again; ``refuse`` names instruments it takes no orders for, ``operations`` those that meet faults.
    """

    mode: ExchangeMode = ExchangeMode.NORMAL
    probability: float = 1.0
    delay: float = 5.0
    count: int | None = None
    refuse: tuple[str, ...] = ()
    operations: tuple[str, ...] = ("place", "cancel", "find")
