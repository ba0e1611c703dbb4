"""The rules of placement, one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.broker.order import TIMELINE_LENGTH, Cause, Order, OrderId
from chalicelib.broker.placement import (
    LETTER_LIFE,
    MAX_DELAY,
    Answer,
    Attempt,
    CancelUnsupportedError,
    Defer,
    FinalOrderError,
    LeaseLostError,
    Nothing,
    Outcome,
    Policy,
    Purpose,
    SignalOrderError,
    Wait,
    claim,
    defer,
    is_overdue,
    next_step,
    predecessor_of,
    record_outcome,
    request_cancel,
    requeue,
    retry_delay,
)
from chalicelib.broker.timeline import MAX_REASON
from chalicelib.core.lifecycle import FINAL, PENDING, OrderStatus
from tests.unit.broker.fakes.clock import START
from tests.unit.broker.lives import report_of
from tests.unit.broker.orders import any_order, new_order

POLICY = Policy(timedelta(seconds=30), timedelta(seconds=120), 20)
PLACE, CANCEL = Purpose.PLACE, Purpose.CANCEL
TOKEN = "worker-1"
NOW = START + timedelta(seconds=10)


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def claimed(order: Order | None = None) -> Order:
    return claim(order or new_order(), TOKEN, NOW, POLICY)


def after(answer: Answer, order: Order | None = None, *, last_chance: bool = False, purpose: Purpose = PLACE) -> Order:
    """Return a claimed order, by default a new one, after an answer of the exchange 3 s later."""
    outcome = Outcome(purpose, answer, 12, "the exchange's reason")
    return record_outcome(order or claimed(), TOKEN, outcome, NOW + later(3), last_chance=last_chance, jitter=1)


def cancel_pending(order: Order) -> Order:
    return request_cancel(order, NOW + later(5), can_cancel=True)


def causes(order: Order) -> list[Cause]:
    return [entry.cause for entry in order.timeline]


class TestRetryDelay:
    @given(st.floats(0, 1))
    def test_first_retry_comes_within_2_seconds(self, jitter: float) -> None:
        assert 1 <= retry_delay(1, jitter) <= 2

    @pytest.mark.parametrize(("failures", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 16), (8, 256), (9, 512)])
    def test_each_delay_is_twice_the_one_before(self, failures: int, seconds: float) -> None:
        assert retry_delay(failures, 1) == seconds

    @pytest.mark.parametrize("failures", [10, 11, 30, 31, 10_000])
    def test_no_delay_is_longer_than_15_minutes(self, failures: int) -> None:
        assert retry_delay(failures, 1) == MAX_DELAY == 900

    @given(st.integers(1, 100), st.floats(0, 1))
    def test_jitter_takes_away_up_to_half(self, failures: int, jitter: float) -> None:
        assert retry_delay(failures, 1) / 2 <= retry_delay(failures, jitter) <= retry_delay(failures, 1)


class TestNextStep:
    def test_new_order_is_placed_at_once(self) -> None:
        assert next_step(new_order(), START) == Attempt(PLACE, ask_first=False)

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - {OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL}))
    def test_order_that_waits_for_no_answer_needs_nothing(self, status: OrderStatus) -> None:
        assert next_step(new_order(status=status), NOW) == Nothing()

    def test_claimed_order_is_left_alone_until_its_lease_ends(self) -> None:
        order = claimed()
        end = NOW + POLICY.lease
        assert next_step(order, end - timedelta(microseconds=1)) == Wait(end)
        assert next_step(order, end) == Attempt(PLACE, ask_first=True)

    def test_order_in_backoff_waits_but_may_come_a_second_early(self) -> None:
        order = after(Answer.UNAVAILABLE)
        due = NOW + later(3) + later(2)
        assert next_step(order, due - later(1.001)) == Wait(due)
        assert next_step(order, due - later(1)) == Attempt(PLACE, ask_first=False)

    def test_exchange_is_asked_first_after_an_unknown_outcome(self) -> None:
        assert next_step(after(Answer.UNKNOWN), NOW + later(10)) == Attempt(PLACE, ask_first=True)

    def test_exchange_is_not_asked_first_after_it_took_nothing(self) -> None:
        assert next_step(after(Answer.UNAVAILABLE), NOW + later(10)) == Attempt(PLACE, ask_first=False)

    def test_order_to_be_canceled_is_canceled(self) -> None:
        order = cancel_pending(after(Answer.WORKING))
        assert next_step(order, NOW + later(5)) == Attempt(CANCEL, ask_first=False)


class TestTurn:
    FIRST = new_order()
    ORDER = new_order(after=FIRST.order_id)

    @pytest.mark.parametrize(
        ("order", "named"),
        [
            (ORDER, FIRST.order_id),
            (defer(ORDER, NOW, NOW), FIRST.order_id),
            (requeue(ORDER, NOW), FIRST.order_id),
            (new_order(), None),
            (claimed(ORDER), None),
            (after(Answer.UNAVAILABLE, claimed(ORDER)), None),
            (replace(ORDER, status=OrderStatus.NEW), None),
            (replace(ORDER, status=OrderStatus.PENDING_CANCEL), None),
        ],
        ids=["new", "deferred", "requeued", "after none", "claimed", "attempted", "working", "to be canceled"],
    )
    def test_order_may_overtake_once_it_was_attempted(self, order: Order, named: OrderId | None) -> None:
        assert predecessor_of(order) == named

    @given(any_order())
    def test_order_comes_after_one_that_is_pending_only(self, first: Order) -> None:
        step = next_step(self.ORDER, NOW, first)
        assert isinstance(step, Defer if first.status in PENDING else Attempt)

    def test_order_whose_predecessor_is_not_stored_is_placed(self) -> None:
        assert next_step(self.ORDER, NOW, None) == Attempt(PLACE, ask_first=False)

    @pytest.mark.parametrize(
        ("first", "seconds"),
        [
            (new_order(), 1),
            (claimed(), 1),
            (requeue(new_order(), NOW), 1),
            (new_order(next_attempt_at=NOW + later(0.5)), 1.5),
            (new_order(next_attempt_at=NOW + later(512)), 513),
            (new_order(next_attempt_at=NOW + later(900)), 900),
            (new_order(next_attempt_at=NOW - later(900)), 1),
            (after(Answer.UNAVAILABLE, last_chance=True), 900),
            (cancel_pending(claimed()), 1),
        ],
        ids=["new", "claimed", "requeued", "soon", "backoff", "longest", "overdue", "dead letter", "to be canceled"],
    )
    def test_next_look_comes_a_second_after_the_next_attempt_of_the_predecessor(
        self, first: Order, seconds: float
    ) -> None:
        assert next_step(self.ORDER, NOW, first) == Defer(NOW + later(seconds))

    @given(any_order(), st.datetimes(timezones=st.just(UTC), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 - it adds the zone
    def test_next_look_comes_in_a_second_to_15_minutes(self, first: Order, now: datetime) -> None:
        step = next_step(self.ORDER, now, replace(first, status=OrderStatus.PENDING_NEW))
        assert isinstance(step, Defer)
        assert later(1) <= step.until - now <= later(MAX_DELAY)

    def test_order_that_was_put_off_waits_whatever_became_of_the_other(self) -> None:
        order = defer(self.ORDER, NOW + later(60), NOW)
        assert next_step(order, NOW, replace(self.FIRST, status=OrderStatus.NEW)) == Wait(NOW + later(60))

    def test_order_that_was_put_off_is_placed_without_a_doubt(self) -> None:
        order = defer(self.ORDER, NOW, NOW)
        assert next_step(order, NOW, None) == Attempt(PLACE, ask_first=False)
        placed = after(Answer.WORKING, claimed(order))
        assert (placed.status, placed.attempts, placed.in_doubt) == (OrderStatus.NEW, 1, False)
        assert causes(placed) == [Cause.ACCEPTED, Cause.DEFERRED, Cause.PLACED]

    def test_failure_after_putting_off_is_the_first(self) -> None:
        order = after(Answer.UNAVAILABLE, claimed(defer(self.ORDER, NOW, NOW)))
        assert (order.failures, order.next_attempt_at) == (1, NOW + later(5))

    def test_long_wait_is_one_entry(self) -> None:
        order = self.ORDER
        for minute in range(100):
            order = defer(order, NOW + later(60 * minute + 60), NOW + later(60 * minute))
        assert causes(order) == [Cause.ACCEPTED, Cause.DEFERRED]
        assert order.timeline[-1].at == NOW
        assert order.next_attempt_at == NOW + later(6000)

    def test_wait_that_the_sweep_had_to_save_tells_of_it(self) -> None:
        order = defer(requeue(defer(self.ORDER, NOW, NOW), NOW), NOW, NOW)
        assert causes(order)[1:] == [Cause.DEFERRED, Cause.REQUEUED, Cause.DEFERRED]

    @pytest.mark.parametrize(("requeues", "patience"), [(0, 240), (1, 480), (3, 1_920)])
    def test_order_that_was_put_off_is_overdue_like_any_other(self, requeues: int, patience: float) -> None:
        order = defer(replace(self.ORDER, requeues=requeues), NOW + later(60), NOW)
        assert not is_overdue(order, NOW + later(60 + patience), POLICY)
        assert is_overdue(order, NOW + later(60 + patience + 1), POLICY)


class TestClaim:
    def test_claim_holds_the_order_until_the_lease_ends(self) -> None:
        order = claimed()
        assert (order.lease_token, order.next_attempt_at) == (TOKEN, NOW + POLICY.lease)

    def test_claim_counts_the_attempt(self) -> None:
        assert claimed(after(Answer.UNAVAILABLE)).attempts == 2

    def test_first_claim_has_no_doubt_and_no_entry(self) -> None:
        assert not claimed().in_doubt
        assert causes(claimed()) == [Cause.ACCEPTED]

    def test_claim_of_an_order_that_its_worker_never_gave_back_is_in_doubt(self) -> None:
        order = claim(claimed(), "worker-2", NOW + later(30), POLICY)
        assert order.in_doubt
        assert causes(order) == [Cause.ACCEPTED, Cause.LOST]
        assert order.timeline[-1].attempt == 1

    def test_claim_takes_the_order_out_of_the_dead_letters(self) -> None:
        order = claimed(after(Answer.UNAVAILABLE, last_chance=True))
        assert (order.dead_lettered_at, order.dead_letter_cause) == (None, None)

    def test_claim_starts_the_patience_of_the_sweep_anew(self) -> None:
        assert claimed(requeue(new_order(), NOW)).requeues == 0


class TestAnswers:
    def test_working_order_is_new_and_placed(self) -> None:
        order = after(Answer.WORKING)
        assert (order.status, order.placed_at) == (OrderStatus.NEW, NOW + later(3))
        assert (order.lease_token, order.in_doubt, order.failures) == (None, False, 0)

    def test_timeline_tells_the_attempt_and_the_latency_of_the_exchange(self) -> None:
        entry = after(Answer.WORKING).timeline[-1]
        assert (entry.cause, entry.status, entry.attempt, entry.latency_ms) == (Cause.PLACED, OrderStatus.NEW, 1, 12)

    def test_order_that_the_exchange_knew_already_is_found(self) -> None:
        outcome = Outcome(PLACE, Answer.WORKING, 12, found=True)
        order = record_outcome(claimed(), TOKEN, outcome, NOW, last_chance=False, jitter=0)
        assert (order.status, order.timeline[-1].cause) == (OrderStatus.NEW, Cause.FOUND)

    def test_refused_order_is_rejected_with_the_reason(self) -> None:
        order = after(Answer.REJECTED)
        assert (order.status, order.reject_reason) == (OrderStatus.REJECTED, "the exchange's reason")
        assert order.timeline[-1].cause is Cause.REFUSED

    def test_refused_order_without_reason_says_who_refused_it(self) -> None:
        outcome = Outcome(PLACE, Answer.REJECTED, 12)
        order = record_outcome(claimed(), TOKEN, outcome, NOW, last_chance=False, jitter=0)
        assert order.reject_reason == "refused by the exchange"

    @pytest.mark.parametrize("character", ["r", "é", "€", "😀", "\ud800"])
    def test_reason_is_cut_to_its_bytes_between_characters(self, character: str) -> None:
        outcome = Outcome(PLACE, Answer.REJECTED, 12, character * 500)
        reason = record_outcome(claimed(), TOKEN, outcome, NOW, last_chance=False, jitter=0).reject_reason
        assert reason is not None
        assert MAX_REASON - 4 < len(reason.encode()) <= MAX_REASON
        assert set(reason) <= {character, "?"}

    def test_refusal_at_the_last_chance_is_no_dead_letter(self) -> None:
        assert after(Answer.REJECTED, last_chance=True).dead_lettered_at is None

    def test_filled_order_is_filled_in_all(self) -> None:
        order = after(Answer.FILLED)
        assert (order.status, order.cum_qty, order.leaves_qty) == (OrderStatus.FILLED, 3, 0)
        assert (order.placed_at, order.timeline[-1].cause) == (NOW + later(3), Cause.FILLED)

    def test_expired_order_is_expired_and_was_placed(self) -> None:
        order = after(Answer.EXPIRED)
        assert (order.status, order.leaves_qty, order.timeline[-1].cause) == (OrderStatus.EXPIRED, 0, Cause.EXPIRED)
        assert order.placed_at == NOW + later(3)

    def test_order_that_the_exchange_has_canceled_is_canceled(self) -> None:
        assert after(Answer.CANCELED).status is OrderStatus.CANCELED

    @pytest.mark.parametrize("answer", Answer)
    def test_outcome_of_a_worker_that_lost_its_lease_is_refused(self, answer: Answer) -> None:
        taken_over = claim(claimed(), "worker-2", NOW + later(30), POLICY)
        with pytest.raises(LeaseLostError, match=taken_over.order_id):
            after(answer, taken_over)

    def test_outcome_that_was_recorded_already_is_refused(self) -> None:
        with pytest.raises(LeaseLostError):
            after(Answer.WORKING, after(Answer.WORKING))


class TestFailures:
    @pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNKNOWN])
    def test_order_is_given_back_and_waits(self, answer: Answer) -> None:
        order = after(answer)
        assert (order.status, order.lease_token, order.failures) == (OrderStatus.PENDING_NEW, None, 1)
        assert order.next_attempt_at == NOW + later(5)

    def test_unavailable_exchange_leaves_no_doubt(self) -> None:
        order = after(Answer.UNAVAILABLE)
        assert not order.in_doubt
        assert (order.timeline[-1].cause, order.timeline[-1].latency_ms) == (Cause.UNAVAILABLE, 12)

    def test_no_answer_leaves_a_doubt(self) -> None:
        order = after(Answer.UNKNOWN)
        assert order.in_doubt
        assert order.timeline[-1].cause is Cause.UNKNOWN

    def test_doubt_stays_while_the_exchange_is_unavailable(self) -> None:
        assert after(Answer.UNAVAILABLE, claimed(after(Answer.UNKNOWN))).in_doubt

    def test_answer_ends_doubt_and_backoff(self) -> None:
        order = after(Answer.WORKING, claimed(after(Answer.UNKNOWN)))
        assert (order.in_doubt, order.failures) == (False, 0)

    def test_failures_add_up(self) -> None:
        assert after(Answer.UNAVAILABLE, claimed(after(Answer.UNAVAILABLE))).failures == 2

    @pytest.mark.parametrize(
        ("answer", "cause"), [(Answer.UNAVAILABLE, Cause.UNAVAILABLE), (Answer.UNKNOWN, Cause.UNKNOWN)]
    )
    def test_failure_at_the_last_chance_makes_a_dead_letter_with_its_cause(self, answer: Answer, cause: Cause) -> None:
        order = after(answer, last_chance=True)
        assert (order.dead_lettered_at, order.dead_letter_cause) == (NOW + later(3), cause)
        assert order.next_attempt_at == NOW + later(3)
        assert causes(order)[-2:] == [cause, Cause.DEAD_LETTERED]

    def test_dead_letter_that_is_redriven_is_attempted_at_once_and_retried_quickly(self) -> None:
        order = after(Answer.UNAVAILABLE, replace(claimed(), failures=12), last_chance=True)
        assert order.failures == 0
        assert next_step(order, NOW + later(3)) == Attempt(PLACE, ask_first=False)


class TestCancel:
    def test_order_that_was_never_sent_is_canceled_by_ourselves(self) -> None:
        order = request_cancel(new_order(), NOW, can_cancel=False)
        assert (order.status, causes(order)) == (OrderStatus.CANCELED, [Cause.ACCEPTED, Cause.CANCELED])
        assert [entry.attempt for entry in order.timeline] == [0, 0]

    def test_order_that_the_exchange_certainly_did_not_take_is_canceled_by_ourselves(self) -> None:
        assert request_cancel(after(Answer.UNAVAILABLE), NOW, can_cancel=False).status is OrderStatus.CANCELED

    @pytest.mark.parametrize(
        "order",
        [claimed(), after(Answer.UNKNOWN), after(Answer.WORKING), after(Answer.UNAVAILABLE, claimed(claimed()))],
        ids=["claimed", "in doubt", "working", "unavailable after a lost attempt"],
    )
    def test_order_that_may_be_at_the_exchange_is_for_the_exchange_to_cancel(self, order: Order) -> None:
        asked = cancel_pending(order)
        assert (asked.status, asked.cancel_requested_at) == (OrderStatus.PENDING_CANCEL, NOW + later(5))
        assert asked.timeline[-1].cause is Cause.CANCEL_REQUESTED
        with pytest.raises(CancelUnsupportedError, match=order.order_id):
            request_cancel(order, NOW, can_cancel=False)

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_final_order_cannot_be_canceled(self, status: OrderStatus) -> None:
        with pytest.raises(FinalOrderError, match=status.value):
            request_cancel(new_order(status=status), NOW, can_cancel=True)

    @pytest.mark.parametrize("status", sorted(set(OrderStatus) - FINAL))
    def test_order_of_a_signal_cannot_be_canceled(self, status: OrderStatus) -> None:
        order = new_order(status=status, signal_id="signal")
        with pytest.raises(SignalOrderError, match=order.order_id):
            request_cancel(order, NOW, can_cancel=True)

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_final_order_of_a_signal_is_final(self, status: OrderStatus) -> None:
        with pytest.raises(FinalOrderError):
            request_cancel(new_order(status=status, signal_id="signal"), NOW, can_cancel=True)

    def test_second_cancel_changes_nothing(self) -> None:
        order = cancel_pending(after(Answer.WORKING))
        assert request_cancel(order, NOW + later(9), can_cancel=True) is order

    def test_cancel_waits_for_the_worker_that_has_the_order(self) -> None:
        asked = cancel_pending(claimed())
        assert (asked.lease_token, asked.next_attempt_at) == (TOKEN, NOW + POLICY.lease)

    def test_cancel_does_not_wait_for_the_end_of_a_backoff(self) -> None:
        asked = cancel_pending(replace(after(Answer.UNKNOWN), failures=12, next_attempt_at=NOW + later(900)))
        assert (asked.next_attempt_at, asked.failures) == (NOW + later(5), 0)

    def test_cancel_takes_the_order_out_of_the_dead_letters(self) -> None:
        asked = cancel_pending(after(Answer.UNKNOWN, last_chance=True))
        assert (asked.dead_lettered_at, asked.dead_letter_cause) == (None, None)

    def test_partially_filled_order_can_be_canceled(self) -> None:
        order = new_order(status=OrderStatus.PARTIALLY_FILLED, placed_at=NOW)
        assert cancel_pending(order).status is OrderStatus.PENDING_CANCEL

    def test_dead_letter_that_was_never_sent_is_none_any_more_once_it_is_canceled(self) -> None:
        dead = after(Answer.UNAVAILABLE, last_chance=True)
        canceled = request_cancel(dead, NOW + later(5), can_cancel=True)
        assert (canceled.status, canceled.dead_lettered_at, canceled.dead_letter_cause) == (
            OrderStatus.CANCELED,
            None,
            None,
        )


class TestCancelAtTheExchange:
    def being_canceled(self) -> Order:
        return claimed(cancel_pending(after(Answer.WORKING)))

    def test_canceled_order_is_canceled(self) -> None:
        assert after(Answer.CANCELED, self.being_canceled(), purpose=CANCEL).status is OrderStatus.CANCELED

    def test_refused_cancel_leaves_the_order_working_since_it_was_placed(self) -> None:
        order = after(Answer.WORKING, self.being_canceled(), purpose=CANCEL)
        assert (order.status, order.timeline[-1].cause) == (OrderStatus.NEW, Cause.CANCEL_REFUSED)
        assert order.placed_at == NOW + later(3)

    def test_refused_cancel_leaves_a_partially_filled_order_so(self) -> None:
        order = after(Answer.WORKING, replace(self.being_canceled(), cum_qty=1), purpose=CANCEL)
        assert (order.status, order.timeline[-1].cause) == (OrderStatus.PARTIALLY_FILLED, Cause.CANCEL_REFUSED)

    def test_order_may_have_expired_before_the_cancel(self) -> None:
        assert after(Answer.EXPIRED, self.being_canceled(), purpose=CANCEL).status is OrderStatus.EXPIRED

    def test_fill_may_be_faster_than_the_cancel(self) -> None:
        order = after(Answer.FILLED, self.being_canceled(), purpose=CANCEL)
        assert (order.status, order.cum_qty) == (OrderStatus.FILLED, 3)

    @pytest.mark.parametrize("answer", [Answer.UNAVAILABLE, Answer.UNKNOWN])
    def test_cancel_without_an_answer_is_asked_for_again(self, answer: Answer) -> None:
        order = after(answer, self.being_canceled(), purpose=CANCEL)
        assert (order.status, order.failures) == (OrderStatus.PENDING_CANCEL, 1)

    def test_working_answer_does_not_overwrite_a_cancel_that_came_meanwhile(self) -> None:
        order = after(Answer.WORKING, cancel_pending(claimed()))
        assert (order.status, order.placed_at) == (OrderStatus.PENDING_CANCEL, NOW + later(3))
        entry = order.timeline[-1]
        assert (entry.cause, entry.attempt, entry.latency_ms) == (Cause.PLACED, 1, 12)
        assert next_step(order, NOW + later(3)) == Attempt(CANCEL, ask_first=False)
        assert order.next_attempt_at == NOW + later(3)

    def test_order_canceled_meanwhile_that_the_exchange_did_not_take_is_canceled(self) -> None:
        order = after(Answer.UNAVAILABLE, cancel_pending(claimed()))
        assert (order.status, order.timeline[-1].cause) == (OrderStatus.CANCELED, Cause.CANCELED)

    def test_order_canceled_meanwhile_that_may_have_arrived_is_for_the_exchange_to_cancel(self) -> None:
        assert after(Answer.UNKNOWN, cancel_pending(claimed())).status is OrderStatus.PENDING_CANCEL

    def test_earlier_doubt_keeps_an_order_canceled_meanwhile_for_the_exchange(self) -> None:
        order = cancel_pending(claimed(after(Answer.UNKNOWN)))
        assert after(Answer.UNAVAILABLE, order).status is OrderStatus.PENDING_CANCEL

    def test_cancel_that_did_not_arrive_proves_nothing_of_the_order(self) -> None:
        order = claimed(new_order(status=OrderStatus.PENDING_CANCEL, cancel_requested_at=NOW))
        assert after(Answer.UNAVAILABLE, order, purpose=CANCEL).status is OrderStatus.PENDING_CANCEL

    def test_order_that_was_placed_once_is_for_the_exchange_to_cancel(self) -> None:
        order = claimed(new_order(status=OrderStatus.PENDING_CANCEL, cancel_requested_at=NOW, placed_at=START))
        assert after(Answer.UNAVAILABLE, order).status is OrderStatus.PENDING_CANCEL

    def test_order_canceled_meanwhile_may_be_refused(self) -> None:
        assert after(Answer.REJECTED, cancel_pending(claimed())).status is OrderStatus.REJECTED


class TestStanding:
    """An answer of an exchange that reports, too: up to which report, and how much was filled."""

    def answered(self, answer: Answer, status: OrderStatus, cum_qty: int = 0, order: Order | None = None) -> Order:
        order = order or claimed()
        standing = report_of(order, 4, status, cum_qty, snapshot=True)
        outcome = Outcome(PLACE, answer, 12, standing=standing)
        return record_outcome(order, TOKEN, outcome, NOW, last_chance=False, jitter=0)

    def test_reports_that_it_covers_are_duplicates_when_they_come(self) -> None:
        order = self.answered(Answer.WORKING, OrderStatus.NEW)
        assert (order.status, order.venue_seq, order.venue_gaps) == (OrderStatus.NEW, 4, ())
        assert causes(order) == [Cause.ACCEPTED, Cause.PLACED]

    def test_order_that_was_filled_in_part_is_placed_and_filled_in_part(self) -> None:
        order = self.answered(Answer.WORKING, OrderStatus.PARTIALLY_FILLED, 2)
        assert (order.status, order.cum_qty) == (OrderStatus.PARTIALLY_FILLED, 2)
        assert causes(order) == [Cause.ACCEPTED, Cause.PLACED, Cause.PARTIALLY_FILLED]

    def test_end_brings_what_was_filled_before_it(self) -> None:
        order = self.answered(Answer.CANCELED, OrderStatus.CANCELED, 2)
        assert (order.status, order.cum_qty, order.avg_px) == (OrderStatus.CANCELED, 2, Decimal("10.25"))
        assert causes(order) == [Cause.ACCEPTED, Cause.CANCELED]

    def test_cancel_that_came_meanwhile_stays_and_knows_what_was_filled(self) -> None:
        order = self.answered(Answer.WORKING, OrderStatus.PARTIALLY_FILLED, 2, cancel_pending(claimed()))
        assert (order.status, order.cum_qty, order.venue_seq) == (OrderStatus.PENDING_CANCEL, 2, 4)

    def test_one_from_before_the_last_report_changes_nothing_else(self) -> None:
        ahead = replace(claimed(cancel_pending(after(Answer.WORKING))), venue_seq=6, cum_qty=2, venue_gaps=((1, 5),))
        order = self.answered(Answer.WORKING, OrderStatus.PARTIALLY_FILLED, 1, ahead)
        assert (order.cum_qty, order.venue_seq, order.venue_gaps) == (2, 6, ((5, 5),))

    def test_one_that_cannot_be_leaves_the_answer_alone(self) -> None:
        order = self.answered(Answer.FILLED, OrderStatus.FILLED, 2)
        assert (order.status, order.cum_qty, order.venue_seq) == (OrderStatus.FILLED, 3, 0)


class TestOverdue:
    def test_order_is_overdue_after_twice_the_visibility(self) -> None:
        order = new_order()
        assert not is_overdue(order, START + later(240), POLICY)
        assert is_overdue(order, START + later(240) + timedelta(microseconds=1), POLICY)

    def test_patience_starts_at_the_end_of_the_backoff(self) -> None:
        order = after(Answer.UNAVAILABLE)
        assert not is_overdue(order, NOW + later(5 + 240), POLICY)
        assert is_overdue(order, NOW + later(5 + 241), POLICY)

    @pytest.mark.parametrize(("requeues", "patience"), [(0, 240), (1, 480), (2, 960), (8, 61_440), (9, 61_440)])
    def test_patience_doubles_with_each_requeue_up_to_256_times(self, requeues: int, patience: float) -> None:
        order = replace(new_order(), requeues=requeues)
        assert not is_overdue(order, START + later(patience), POLICY)
        assert is_overdue(order, START + later(patience + 1), POLICY)

    def test_dead_letter_is_not_overdue_while_it_can_be_there(self) -> None:
        order = after(Answer.UNAVAILABLE, last_chance=True)
        assert not is_overdue(order, NOW + LETTER_LIFE, POLICY)

    def test_dead_letter_that_must_have_expired_is_overdue(self) -> None:
        order = after(Answer.UNAVAILABLE, last_chance=True)
        assert is_overdue(order, NOW + LETTER_LIFE + later(3 + 241), POLICY)

    @pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.CANCELED, OrderStatus.REJECTED])
    def test_order_that_waits_for_no_answer_is_never_overdue(self, status: OrderStatus) -> None:
        assert not is_overdue(new_order(status=status), START + timedelta(days=365), POLICY)

    def test_order_to_be_canceled_is_overdue_like_a_new_one(self) -> None:
        order = cancel_pending(after(Answer.WORKING))
        assert is_overdue(order, NOW + later(5 + 241), POLICY)

    def test_requeued_order_is_due_at_once_and_tells_of_it(self) -> None:
        order = requeue(new_order(), NOW)
        assert (order.next_attempt_at, order.requeues) == (NOW, 1)
        assert (order.timeline[-1].cause, order.timeline[-1].at) == (Cause.REQUEUED, NOW)

    def test_requeue_keeps_the_token_of_a_dead_worker_as_a_doubt(self) -> None:
        order = requeue(claimed(), NOW + later(300))
        assert order.lease_token == TOKEN
        assert next_step(order, NOW + later(300)) == Attempt(PLACE, ask_first=True)


class TestTimeline:
    def test_new_order_starts_with_accepted(self) -> None:
        order = new_order()
        assert [(e.at, e.cause, e.status) for e in order.timeline] == [
            (order.created_at, Cause.ACCEPTED, OrderStatus.PENDING_NEW)
        ]

    def test_timeline_keeps_the_last_20_entries_and_counts_all(self) -> None:
        order = new_order()
        for _ in range(30):
            order = after(Answer.UNAVAILABLE, claimed(order))
        assert len(order.timeline) == TIMELINE_LENGTH == 20
        assert order.timeline_count == 31
        assert [entry.attempt for entry in order.timeline] == list(range(11, 31))
