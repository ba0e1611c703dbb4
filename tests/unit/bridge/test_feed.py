"""The bridge between an exchange and a queue, over real sockets."""

import json
import zlib

import pytest

from tests.unit.bridge.exchange import make_report
from tests.unit.bridge.world import World, at_rest, eventually

SNAPSHOT = [{**make_report(number), "snapshot": True} for number in range(1, 41)]
for _report in SNAPSHOT:
    del _report["seq"]


def checkpoint(world: World) -> tuple[str | None, int]:
    lease = world.aws.lease()
    return lease.get("session"), int(lease.get("seq", 0))


class TestReading:
    def test_reads_from_the_beginning_of_what_is_kept(self, world: World) -> None:
        world.exchange.report(250)
        with world.bridge():
            world.expect(250)
            assert world.exchange.asked[0] == {"type": "resume", "session": None, "after": 0}
            world.exchange.report(50)
            world.expect(300)
        assert checkpoint(world) == ("S1", 300)

    def test_an_order_has_one_partition_and_a_report_comes_as_it_was(self, world: World) -> None:
        world.exchange.report(300, avg_px=101.25, reason="ü")
        with world.bridge():
            world.expect(300)
        for group, body in world.aws.bodies:
            for report in json.loads(body)["reports"]:
                assert group == str(zlib.crc32(report["client_order_id"].encode()) % 32)
                assert report == world.exchange.log[report["seq"] - 1]

    def test_goes_on_where_the_last_one_was(self, world: World) -> None:
        world.exchange.report(100)
        world.aws.covered = 60
        world.aws.write_lease(holder="another", epoch=6, expires_at=0, session="S1", seq=60)
        with world.bridge():
            eventually(lambda: 100 in world.aws.numbers)
        assert world.exchange.asked[0] == {"type": "resume", "session": "S1", "after": 60}
        assert world.aws.numbers == set(range(61, 101))
        assert (checkpoint(world), world.aws.lease()["epoch"]) == (("S1", 100), 7)

    def test_checkpoints_while_it_leads(self, world: World) -> None:
        world.exchange.report(10)
        with world.bridge():
            eventually(lambda: checkpoint(world) == ("S1", 10), "checkpoint")
            assert world.aws.lease()["expires_at"] > world.aws.lease()["checkpoint_at"] > 0

    def test_a_report_that_names_no_order_goes_to_the_first_partition(self, world: World) -> None:
        world.exchange.report(3, client_order_id=None)
        with world.bridge():
            world.expect(3)
        assert {group for group, _ in world.aws.bodies} == {"0"}

    def test_a_report_without_a_number_is_passed_on_and_holds_nothing_up(self, world: World) -> None:
        with world.bridge():
            eventually(lambda: bool(world.exchange.asked))
            world.exchange.report(2)
            world.expect(2)
            world.exchange.say(json.dumps({"type": "reports", "session": "S1", "reports": ["nonsense", {"a": 1}]}))
            world.exchange.report(2)
            world.expect(4)
        assert "nonsense" in world.aws.reports
        assert {"a": 1} in world.aws.reports
        assert checkpoint(world) == ("S1", 4)


class TestConnections:
    def test_connects_again_and_goes_on_behind_what_has_arrived(self, world: World) -> None:
        world.exchange.report(100)
        with world.bridge():
            world.expect(100)
            world.exchange.disconnect()
            world.exchange.report(100)
            world.expect(200)
        assert world.exchange.asked_for("resume")[1] == {"type": "resume", "session": "S1", "after": 100}
        assert len(world.aws.reports) == 200

    def test_waits_for_an_exchange_that_is_down(self, world: World) -> None:
        world.exchange.server.stop()
        with world.bridge():
            eventually(lambda: world.aws.lease().get("epoch") == 1)
            world.exchange.report(10)
            world.exchange.server.start()
            world.expect(10)

    @pytest.mark.parametrize(
        "nonsense",
        [
            "no json",
            "[]",
            '{"type": "greeting"}',
            '{"type": "reports", "session": "S9", "reports": [{"seq": 11}]}',
            '{"type": "reports", "session": "S1", "reports": {}}',
            '{"type": "heartbeat", "session": "S1", "last": "x"}',
            '{"type": "snapshot", "reports": []}',
            '{"type": "snapshot_end", "session": "S1", "seq": 3}',
            '{"type": "error", "reason": "as told"}',
        ],
    )
    def test_begins_anew_after_a_frame_that_makes_no_sense(self, world: World, nonsense: str) -> None:
        world.exchange.report(10)
        with world.bridge():
            world.expect(10)
            world.exchange.say(nonsense)
            eventually(lambda: len(world.exchange.asked_for("resume")) == 2)
            world.exchange.report(10)
            world.expect(20)
        assert world.aws.numbers == set(range(1, 21))


class TestGaps:
    def test_asks_for_what_is_missing_and_goes_on_meanwhile(self, world: World) -> None:
        world.exchange.dropped = {7, 8, 9, 55}
        world.exchange.report(100)
        with world.bridge():
            world.expect(100)
        asked = [(frame["from"], frame["to"]) for frame in world.exchange.asked_for("resend")]
        assert asked == [(7, 9), (55, 55)]
        missing = [place for place, report in enumerate(world.aws.reports) if report["seq"] in world.exchange.dropped]
        assert min(missing) > 90

    def test_the_checkpoint_waits_before_the_gap(self, world: World) -> None:
        world.exchange.lost = {8}
        world.exchange.report(20)
        with world.bridge():
            eventually(lambda: 20 in world.aws.numbers and checkpoint(world) == ("S1", 7))
            world.exchange.lost = set()
            world.expect(20)
        assert checkpoint(world) == ("S1", 20)

    def test_asks_again_for_what_does_not_come(self, world: World) -> None:
        world.exchange.lost = {8}
        world.exchange.report(20)
        with world.bridge():
            eventually(lambda: len(world.exchange.asked_for("resend")) >= 3)
        assert 20 in world.aws.numbers
        assert checkpoint(world) == ("S1", 7)

    def test_the_heartbeat_tells_of_a_dropped_tail(self, world: World) -> None:
        world.exchange.dropped = set(range(91, 101))
        world.exchange.report(100)
        with world.bridge():
            world.expect(100)
        assert world.exchange.asked_for("resend")[0] == {"type": "resend", "from": 91, "to": 100}

    def test_a_long_backlog_is_not_asked_for_while_it_comes(self, world: World) -> None:
        world.exchange.report(20_000)
        with world.bridge():
            world.expect(20_000)
        assert not world.exchange.asked_for("resend")

    def test_duplicates_are_not_passed_on(self, world: World) -> None:
        world.exchange.report(50)
        with world.bridge():
            world.expect(50)
            world.exchange.say(json.dumps({"type": "reports", "session": "S1", "reports": world.exchange.log[:30]}))
            world.exchange.report(1)
            world.expect(51)
        assert len(world.aws.reports) == 51


class TestSnapshots:
    def test_trimmed_reports_are_covered_by_a_snapshot(self, world: World) -> None:
        world.aws.write_lease(holder="another", epoch=1, expires_at=0, session="S1", seq=5)
        world.exchange.report(100)
        world.exchange.trim(20)
        world.exchange.snapshot, world.aws.covered = SNAPSHOT, 100
        with world.bridge():
            eventually(lambda: checkpoint(world) == ("S1", 100))
            world.exchange.report(5)
            eventually(lambda: 105 in world.aws.numbers)
        assert [report for report in world.aws.reports if report.get("snapshot")] != []
        assert sorted(report["exec_id"] for report in world.aws.reports if "snapshot" in report) == sorted(
            report["exec_id"] for report in SNAPSHOT
        )
        assert checkpoint(world) == ("S1", 105)

    def test_a_new_session_begins_with_a_snapshot(self, world: World) -> None:
        world.exchange.report(100)
        with world.bridge():
            world.expect(100)
            world.exchange.snapshot, world.aws.covered = SNAPSHOT, 40
            world.exchange.begin_session("S2")
            world.exchange.report(40)
            world.exchange.disconnect()
            eventually(lambda: checkpoint(world) == ("S2", 40))
            world.exchange.report(5)
            eventually(lambda: checkpoint(world) == ("S2", 45))

    def test_what_cannot_be_sent_again_is_covered_by_a_snapshot(self, world: World) -> None:
        world.exchange.lost = {8}
        world.exchange.report(20)
        with world.bridge():
            eventually(lambda: 20 in world.aws.numbers)
            world.exchange.snapshot, world.aws.covered = SNAPSHOT, 20
            world.exchange.trim(5)
            eventually(lambda: checkpoint(world) == ("S1", 20))
        assert len(world.exchange.asked_for("snapshot")) == 1

    def test_a_first_bridge_that_comes_too_late_asks_for_a_snapshot(self, world: World) -> None:
        world.exchange.report(100)
        world.exchange.trim(20)
        world.exchange.snapshot, world.aws.covered = SNAPSHOT, 100
        with world.bridge():
            eventually(lambda: checkpoint(world) == ("S1", 100))
        assert not world.exchange.asked_for("resend")

    def test_an_exchange_that_lost_its_newest_reports_is_asked_for_a_snapshot(self, world: World) -> None:
        world.aws.write_lease(holder="another", epoch=1, expires_at=0, session="S1", seq=500)
        world.exchange.report(100)
        world.exchange.snapshot, world.aws.covered = SNAPSHOT, 100
        with world.bridge():
            eventually(lambda: checkpoint(world) == ("S1", 100))
            world.exchange.report(10)
            eventually(lambda: checkpoint(world) == ("S1", 110))

    def test_the_checkpoint_waits_until_all_of_the_snapshot_is_in_the_queue(self, world: World) -> None:
        world.aws.write_lease(holder="another", epoch=1, expires_at=0, session="S0", seq=5)
        world.exchange.report(100)
        world.exchange.snapshot, world.aws.covered = SNAPSHOT, 100
        world.aws.down = True
        with world.bridge():
            eventually(lambda: world.exchange.sent == 0 and world.aws.calls > 3)
            assert checkpoint(world) == ("S0", 5)
            world.aws.down = False
            eventually(lambda: checkpoint(world) == ("S1", 100))
            assert len([report for report in world.aws.reports if "snapshot" in report]) == len(SNAPSHOT)

    def test_a_snapshot_that_is_cut_begins_anew(self, world: World) -> None:
        world.aws.write_lease(holder="another", epoch=1, expires_at=0, session="S0", seq=5)
        world.exchange.report(100)
        world.exchange.snapshot, world.exchange.snapshot_cuts, world.aws.covered = SNAPSHOT, 2, 100
        with world.bridge():
            eventually(lambda: checkpoint(world) == ("S1", 100))
        assert {report["exec_id"] for report in world.aws.reports} == {report["exec_id"] for report in SNAPSHOT}
        assert len(world.exchange.asked_for("snapshot")) == 3


class TestQueue:
    def test_messages_that_are_refused_are_sent_again(self, world: World) -> None:
        world.aws.refuse = 30
        world.exchange.report(500)
        with world.bridge():
            world.expect(500)
        assert not world.aws.refuse
        assert len(world.aws.reports) == 500

    def test_a_lost_answer_makes_no_duplicate(self, world: World) -> None:
        world.aws.lose_answers = 3
        world.exchange.report(500)
        with world.bridge():
            world.expect(500)
        assert checkpoint(world) == ("S1", 500)
        assert not world.aws.lose_answers
        assert len(world.aws.reports) == 500

    def test_an_outage_loses_nothing(self, world: World) -> None:
        world.aws.down = True
        world.exchange.report(500)
        with world.bridge():
            eventually(lambda: world.aws.calls > 8)
            assert not world.aws.reports
            assert checkpoint(world)[1] == 0
            world.aws.down = False
            world.expect(500)
        assert checkpoint(world) == ("S1", 500)

    @pytest.mark.parametrize("trouble", ["down", "hanging"])
    def test_nothing_more_is_read_than_fits(self, world: World, trouble: str) -> None:
        setattr(world.aws, trouble, True)
        filling = "x" * 2_000
        world.exchange.report(50_000, filling=filling)  # 100 MB
        with world.bridge(lease=2):
            eventually(lambda: world.exchange.sent > 6_000)
            # What fits is 16 MB; some MB more lie in the buffers of the sockets.
            assert at_rest(lambda: world.exchange.sent) < 16_000
            setattr(world.aws, trouble, False)
            world.expect(50_000)
        assert not world.exchange.asked_for("resend")
