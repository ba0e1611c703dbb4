"""Who leads, and what becomes of it when a bridge dies, freezes, is cut off or is told to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import pytest

from tests.unit.bridge.world import World, eventually, terminate


@contextmanager
def a_steady_stream(world: World) -> Iterator[None]:
    """Reports come all the time."""
    over = Event()

    def flow() -> None:
        while not over.wait(0.01):
            world.exchange.report(20)

    stream = Thread(target=flow)
    stream.start()
    try:
        yield
    finally:
        over.set()
        stream.join()


def checkpoint(world: World) -> int:
    return int(world.aws.lease().get("seq", 0))


def is_beyond(world: World, seq: int) -> bool:
    return checkpoint(world) > seq


def leads(world: World, holder: str) -> bool:
    return world.aws.lease().get("holder") == holder


class TestCrashes:
    def test_killed_at_any_moment_nothing_is_lost(self, world: World) -> None:
        asked = []
        with a_steady_stream(world):
            for holder in ("one", "two", "three"):
                process = world.start_process(holder)
                eventually(partial(leads, world, holder), f"{holder} leads")
                before = checkpoint(world)
                eventually(partial(is_beyond, world, before + 100), "it comes on")
                asked.append(len(world.exchange.asked_for("resume")))
                process.kill()
                process.wait()
        world.start_process("four")
        world.expect(world.exchange.last)
        eventually(lambda: checkpoint(world) == world.exchange.last)
        for kills, before_it in enumerate(asked, 1):
            later = world.exchange.asked_for("resume")[before_it:]
            assert all(frame["session"] == "S1" and frame["after"] > 100 * kills for frame in later)

    def test_killed_with_reports_that_the_queue_did_not_take(self, world: World) -> None:
        world.exchange.report(100)
        process = world.start_process("one", lease=5)
        world.expect(100)
        eventually(lambda: checkpoint(world) == 100)
        world.aws.down = True
        world.exchange.report(100)
        calls = world.aws.calls
        eventually(lambda: world.exchange.reached == 200 and world.aws.calls > calls)
        process.kill()
        process.wait()
        world.aws.down = False
        world.start_process("two")
        world.expect(200)
        assert world.exchange.asked_for("resume")[1]["after"] == 100

    def test_a_standby_does_not_read_and_takes_over(self, world: World) -> None:
        leader = world.start_process("one", lease=5)
        eventually(lambda: leads(world, "one"))
        with world.bridge("two", lease=5):
            world.exchange.report(100)
            world.expect(100)
            assert len(world.exchange.asked_for("resume")) == 1
            leader.kill()
            eventually(lambda: leads(world, "two"))
            world.exchange.report(100)
            world.expect(200)
        assert world.aws.lease()["epoch"] == 2


class TestFencing:
    def test_a_leader_that_was_frozen_does_nothing_more(self, world: World) -> None:
        frozen = world.start_process("one")
        world.exchange.report(100)
        world.expect(100)
        eventually(lambda: checkpoint(world) == 100)
        frozen.send_signal(signal.SIGSTOP)
        with world.bridge("two", lease=5):
            eventually(lambda: world.exchange.connections == 2)
            world.exchange.report(100)
            world.expect(200)
            eventually(lambda: checkpoint(world) == 200)
            frozen.send_signal(signal.SIGCONT)
            eventually(lambda: world.exchange.connections == 1)
            world.exchange.report(100)
            world.expect(300)
            logged = [line["message"] for line in terminate(frozen)]
            assert "deposed" in logged
            # It had the second hundred in its socket when it woke up.
            assert len(world.aws.reports) == 300
            assert world.aws.lease()["holder"] == "two"

    def test_who_cannot_renew_stops_and_begins_again(self, world: World) -> None:
        world.exchange.report(100)
        with world.bridge(lease=5):
            world.expect(100)
            world.aws.table_down = True
            eventually(lambda: not world.exchange.connections)
            calls = world.aws.calls
            world.exchange.report(100)
            assert world.aws.calls == calls
            world.aws.table_down = False
            world.expect(200)
            assert world.aws.lease()["epoch"] == 2

    def test_a_queue_that_hangs_does_not_cost_the_lease(self, world: World) -> None:
        world.exchange.report(100)
        world.aws.hanging = True
        with world.bridge(lease=5):
            eventually(lambda: world.aws.calls > 3)
            until = world.aws.lease()["expires_at"]
            eventually(lambda: world.aws.lease()["expires_at"] > until + 2)
            world.aws.hanging = False
            world.expect(100)
            assert world.aws.lease()["epoch"] == 1


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_leader_leaves_in_good_order(self, world: World, number: int) -> None:
        process = world.start_process("one", lease=600)
        with a_steady_stream(world):
            eventually(lambda: len(world.aws.numbers) > 1_000)
            logged = terminate(process, number)
        assert [line["message"] for line in logged][-2:] == ["lease released", "stopped"]
        assert world.aws.lease()["expires_at"] == 0
        assert checkpoint(world) == max(world.aws.numbers)
        # With a lease of 10 minutes, this one would wait.
        with world.bridge("two"):
            world.expect(world.exchange.last)
        assert len(world.aws.reports) == world.exchange.last

    def test_a_queue_that_is_down_does_not_keep_it(self, world: World) -> None:
        process = world.start_process("one", lease=600)
        world.exchange.report(100)
        world.expect(100)
        world.aws.down = True
        world.exchange.report(100)
        eventually(lambda: world.exchange.reached == 200)
        terminate(process)
        assert (checkpoint(world), world.aws.lease()["expires_at"]) == (100, 0)

    def test_a_release_that_fails_is_tried_again(self, world: World) -> None:
        process = world.start_process("one", lease=600)
        eventually(lambda: leads(world, "one"))
        world.aws.lose_writes = 1
        logged = [line["message"] for line in terminate(process)]
        assert logged[-3:] == ["lease not released", "lease released", "stopped"]
        assert world.aws.lease()["expires_at"] == 0

    def test_a_first_try_that_fails_does_not_cost_a_part_of_a_long_lease(self, world: World) -> None:
        world.aws.lose_writes = 1
        with world.bridge("one", lease=600):
            eventually(lambda: leads(world, "one"))

    def test_a_standby_leaves_without_a_trace(self, world: World) -> None:
        world.aws.write_lease(holder="another", epoch=7, expires_at=2**40, session="S1", seq=5)
        before = world.aws.lease()
        process = world.start_process("two", lease=1)
        tries = world.aws.tries
        eventually(lambda: world.aws.tries > tries + 2)
        assert [line["message"] for line in terminate(process)] == ["started", "stopped"]
        assert world.aws.lease() == before
        assert not world.exchange.asked

    def test_a_standby_without_a_table_goes_on_trying(self, world: World) -> None:
        world.aws.table_down = True
        with world.bridge():
            tries = world.aws.tries
            eventually(lambda: world.aws.tries > tries + 2)
            world.aws.table_down = False
            eventually(lambda: leads(world, "one"))
