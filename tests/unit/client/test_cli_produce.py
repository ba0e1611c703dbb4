"""`rialto signals produce`: what is drawn, posted, counted and shown."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rialto_client import Client
from rialto_client.cli.display import showing
from rialto_client.cli.producer import TWICE, Produced, Tally, draw_signal, produce_signals
from rialto_client.cli.universe import INSTRUMENTS, STRATEGIES
from rich.console import Console

from tests.unit.client.command import rialto
from tests.unit.client.conftest import SHORT
from tests.unit.client.market_server import Fault, answers, hangs, hangs_up, problem, resets
from tests.unit.client.strategies_server import StrategiesServer

LAST = (STRATEGIES[-1], INSTRUMENTS[-1], "SELL")
NOBODY = ["it", "is", "valid", "for", "nobody"]


class Scripted(Random):
    """Draws what it is told to, within what it is asked for."""

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__(0)
        self.shares = list(shares)

    def randint(self, a: int, b: int) -> int:
        return min(b, a + int(self.shares.pop(0) * (b - a + 1)))


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=3))
def test_a_signal_is_drawn_from_the_universe(shares: list[float]) -> None:
    drawn = draw_signal(Scripted(shares))

    assert drawn.strategy in STRATEGIES
    assert drawn.instrument in INSTRUMENTS
    assert drawn.position in ("BUY", "SELL")


def test_two_draws_lead_to_the_last_element_and_one_to_each_other() -> None:
    # Every draw that there is, once: one more than there are elements.
    for position, values in enumerate((STRATEGIES, INSTRUMENTS, ("BUY", "SELL"))):
        drawn: Counter[str] = Counter()
        for number in range(len(values) + 1):
            shares = [0.5] * 3
            shares[position] = (number + 0.5) / (len(values) + 1)
            one = draw_signal(Scripted(shares))
            drawn[(one.strategy, one.instrument, one.position)[position]] += 1
        assert drawn == Counter({**dict.fromkeys(values, 1), values[-1]: 2})


def test_the_last_element_comes_twice_as_often() -> None:
    random = Random(1)
    signals = [draw_signal(random) for _ in range(30_000)]

    for position, count in enumerate((9, 14, 2)):
        drawn = Counter((one.strategy, one.instrument, one.position)[position] for one in signals)
        assert len(drawn) == count
        assert drawn[LAST[position]] / 30_000 == pytest.approx(2 / (count + 1), rel=0.05)


def test_lines_tell_what_became_of_each_and_the_sum_follows(strategies: StrategiesServer) -> None:
    strategies.profiles = {"A B": {strategy: list(INSTRUMENTS) for strategy in STRATEGIES}}

    result = rialto("signals", "produce", "--count", "20", "--interval", "0", "--seed", "5", url=strategies.url)

    assert (result.exit_code, result.stderr) == (0, "")
    *lines, tally = result.stdout.splitlines()
    random = Random(5)
    for number, (line, request) in enumerate(zip(lines, strategies.seen, strict=True), 1):
        drawn = draw_signal(random)
        assert request.body == {name.upper(): value for name, value in drawn.model_dump(mode="json").items()}
        outcome = ["ACCEPTED", "A", "B"] if drawn.position == "BUY" else ["REJECTED", *NOBODY]
        assert line.split() == [str(number), drawn.strategy, drawn.instrument, drawn.position, *outcome]
    accepted = sum(line.split()[4] == "ACCEPTED" for line in lines)
    assert tally == f"20 signals: {accepted} accepted, {20 - accepted} rejected, 0 errors"
    assert 0 < accepted < 20
    assert len(set(strategies.keys)) == 20


def test_of_many_users_a_line_names_the_first(strategies: StrategiesServer) -> None:
    users = [f"User {number}" for number in range(1_000)]
    strategies.faults.append(answers(200, {"RESPONSE": "ACCEPTED", "USERS": users}))

    as_lines = rialto("signals", "produce", "--count", "1", url=strategies.url)
    strategies.faults.append(answers(200, {"RESPONSE": "ACCEPTED", "USERS": users}))
    as_json = rialto("signals", "produce", "--count", "1", "--json", url=strategies.url)

    assert as_lines.stdout.splitlines()[0].endswith("ACCEPTED User 0, User 1, User 2 and 997 more")
    assert json.loads(as_json.stdout)["users"] == users


def test_two_runs_of_a_seed_have_keys_of_their_own(strategies: StrategiesServer) -> None:
    for _ in range(2):
        rialto("signals", "produce", "--count", "3", "--interval", "0", "--seed", "5", url=strategies.url)

    assert len(set(strategies.keys)) == len(strategies.signals) == 6


def test_json_is_an_object_for_each_signal(strategies: StrategiesServer) -> None:
    result = rialto("signals", "produce", "--count", "2", "--interval", "0", "--json", url=strategies.url)

    first, second = map(json.loads, result.stdout.splitlines())
    assert set(first) == {"number", "strategy", "instrument", "position", "response", "order_id", "reason", "users"}
    assert (first["number"], second["number"], second["order_id"]) == (1, 2, "signal-1")
    assert result.stderr == "2 signals: 0 accepted, 2 rejected, 0 errors\n"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (answers(200, b"not json"), "Unexpected answer"),
        (answers(200, {}), "Unexpected answer"),
        (answers(500, {"message": "Internal server error"}), "Rialto has a fault: 500"),
        (answers(502, b"<html>"), "Rialto has a fault: 502"),
        (resets, "The connection to"),
        (hangs_up, "The connection to"),
    ],
)
def test_a_post_that_fails_twice_is_an_error_and_the_next_follows(
    strategies: StrategiesServer, fault: Fault, told: str
) -> None:
    strategies.faults.extend([fault] * 2)

    result = rialto("signals", "produce", "--count", "3", "--interval", "0", url=strategies.url)

    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert [line.split()[4] for line in lines[:3]] == ["ERROR", "REJECTED", "REJECTED"]
    assert told in lines[0]
    assert lines[3] == "3 signals: 0 accepted, 2 rejected, 1 errors"
    assert strategies.keys[0] == strategies.keys[1]
    assert len(set(strategies.keys)) == len(strategies.signals) == 3


@pytest.mark.parametrize("fault", [resets, answers(503), answers(200, {"ORDER_ID": "o"})])
def test_a_lost_answer_is_fetched_by_a_second_post_with_its_key(strategies: StrategiesServer, fault: Fault) -> None:
    strategies.faults.append(fault)

    result = rialto("signals", "produce", "--count", "1", "--interval", "0", url=strategies.url)

    assert result.exit_code == 0
    assert len(strategies.seen) == 2
    assert len(strategies.signals) == 1


def test_an_answer_of_error_is_an_error_and_is_not_asked_for_again(strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(500, {"RESPONSE": "ERROR", "ORDER_ID": "o", "REASON": "It will be completed."}))

    result = rialto("signals", "produce", "--count", "2", "--interval", "0", url=strategies.url)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].endswith("ERROR    It will be completed.")
    assert len(strategies.seen) == 2


def test_a_post_that_is_refused_is_not_sent_again(strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(*problem(409, "conflict", "Not now.")))

    rialto("signals", "produce", "--count", "2", "--interval", "0", url=strategies.url)

    assert len(strategies.seen) == 2


def test_when_no_post_has_an_answer_the_reason_is_told_at_the_end() -> None:
    result = rialto("signals", "produce", "--count", "2", "--interval", "0")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "2 signals: 0 accepted, 0 rejected, 2 errors"
    assert result.stderr == "Nothing answers at http://127.0.0.1:1. Start Rialto with `make up`, or give --url.\n"


@pytest.mark.anyio
async def test_a_post_that_hangs_is_an_error_and_the_next_follows(strategies: StrategiesServer) -> None:
    strategies.faults.extend([hangs, hangs])
    async with Client(strategies.url, timeout=SHORT, retries=TWICE) as client:
        produced = [one async for one in produce_signals(client, strategies.url, Random(1), 2, 0)]

    assert [one.response for one in produced] == ["ERROR", "REJECTED"]
    assert produced[0].reason == f"No answer from {strategies.url} in time. Try again."


@pytest.mark.anyio
async def test_posts_keep_their_interval_and_none_follows_the_last(strategies: StrategiesServer) -> None:
    clock = asyncio.get_running_loop().time
    async with Client(strategies.url) as client:
        started = clock()
        moments = [clock() - started async for _ in produce_signals(client, strategies.url, Random(1), 3, 0.3)]
        ended = clock() - started

    assert moments[1] >= 0.3
    assert moments[2] >= 0.6
    assert ended - moments[2] < 0.2


def test_ctrl_c_ends_with_the_sum(strategies: StrategiesServer) -> None:
    # As in a terminal: what runs in the background of a shell, as these tests may, inherits a SIGINT that is ignored.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from rialto_client.cli import main; main()"
    source = Path(__file__).parents[3] / "client" / "src"
    command = [sys.executable, "-B", "-c", program, "--url", strategies.url, "signals", "produce"]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, faults = process.communicate(timeout=20)

    assert first.split()[0] == "1"
    assert rest == "1 signals: 0 accepted, 1 rejected, 0 errors\n"
    assert (process.returncode, faults) == (130, "")


def test_on_a_terminal_the_last_signals_are_a_live_table() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=10, _environ={"TERM": "xterm"})
    tally = Tally()

    with showing(tally, 8, console, as_json=False) as show:
        for number in range(1, 8):
            produced = Produced(number, f"STRATEGY_{number}", "L&T", "BUY", "ACCEPTED", users=["[b]A[/b]"])
            tally.add(produced)
            show(produced)

    # What is left on the screen: as many signals as it has room for.
    left = output.getvalue().rsplit("instrument", 1)[1]
    assert [number for number in range(1, 8) if f"STRATEGY_{number}" in left] == [3, 4, 5, 6, 7]
    assert "[b]A[/b]" in left
    assert "7 signals: 7 accepted, 0 rejected, 0 errors (of 8)" in left
