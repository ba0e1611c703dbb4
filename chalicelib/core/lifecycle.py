"""The life of an order: one table of transitions, with the states of FIX 4.4 (OrdStatus, tag 39)."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """Where an order stands. The art market uses NEW, FILLED and CANCELED only."""

    PENDING_NEW = "PENDING_NEW"
    """Durable with us, not yet known to work at the venue."""
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    """The client wants it canceled; the venue decides."""
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class IllegalTransitionError(Exception):
    """Raised when code of ours tries to change a status in a way that the table does not know."""


_S = OrderStatus

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    # A fill or an expiry may overtake the acknowledgement of the same order on its way to us.
    # CANCELED from here is the order that was never sent.
    _S.PENDING_NEW: frozenset(
        {_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.REJECTED, _S.CANCELED, _S.PENDING_CANCEL, _S.EXPIRED}
    ),
    _S.NEW: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.PENDING_CANCEL, _S.EXPIRED}),
    _S.PARTIALLY_FILLED: frozenset({_S.FILLED, _S.CANCELED, _S.PENDING_CANCEL, _S.EXPIRED}),
    # Late races: a fill may reach the venue before our cancel does, the venue may refuse the cancel (back to
    # working), or tell that it had rejected or expired the order before it read the cancel.
    _S.PENDING_CANCEL: frozenset({_S.CANCELED, _S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.REJECTED, _S.EXPIRED}),
    _S.FILLED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
}

FINAL = frozenset(status for status, followers in TRANSITIONS.items() if not followers)
PENDING = frozenset({_S.PENDING_NEW, _S.PENDING_CANCEL})
"""An answer of the venue is still owed: these orders wait for the placement worker."""


def check_transition(before: OrderStatus, after: OrderStatus) -> OrderStatus:
    """Return ``after``, if an order may go there from ``before``.

    Raises:
        IllegalTransitionError: if the table has no such transition.
    """
    if after not in TRANSITIONS[before]:
        raise IllegalTransitionError(f"An order cannot go from {before} to {after}")
    return after
