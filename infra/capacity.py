"""What each operation takes of DynamoDB, in capacity units: items are of at most 1 KB, indexes included.

The tests in tests/e2e hold each figure against what the emulator counts, which is as AWS does; docs/cost.md is made of
them. They change only together with the code that they describe.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Units:
    """Write units of one operation."""

    write: float
    budget: float | None = None
    """What it may take at most."""


# Broker.
ACCEPT: Final = Units(write=3, budget=3)
PLACE: Final = Units(write=4, budget=4)
"""An accepted order placed at the first attempt; both together may take 7."""
FAILED_ATTEMPT: Final = Units(write=2)
REFUSED_BY_EXCHANGE: Final = Units(write=3)
CANCEL_UNSENT: Final = Units(write=2)
CANCEL_AT_EXCHANGE: Final = Units(write=6)
APPLY_REPORTS: Final = Units(write=1)
"""Of a batch for one order, however many there are."""
APPLY_LAST_REPORT: Final = Units(write=2)
"""With the one that ends the order."""

# Art market.
SUBMIT_BUY: Final = Units(write=3, budget=3)
SUBMIT_SELL: Final = Units(write=5, budget=5)
CANCEL_BUY: Final = Units(write=3, budget=3)
CANCEL_SELL: Final = Units(write=5, budget=5)
MATCH: Final = Units(write=14, budget=14)
"""Of two orders, with the trade."""
MATCH_READS: Final = 2
"""Of a match, whatever else rests in the book: each of one unit (tests/unit/market/test_page_size.py)."""

# Strategies.
SIGNAL: Final = Units(write=4, budget=4)
"""That is valid for somebody, and what its users take comes on top."""
SIGNAL_FOR_NOBODY: Final = Units(write=2, budget=4)
SIGNAL_BUY_USER: Final = Units(write=7, budget=7)
SIGNAL_SELL_USER: Final = Units(write=10, budget=10)
"""For each user, the acceptance of the order included."""
USERS_PER_VERDICT_UNIT: Final = 4_000
"""Users whose verdicts fit into one more unit of the signal's completion."""
