"""`rialto profiles`: what is drawn, written, put and shown."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rialto_client.cli.generator import generate_profiles
from rialto_client.cli.universe import INSTRUMENTS, STRATEGIES, USERS

from tests.unit.client.command import rialto
from tests.unit.client.market_server import answers, problem, resets
from tests.unit.client.strategies_server import StrategiesServer

seeds = st.integers(0, 2**32)
WORKED = {"Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "L&T"]}, "Oaklee Wagner": {"STRATEGY_D": ["ACC"]}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _written(path: str = "user_profile.json") -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads(Path(path).read_text())
    return content


@given(seeds, st.integers(1, 120))
def test_users_strategies_and_instruments_are_as_many_as_they_may_be(seed: int, users: int) -> None:
    profiles = generate_profiles(Random(seed), users)

    assert len(profiles) == users
    for strategies in profiles.values():
        assert 1 <= len(strategies) <= 7
        assert set(strategies) <= set(STRATEGIES)
        for instruments in strategies.values():
            assert 1 <= len(instruments) <= 10
            assert len(set(instruments)) == len(instruments)
            assert set(instruments) <= set(INSTRUMENTS)


@given(seeds, st.integers(1, 120))
def test_all_users_of_a_strategy_trade_the_same_by_it(seed: int, users: int) -> None:
    lists: dict[str, Sequence[str]] = {}
    for strategies in generate_profiles(Random(seed), users).values():
        for strategy, instruments in strategies.items():
            assert lists.setdefault(strategy, instruments) == instruments


@given(seeds, st.integers(1, 120))
def test_a_seed_draws_the_same_again(seed: int, users: int) -> None:
    assert generate_profiles(Random(seed), users) == generate_profiles(Random(seed), users)


def test_every_number_of_strategies_and_instruments_comes_up() -> None:
    drawn = generate_profiles(Random(1), 500)
    lists = [
        one for seed in range(40) for lists in generate_profiles(Random(seed), 20).values() for one in lists.values()
    ]

    assert {len(strategies) for strategies in drawn.values()} == set(range(1, 8))
    assert {len(instruments) for instruments in lists} == set(range(1, 11))
    assert {strategy for strategies in drawn.values() for strategy in strategies} == set(STRATEGIES)
    assert {instrument for one in lists for instrument in one} == set(INSTRUMENTS)


def test_names_are_numbered_only_after_the_last_one() -> None:
    assert USERS[:2] == ("Holland Proctor", "Oaklee Wagner")
    assert all(" " in user for user in USERS)
    assert len(set(USERS)) == len(USERS) == 20
    assert set(generate_profiles(Random(1), 20)) == set(USERS)
    assert set(generate_profiles(Random(1), 22)) == {*USERS, "Holland Proctor 2", "Oaklee Wagner 2"}
    assert len(generate_profiles(Random(1), 50_000)) == 50_000


def test_three_users_are_written_unless_told_otherwise() -> None:
    result = rialto("profiles", "generate")

    assert (result.exit_code, result.stderr) == (0, "")
    profiles = _written()
    assert len(profiles) == 3
    assert Path("user_profile.json").read_text() == json.dumps(profiles, indent=4)
    rows = sum(map(len, profiles.values()))
    assert result.stdout == f"Wrote user_profile.json: 3 users with {rows} strategies in all.\n"


def test_a_seed_writes_the_same_file_again() -> None:
    for name in ("one.json", "other.json"):
        rialto("profiles", "generate", "--users", "30", "--seed", "7", "--output", name)
    rialto("profiles", "generate", "--users", "30", "--output", "third.json")

    assert _written("one.json") == _written("other.json") != _written("third.json")


def test_a_file_that_is_there_is_replaced_by_force_only() -> None:
    Path("user_profile.json").write_text("mine, and longer than nothing" * 1_000)

    refused = rialto("profiles", "generate")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "user_profile.json is there already. Give --force to replace it, or another --output.\n"
    assert Path("user_profile.json").read_text().startswith("mine")

    assert rialto("profiles", "generate", "--force").exit_code == 0
    assert len(_written()) == 3


def test_a_file_that_cannot_be_written_is_one_line() -> None:
    result = rialto("profiles", "generate", "--output", "missing/file.json")

    assert (result.exit_code, result.stderr) == (1, "missing/file.json cannot be written: No such file or directory.\n")


def test_what_is_generated_can_be_loaded_at_once(strategies: StrategiesServer) -> None:
    result = rialto("profiles", "generate", "--load", url=strategies.url)

    assert result.exit_code == 0
    assert strategies.profiles == _written()
    assert result.stdout.splitlines()[1].startswith("Loaded: users 3, rows ")


def test_json_tells_what_was_written_and_loaded(strategies: StrategiesServer) -> None:
    alone = json.loads(rialto("profiles", "generate", "--json").stdout)
    both = json.loads(rialto("profiles", "generate", "--json", "--load", "--force", url=strategies.url).stdout)

    assert (alone["file"], alone["users"], alone["loaded"]) == ("user_profile.json", 3, None)
    assert both["loaded"] == {"users": 3, "rows": both["rows"]}


def test_what_could_not_be_loaded_is_in_the_file_all_the_same(strategies: StrategiesServer) -> None:
    strategies.faults.append(answers(*problem(413, "body_too_large", "At most 4 MB are taken.")))

    result = rialto("profiles", "generate", "--load", url=strategies.url)

    assert result.exit_code == 1
    assert result.stderr == "Refused, 413: At most 4 MB are taken (request r-1). Send less at once.\n"
    assert len(_written()) == 3


def test_a_file_is_loaded_and_shown(strategies: StrategiesServer) -> None:
    Path("mine.json").write_text(json.dumps(WORKED))

    loaded = rialto("profiles", "load", "mine.json", url=strategies.url)
    as_json = rialto("profiles", "load", "mine.json", "--json", url=strategies.url)
    shown = rialto("profiles", "show", url=strategies.url)

    assert (loaded.exit_code, loaded.stdout) == (0, "Loaded: users 2, rows 2.\n")
    assert json.loads(as_json.stdout) == {"users": 2, "rows": 2}
    assert strategies.profiles == WORKED
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["user", "strategy", "instruments"],
        ["Holland", "Proctor", "STRATEGY_A", "BIRLASOFT,", "L&T"],
        ["Oaklee", "Wagner", "STRATEGY_D", "ACC"],
    ]


def test_a_lost_answer_to_a_load_is_asked_for_again(strategies: StrategiesServer) -> None:
    Path("mine.json").write_text(json.dumps(WORKED))
    strategies.faults.append(resets)

    assert rialto("profiles", "load", "mine.json", url=strategies.url).exit_code == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "mine.json cannot be read: No such file or directory. `rialto profiles generate` makes one."),
        (b"", "mine.json holds no profiles: Expecting value: line 1 column 1 (char 0)."),
        (b"\xff\xfe", "mine.json holds no profiles: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "mine.json holds no profiles: "),
        (b"[]", "mine.json holds no profiles:\n  file: Input should be a valid dictionary"),
        (b'{"A B": {"S": "ACC"}}', "mine.json holds no profiles:\n  A B.S: Input should be a valid list"),
        (b'{"A B": {"S": [1]}}', "mine.json holds no profiles:\n  A B.S.0: Input should be a valid string"),
        (b'{"A B": {}, "A B": {}}', "mine.json holds no profiles: 'A B' is in it twice."),
    ],
)
def test_a_file_that_holds_no_profiles_is_not_sent(
    strategies: StrategiesServer, content: bytes | None, told: str
) -> None:
    if content is not None:
        Path("mine.json").write_bytes(content)

    result = rialto("profiles", "load", "mine.json", url=strategies.url)

    assert (result.exit_code, result.stdout, strategies.seen) == (1, "", [])
    assert result.stderr.startswith(told)


def test_what_is_shown_as_json_can_be_loaded(strategies: StrategiesServer) -> None:
    strategies.profiles = WORKED

    Path("shown.json").write_text(rialto("profiles", "show", "--json", url=strategies.url).stdout)
    strategies.profiles = {}

    assert rialto("profiles", "load", "shown.json", url=strategies.url).exit_code == 0
    assert strategies.profiles == WORKED


def test_without_profiles_it_says_how_to_make_some(strategies: StrategiesServer) -> None:
    assert "rialto profiles generate --load" in rialto("profiles", "show", url=strategies.url).stdout
    assert json.loads(rialto("profiles", "show", "--json", url=strategies.url).stdout) == {}


def test_a_name_is_no_markup(strategies: StrategiesServer) -> None:
    strategies.profiles = {"[red]A[/] [/b]": {"[x]": ["[link]"]}}

    assert "[red]A[/] [/b]" in rialto("profiles", "show", url=strategies.url).stdout
