"""Where another bridge would have to go on."""

from bridge.progress import Position, Progress, Snapshot


def test_goes_on_where_the_last_one_was() -> None:
    assert Progress(Position("S1", 7)).position() == ("S1", 7)


def test_follows_what_is_in_the_queue_without_a_gap() -> None:
    progress = Progress(Position("S1", 7))
    for number in (8, 9, 11):
        progress.sequence.arrive(number)
    progress.sequence.settle(9)
    assert progress.position() == ("S1", 7)
    progress.sequence.settle(8)
    progress.sequence.settle(11)
    assert progress.position() == ("S1", 9)


def test_stays_before_a_snapshot_until_all_of_it_is_in_the_queue() -> None:
    progress = Progress(Position("S1", 7))
    snapshot = Snapshot("S2", 40)
    snapshot.arrive()
    snapshot.arrive()
    snapshot.settle(0)
    progress.replace(snapshot)
    progress.sequence.arrive(41)
    progress.sequence.settle(41)
    assert progress.position() == ("S1", 7)
    snapshot.settle(0)
    assert progress.position() == ("S2", 41)


def test_an_unfinished_snapshot_is_worth_nothing() -> None:
    snapshot = Snapshot("S1", 40)
    assert not snapshot.durable
    snapshot.arrive()
    snapshot.settle(0)
    assert not snapshot.durable


def test_a_snapshot_of_nothing_counts_at_once() -> None:
    progress = Progress(Position(None, 0))
    progress.replace(Snapshot("S1", 0))
    assert progress.position() == ("S1", 0)


def test_what_belongs_to_an_older_session_changes_nothing() -> None:
    progress = Progress(Position("S1", 7))
    former = progress.sequence
    former.arrive(8)
    progress.replace(Snapshot("S2", 3))
    former.settle(8)
    assert progress.position() == ("S2", 3)
