from itertools import product

import pytest

from chalicelib.core.lifecycle import (
    FINAL,
    PENDING,
    TRANSITIONS,
    IllegalTransitionError,
    OrderStatus,
    check_transition,
)


def test_table_has_every_status() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)


def test_final_are_filled_canceled_rejected_expired() -> None:
    assert {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED} == FINAL


@pytest.mark.parametrize(("before", "after"), list(product(sorted(FINAL), OrderStatus)))
def test_no_way_leads_out_of_a_final_status(before: OrderStatus, after: OrderStatus) -> None:
    with pytest.raises(IllegalTransitionError, match=f"^An order cannot go from {before} to {after}$"):
        check_transition(before, after)


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - FINAL))
def test_every_other_status_leads_to_a_final_one(status: OrderStatus) -> None:
    assert TRANSITIONS[status] & FINAL


def test_every_status_can_be_reached_from_pending_new() -> None:
    reached = {OrderStatus.PENDING_NEW}
    for _ in OrderStatus:
        reached |= {after for before in reached for after in TRANSITIONS[before]}
    assert reached == set(OrderStatus)


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before, followers in TRANSITIONS.items() for after in sorted(followers)]
)
def test_transition_of_the_table_is_allowed(before: OrderStatus, after: OrderStatus) -> None:
    assert check_transition(before, after) is after


@pytest.mark.parametrize("status", OrderStatus)
def test_no_order_becomes_pending_new(status: OrderStatus) -> None:
    with pytest.raises(IllegalTransitionError):
        check_transition(status, OrderStatus.PENDING_NEW)


def test_order_waits_for_the_exchange_while_new_or_being_canceled() -> None:
    assert {OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL} == PENDING
