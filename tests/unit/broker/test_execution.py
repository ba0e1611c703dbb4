"""What reports do to an order: whatever their order, repetition and batches, the same."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.broker.execution import ExecutionReport, Folded, fold
from chalicelib.broker.order import Cause, Order, TimelineEntry
from chalicelib.broker.placement import Policy, claim, request_cancel
from chalicelib.broker.timeline import move
from chalicelib.core.lifecycle import FINAL, OrderStatus
from tests.unit.broker.fakes.clock import START
from tests.unit.broker.lives import as_snapshot, deliveries, lives, report_of
from tests.unit.broker.orders import new_order

POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)
NOW = START + timedelta(seconds=100)
NEW, PARTIALLY_FILLED, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, EXPIRED, REJECTED = OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED
PENDING_NEW, PENDING_CANCEL = OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL

ORDER = new_order(quantity=100)
SENT = claim(ORDER, "token", START + timedelta(seconds=1), POLICY)
PLACED = replace(ORDER, status=NEW, placed_at=START + timedelta(seconds=2))
CANCELING = request_cancel(PLACED, START + timedelta(seconds=3), can_cancel=True)
CANCELING_CLAIMED = claim(CANCELING, "token", START + timedelta(seconds=4), POLICY)
CANCELING_WHILE_SENT = request_cancel(SENT, START + timedelta(seconds=3), can_cancel=True)
STARTS = [ORDER, SENT, PLACED, CANCELING, CANCELING_CLAIMED, CANCELING_WHILE_SENT]
names = ["new", "claimed", "placed", "to be canceled", "being canceled", "to be canceled while being sent"]
every_start = pytest.mark.parametrize("start", STARTS, ids=names)


def told(order: Order, *reports: ExecutionReport) -> Order:
    """Return the order after reports that must all be possible."""
    folded = fold(order, reports, NOW)
    assert folded.impossible == ()
    return folded.order


def essence(order: Order) -> Order:
    """Return the order without what depends on the way in which its reports came."""
    return replace(order, timeline=(), timeline_count=0)


def causes(order: Order) -> list[Cause]:
    return [entry.cause for entry in order.timeline]


def report(order_seq: int, status: OrderStatus, cum_qty: int = 0, **fields: Any) -> ExecutionReport:
    return report_of(ORDER, order_seq, status, cum_qty, **fields)


def refusal(order: Order, one: ExecutionReport) -> str:
    """Return why the order's report is impossible; it must have changed nothing."""
    folded = fold(order, [one], NOW)
    assert folded.order == order
    ((refused, reason),) = folded.impossible
    assert refused is one
    return reason


class TestAnyOrderOfArrival:
    @every_start
    def test_whole_life_ends_the_same_however_it_arrives(self, start: Order) -> None:
        @given(st.data())
        def arrive(data: st.DataObject) -> None:
            life = [each for each in data.draw(lives(ORDER)) if not (start.placed_at and each.status is REJECTED)]
            if not life:
                return
            straight, order = told(start, *life), start
            for batch in data.draw(deliveries(life)):
                order = told(order, *batch)
            assert essence(order) == essence(straight)
            assert (order.venue_seq, order.venue_gaps) == (len(life), ())

        arrive()

    @given(st.data())
    def test_what_has_not_come_is_missing_and_the_rest_is_the_same(self, data: st.DataObject) -> None:
        life = data.draw(lives(ORDER))
        came = data.draw(st.lists(st.sampled_from(life), min_size=1))
        straight, order = told(SENT, *came), SENT
        for batch in data.draw(deliveries(came)):
            order = told(order, *(each for each in batch if not each.snapshot))
        assert essence(order) == essence(straight)
        missing = {number for first, last in order.venue_gaps for number in range(first, last + 1)}
        assert missing == set(range(1, order.venue_seq)) - {each.order_seq for each in came}
        last = max(came, key=lambda each: each.order_seq)
        assert (order.venue_seq, order.cum_qty, order.avg_px) == (last.order_seq, last.cum_qty, last.avg_px)

    @given(st.data())
    def test_long_life_ends_in_the_same_state_and_never_takes_a_report_for_received_that_was_not(
        self, data: st.DataObject
    ) -> None:
        life = data.draw(lives(ORDER, longest=60))
        order = SENT
        for batch in data.draw(deliveries(life)):
            order = told(order, *batch)
        straight = told(SENT, *life)
        assert replace(essence(order), venue_gaps=()) == essence(straight)
        # What was merged too far is known again once the exchange is asked.
        assert told(order, as_snapshot(life[-1])).venue_gaps == ()

    @given(st.data())
    def test_each_report_is_counted_once(self, data: st.DataObject) -> None:
        life = data.draw(lives(ORDER))
        order, counted = SENT, 0
        for batch in data.draw(deliveries(life)):
            folded = fold(order, batch, NOW)
            order = folded.order
            counted += len(folded.applied) + folded.late
            assert len(folded.applied) + folded.late + folded.duplicates == len(batch)
        # A snapshot fills several gaps at once.
        assert 1 <= counted <= len(life)

    def test_those_that_were_applied_are_told_of(self) -> None:
        reports = (report(1, NEW), report(3, FILLED, 100))
        assert fold(SENT, reversed(reports), NOW).applied == reports

    @given(st.data())
    def test_second_delivery_changes_nothing_at_all(self, data: st.DataObject) -> None:
        life = data.draw(lives(ORDER))
        order = told(SENT, *life)
        again = fold(order, life, NOW + timedelta(days=1))
        assert again == Folded(order, (), len(life), 0, ())


class TestProofOfPlacement:
    @pytest.mark.parametrize(
        ("one", "cause"),
        [
            (report(1, NEW), Cause.ACKNOWLEDGED),
            (report(2, PARTIALLY_FILLED, 30), Cause.PARTIALLY_FILLED),
            (report(2, FILLED, 100), Cause.FILLED),
            (report(2, CANCELED), Cause.CANCELED),
            (report(2, EXPIRED), Cause.EXPIRED),
        ],
    )
    def test_report_that_overtook_the_answer_settles_the_order(self, one: ExecutionReport, cause: Cause) -> None:
        dead = replace(SENT, in_doubt=True, failures=2, dead_lettered_at=START, dead_letter_cause=Cause.UNKNOWN)
        order = told(dead, one)
        assert (order.status, order.placed_at, order.lease_token) == (one.status, NOW, None)
        assert (order.in_doubt, order.failures) == (False, 0)
        assert (order.dead_lettered_at, order.dead_letter_cause) == (None, None)
        assert causes(order)[-1] is cause

    def test_refused_order_was_never_placed(self) -> None:
        order = told(SENT, report(1, REJECTED, reason="r" * 300))
        assert (order.status, order.placed_at, order.reject_reason) == (REJECTED, None, "r" * 160)
        assert (order.lease_token, causes(order)[-1]) == (None, Cause.REFUSED)

    def test_refusal_without_a_reason_has_one(self) -> None:
        assert told(SENT, report(1, REJECTED)).reject_reason == "refused by the exchange"

    def test_placed_order_stays_placed_when_it_was(self) -> None:
        assert told(PLACED, report(1, NEW), report(2, FILLED, 100)).placed_at == PLACED.placed_at

    def test_nothing_is_left_of_attempts_and_sweeps(self) -> None:
        waiting = replace(SENT, failures=3, requeues=2, next_attempt_at=NOW, in_doubt=True)
        order = told(waiting, report(1, NEW))
        assert (order.lease_token, order.in_doubt, order.failures) == (None, False, 0)
        assert (order.next_attempt_at, order.requeues) == (None, 0)


class TestPendingCancel:
    @pytest.mark.parametrize("start", [CANCELING, CANCELING_CLAIMED, CANCELING_WHILE_SENT], ids=names[3:])
    def test_it_stays_to_be_canceled_until_a_final_status(self, start: Order) -> None:
        order = told(start, report(1, NEW), report(2, PARTIALLY_FILLED, 30))
        assert (order.status, order.cum_qty, order.leaves_qty) == (PENDING_CANCEL, 30, 70)
        assert (order.lease_token, order.next_attempt_at) == (start.lease_token, start.next_attempt_at)
        assert order.placed_at is not None

    @pytest.mark.parametrize("end", sorted(FINAL))
    def test_any_end_is_the_end_and_takes_the_lease_away(self, end: OrderStatus) -> None:
        cum_qty = 100 if end is FILLED else 0
        order = told(CANCELING_CLAIMED, report(2, end, cum_qty))
        assert (order.status, order.lease_token, order.cum_qty) == (end, None, cum_qty)

    def test_dead_letter_of_a_cancel_stays_one(self) -> None:
        dead = replace(CANCELING, dead_lettered_at=START, dead_letter_cause=Cause.UNAVAILABLE)
        assert told(dead, report(2, PARTIALLY_FILLED, 30)).dead_lettered_at == START

    def test_order_that_was_being_sent_is_acknowledged(self) -> None:
        assert causes(told(CANCELING_WHILE_SENT, report(1, NEW)))[-1] is Cause.ACKNOWLEDGED


class TestTimeline:
    def test_run_of_partial_fills_is_one_entry(self) -> None:
        order = told(PLACED, report(2, PARTIALLY_FILLED, 10))
        order = told(order, report(3, PARTIALLY_FILLED, 20), report(4, PARTIALLY_FILLED, 30))
        assert causes(order) == [Cause.ACCEPTED, Cause.PARTIALLY_FILLED]

    def test_partial_fill_of_an_order_to_be_canceled_is_an_entry(self) -> None:
        order = told(CANCELING, report(2, PARTIALLY_FILLED, 10))
        assert causes(order)[-2:] == [Cause.CANCEL_REQUESTED, Cause.PARTIALLY_FILLED]
        assert order.timeline[-1].status is PENDING_CANCEL

    def test_partial_fill_after_a_refused_cancel_is_an_entry_of_now(self) -> None:
        refused = move(replace(CANCELING, cum_qty=10), PARTIALLY_FILLED, START, Cause.CANCEL_REFUSED)
        order = told(refused, report(3, PARTIALLY_FILLED, 20))
        assert order.timeline[-1] == TimelineEntry(NOW, Cause.PARTIALLY_FILLED, PARTIALLY_FILLED, 0, None)

    def test_acknowledgement_of_a_placed_order_is_none(self) -> None:
        assert told(PLACED, report(1, NEW)).timeline == PLACED.timeline


class TestImpossible:
    @pytest.mark.parametrize(
        ("order", "one", "reason"),
        [
            (PLACED, report(2, PARTIALLY_FILLED, 101), "cum_qty 101 is more than the order's quantity 100"),
            (PLACED, report(2, FILLED, 99), "FILLED with 99 of 100"),
            (PLACED, report(2, PARTIALLY_FILLED, 100), "PARTIALLY_FILLED with 100 of 100"),
            (PLACED, report(2, PARTIALLY_FILLED, 30, leaves_qty=69), "leaves_qty 69 with 30 of 100 filled"),
            (PLACED, report(1, NEW, leaves_qty=0), "leaves_qty 0 with 0 of 100 filled"),
            (PLACED, report(2, REJECTED), "an order cannot go from NEW to REJECTED"),
            (replace(ORDER, status=CANCELED), report(1, NEW), "an order cannot go from CANCELED to NEW"),
        ],
    )
    def test_report_that_cannot_be_true_changes_nothing_and_has_a_reason(
        self, order: Order, one: ExecutionReport, reason: str
    ) -> None:
        assert refusal(order, one) == reason

    def test_open_quantity_that_is_right_is_none(self) -> None:
        assert told(PLACED, report(2, PARTIALLY_FILLED, 30, leaves_qty=70)).leaves_qty == 70

    def test_filled_quantity_never_falls(self) -> None:
        order = told(PLACED, report(3, PARTIALLY_FILLED, 30))
        assert refusal(order, report(4, PARTIALLY_FILLED, 29)) == "cum_qty falls from 30 to 29"
        assert refusal(order, report(4, NEW)) == "cum_qty falls from 30 to 0"

    def test_earlier_report_cannot_have_filled_more(self) -> None:
        order = told(PLACED, report(3, PARTIALLY_FILLED, 30))
        assert refusal(order, report(2, PARTIALLY_FILLED, 31)) == "cum_qty 31 in report 2, 30 in report 3"

    @pytest.mark.parametrize("end", sorted({FILLED, CANCELED, EXPIRED}))
    def test_nothing_but_the_same_end_follows_an_end(self, end: OrderStatus) -> None:
        order = told(PLACED, report(2, end, 100 if end is FILLED else 0))
        for status in {NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED} - {end}:
            cum_qty = {PARTIALLY_FILLED: 50, FILLED: 100}.get(status, 0)
            assert refusal(order, report(3, status, cum_qty))

    def test_end_cannot_come_before_what_was_reported_after_it(self) -> None:
        order = told(PLACED, report(3, PARTIALLY_FILLED, 30))
        assert refusal(order, report(2, CANCELED)) == "CANCELED in report 2, but PARTIALLY_FILLED after report 3"
        assert refusal(order, report(3, CANCELED, 30)) == "CANCELED in report 3, but PARTIALLY_FILLED after report 3"

    def test_impossible_report_holds_up_none_of_the_others(self) -> None:
        folded = fold(PLACED, [report(2, PARTIALLY_FILLED, 101), report(3, FILLED, 100), report(1, NEW)], NOW)
        assert (folded.order.status, folded.order.venue_gaps) == (FILLED, ((2, 2),))
        assert [len(folded.applied), len(folded.impossible)] == [2, 1]


class TestOutcomeBeforeItsReport:
    """An exchange's answer that told the end without the number of its report."""

    def test_report_of_the_same_end_tells_the_rest(self) -> None:
        filled = replace(PLACED, status=FILLED, cum_qty=100)
        order = told(filled, report(4, FILLED, 100, avg_px=Decimal("10.2")))
        assert (order.avg_px, order.venue_seq, order.timeline) == (Decimal("10.2"), 4, filled.timeline)

    def test_canceled_order_learns_what_was_filled_before(self) -> None:
        order = told(replace(PLACED, status=CANCELED), report(3, CANCELED, 30))
        assert (order.cum_qty, order.leaves_qty, order.venue_seq) == (30, 0, 3)


class TestSnapshot:
    def test_snapshot_covers_all_before_it(self) -> None:
        order = told(PLACED, report(3, PARTIALLY_FILLED, 30))
        assert order.venue_gaps == ((1, 2),)
        order = told(order, as_snapshot(report(5, PARTIALLY_FILLED, 50)))
        assert (order.venue_seq, order.venue_gaps, order.cum_qty) == (5, (), 50)

    def test_snapshot_from_before_fills_the_gaps_up_to_it(self) -> None:
        order = told(PLACED, report(2, PARTIALLY_FILLED, 20), report(6, PARTIALLY_FILLED, 60))
        assert order.venue_gaps == ((1, 1), (3, 5))
        folded = fold(order, [as_snapshot(report(4, PARTIALLY_FILLED, 40))], NOW)
        assert (folded.order.venue_gaps, folded.order.cum_qty, folded.late) == (((5, 5),), 60, 1)

    def test_standing_without_a_moment_is_of_now(self) -> None:
        assert told(PLACED, as_snapshot(report(1, NEW, at=None))).venue_at == NOW
