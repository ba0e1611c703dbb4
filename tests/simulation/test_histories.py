"""No history of the seeds that belong to the suite breaks a rule, and every kind of fault strikes in them."""

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.faults import KINDS
from tests.simulation.run import Case, Report, live, read_case
from tests.simulation.simulate import tell_of

ROOT = Path(__file__).parents[2]
BLOCKS, SEEDS = 12, 25


@cache
def lived_through(block: int) -> list[Report]:
    return [live(Case(seed)) for seed in range(block * SEEDS, (block + 1) * SEEDS)]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_history_breaks_a_rule(block: int) -> None:
    for report in lived_through(block):
        if report.violation is not None:
            pytest.fail(tell_of(report), pytrace=False)


def test_every_kind_of_fault_strikes() -> None:
    counts: Counter[str] = Counter()
    for block in range(BLOCKS):
        for report in lived_through(block):
            counts += report.faults
    assert len(KINDS) >= 25
    assert not [kind for kind in KINDS if not counts[kind]]


def story_of(case: Case, hash_seed: str) -> bytes:
    command = [sys.executable, "-m", "tests.simulation.simulate", "--replay", case.text]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("seed", [1, 23])
def test_story_of_a_seed_is_the_same_to_the_byte_in_every_process(seed: int) -> None:
    story = story_of(Case(seed), "1")
    assert story == story_of(Case(seed), "2")
    assert story.count(b"\n") > 100


def test_case_in_one_line_is_the_same_case() -> None:
    case = Case(7, frozenset({3, 1}), frozenset({"table.slow@sweep 1/2"}), 40)
    assert read_case(case.text) == case


def test_client_that_is_left_out_leaves_the_others_as_they_were() -> None:
    whole = live(Case(23))
    without = live(Case(23, clients=frozenset(whole.clients[1:])))
    assert without.clients == whole.clients[1:]
    assert without.violation is None


def test_faults_that_are_left_out_do_not_strike_and_the_others_do() -> None:
    kept = live(Case(23)).struck[:3]
    report = live(Case(23, faults=frozenset(kept)))
    assert report.struck == kept
