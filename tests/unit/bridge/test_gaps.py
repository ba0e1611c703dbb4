"""When what is missing is asked for."""

from itertools import pairwise

from bridge.gaps import GRACE, LONGEST_PATIENCE, MOST_ASKS, MOST_AT_ONCE, TAIL_GRACE, GapWatch
from bridge.reading_clock import ReadingClock
from bridge.sequence import Gap

EARLY = 0.01


def test_a_report_that_was_overtaken_gets_its_time() -> None:
    watch = GapWatch()
    assert watch.due([Gap(5, 6)], None, 0) == []
    assert watch.due([Gap(5, 6)], None, GRACE - EARLY) == []
    assert watch.due([Gap(5, 6)], None, GRACE) == [Gap(5, 6)]


def test_what_is_left_of_a_gap_does_not_get_more_time() -> None:
    watch = GapWatch()
    watch.due([Gap(5, 20)], None, 0)
    assert watch.due([Gap(8, 9), Gap(12, 20)], None, GRACE) == [Gap(8, 9), Gap(12, 20)]


def test_each_gap_has_a_time_of_its_own() -> None:
    watch = GapWatch()
    watch.due([Gap(5, 6)], None, 0)
    watch.due([Gap(5, 6), Gap(9, 9)], None, 0.1)
    assert watch.due([Gap(5, 6), Gap(9, 9)], None, GRACE) == [Gap(5, 6)]
    assert watch.due([Gap(5, 6), Gap(9, 9)], None, GRACE + 0.1) == [Gap(9, 9)]


def test_asks_again_ever_more_rarely_and_then_gives_up() -> None:
    watch, asked, now = GapWatch(), [], 0.0
    while not watch.hopeless and now < 100:
        if watch.due([Gap(5, 5)], None, now):
            asked.append(now)
        now += 0.5
    pauses = [later - former for former, later in pairwise(asked)]
    assert len(asked) == MOST_ASKS + 1
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.5, LONGEST_PATIENCE)


def test_a_large_gap_is_asked_for_in_parts_each_when_the_former_is_there() -> None:
    watch, last = GapWatch(), 3 * MOST_AT_ONCE
    watch.due([Gap(1, last)], None, 0)
    assert watch.due([Gap(1, last)], None, 1) == [Gap(1, MOST_AT_ONCE)]
    assert watch.due([Gap(MOST_AT_ONCE, last)], None, 2) == []  # It is coming.
    assert watch.due([Gap(MOST_AT_ONCE + 1, last)], None, 2.1) == [Gap(MOST_AT_ONCE + 1, 2 * MOST_AT_ONCE)]


def test_a_dropped_tail_is_asked_for_after_more_than_a_heartbeat() -> None:
    watch = GapWatch()
    assert watch.due([], Gap(5, 6), 0) == []
    assert watch.due([], Gap(5, 6), TAIL_GRACE - EARLY) == []
    assert watch.due([], Gap(5, 9), TAIL_GRACE) == [Gap(5, 9)]
    assert watch.due([], Gap(5, 9), TAIL_GRACE + 0.4) == []
    assert watch.due([], Gap(5, 9), TAIL_GRACE + 0.5) == [Gap(5, 9)]


def test_no_tail_is_asked_for_while_reports_come() -> None:
    watch = GapWatch()
    for second in range(100):
        assert watch.due([], Gap(5 + second, 1_000), second) == []


def test_a_large_tail_follows_in_parts_without_a_pause() -> None:
    watch, last = GapWatch(), 2 * MOST_AT_ONCE
    watch.due([], Gap(1, last), 0)
    assert watch.due([], Gap(1, last), TAIL_GRACE) == [Gap(1, MOST_AT_ONCE)]
    assert watch.due([], Gap(MOST_AT_ONCE + 1, last), TAIL_GRACE + 0.1) == [Gap(MOST_AT_ONCE + 1, last)]


def test_a_tail_becomes_a_gap_when_later_reports_come() -> None:
    watch = GapWatch()
    watch.due([], Gap(5, 6), 0)
    assert watch.due([Gap(5, 6)], None, 0.1) == []
    assert watch.due([Gap(5, 6)], None, 0.1 + GRACE) == [Gap(5, 6)]


def test_what_came_is_forgotten() -> None:
    watch = GapWatch()
    watch.due([Gap(5, 6)], None, 0)
    assert watch.due([], None, 1) == []
    assert not watch.hopeless


def test_the_clock_stands_still_while_nothing_is_read() -> None:
    time = 100.0
    clock = ReadingClock(lambda: time)
    start = clock.now()
    time += 1
    clock.stop()
    time += 60
    assert clock.now() - start == 1
    clock.go_on()
    clock.go_on()
    time += 2
    assert clock.now() - start == 3
