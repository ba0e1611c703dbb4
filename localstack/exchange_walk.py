"""The prices of the exchange: each instrument's own random walk, the same for the same seed."""

import random
from decimal import Decimal

START = 10_000
LOWEST, HIGHEST = 5_000, 15_000
STEP = 100
"""All in hundredths. Steps are large, so that a limit not far from the price is reached within seconds."""


class PriceWalk:
    """A price that goes up or down by at most 1.00 with each step, between 50.00 and 150.00."""

    def __init__(self, seed: int, instrument: str) -> None:
        self._name = f"{seed}:{instrument}"
        self._steps = 0
        self._hundredths = START

    @property
    def price(self) -> Decimal:
        """The price now."""
        return Decimal(self._hundredths) / 100

    def step(self) -> Decimal:
        """Go on by one step and return the price there."""
        self._steps += 1
        # A generator of its own for each step: its state would take more memory than all else here.
        chance = random.Random(f"{self._name}:{self._steps}")  # noqa: S311 - a game, no secret
        self._hundredths += chance.randint(-STEP, STEP)
        self._hundredths = min(max(self._hundredths, LOWEST), HIGHEST)
        return self.price
