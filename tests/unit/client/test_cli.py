"""The command line as such: which Rialto it asks, what it tells of faults, and its exit codes."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from rialto_client import NotFoundError, Problem, UnavailableError
from rialto_client.cli import target
from rialto_client.cli.app import app
from rialto_client.cli.faults import describe
from rialto_client.errors import refusal
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto
from tests.unit.client.market_server import Fault, answers, hangs_up, problem, resets
from tests.unit.client.strategies_server import StrategiesServer

GROUPS = [(), ("market",), ("orders",), ("signals",), ("profiles",), ("dead-letters",)]
URL = "http://rialto.example"


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL where nobody answers."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


def _leaves(group: TyperGroup, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _leaves(command, *path, name)
        else:
            yield (*path, name)


ROOT = get_command(app)
assert isinstance(ROOT, TyperGroup)
LEAVES = list(_leaves(ROOT))


def test_there_are_all_commands() -> None:
    assert len(LEAVES) == 29


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_explains_itself_and_has_json(command: tuple[str, ...]) -> None:
    assert_explains_itself(*command)

    told = rialto(*command, "--help").stdout
    assert f"Usage: rialto {' '.join(command)}" in told
    assert "--json" in told


def test_the_whole_explains_itself() -> None:
    assert_explains_itself()


@pytest.mark.parametrize("group", GROUPS[1:])
def test_every_group_explains_itself(group: tuple[str, ...]) -> None:
    result = rialto(*group, "--help", columns=80)

    assert result.exit_code == 0
    assert_fits(result)


@pytest.mark.parametrize("command", GROUPS)
def test_a_group_alone_shows_its_commands(command: tuple[str, ...]) -> None:
    result = rialto(*command)

    assert (result.exit_code, result.stderr) == (2, "")
    assert "Commands" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["profils"], "No such command 'profils'. Did you mean 'profiles'? See `rialto --help`."),
        (["--nope"], "No such option: --nope. See `rialto --help`."),
        (["signals", "send", "S", "I"], "Missing argument 'BUY|SELL'. Choose from: BUY, SELL."),
        (
            ["signals", "send", "S", "I", "HOLD"],
            "'HOLD' is not one of 'BUY', 'SELL'. See `rialto signals send --help`.",
        ),
        (["signals", "send", "S", "I", "BUY", "--key", ""], "1 to 255 printable ASCII characters."),
        (["signals", "send", "S", "I", "BUY", "--key", "k", "--dry-run"], "takes no key."),
        (["signals", "produce", "--count", "0"], "'--count': Input should be greater than or equal to 1."),
        (["profiles", "generate", "--users", "50001"], "'--users': Input should be less than or equal to 50000."),
        (["--url", "localhost:8080", "profiles", "show"], "is no http or https URL. Give another --url"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str], told: str) -> None:
    result = rialto(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [["profiles", "show"], ["signals", "send", "S", "I", "BUY"], ["signals", "send", "S", "I", "SELL", "--json"]],
)
def test_where_nobody_answers_it_says_what_to_do(nobody: str, command: list[str]) -> None:
    result = rialto(*command, url=nobody)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Nothing answers at {nobody}. Start Rialto with `make up`, or give --url.\n"


def test_the_option_wins_over_the_environment(strategies: StrategiesServer, nobody: str) -> None:
    assert rialto("--url", strategies.url, "profiles", "show", url=nobody).exit_code == 0
    assert rialto("--url", nobody, "profiles", "show", url=strategies.url).exit_code == 1


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_url_is_the_local_one(
    strategies: StrategiesServer, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    asked = []
    monkeypatch.setattr(target.Target, "ask", lambda self, _: asked.append(self.url))

    rialto("signals", "produce", "--count", "1", url=empty)

    assert asked == ["http://127.0.0.1:8080"]


def test_what_is_refused_is_told_field_by_field(strategies: StrategiesServer) -> None:
    errors = [{"loc": ["body", f"field{number}"], "msg": "Input is bad", "type": "bad"} for number in range(25)]
    strategies.faults.append(answers(*problem(422, "validation_failed", "The request is not valid.", errors=errors)))

    result = rialto("signals", "send", "S", "I", "BUY", url=strategies.url)

    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[0] == "Refused, 422: The request is not valid (request r-1)."
    assert lines[1] == "  body.field0: Input is bad"
    assert lines[20:] == ["  body.field19: Input is bad", "  … and 5 more"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (answers(*problem(409, "conflict", "Another was faster.")), "Refused, 409: Another was faster .* try again."),
        (answers(413, {"message": "Request Too Long"}), r"Refused, 413: .+\. Send less at once\."),
        (answers(403, {"message": "Missing Authentication Token"}), r"does not know this \(403\)"),
        (answers(418), "Refused, 418: I'm a Teapot."),
        (answers(499), "Refused, 499: no reason given."),
    ],
)
def test_a_refusal_says_what_to_do(strategies: StrategiesServer, fault: Fault, told: str) -> None:
    strategies.faults.append(fault)

    result = rialto("profiles", "show", url=strategies.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert re.search(told, result.stderr)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (answers(500, {"message": "Internal server error"}), "Rialto has a fault: 500."),
        (answers(*problem(503, "busy", "Others changed it.")), "Rialto has a fault: 503 busy T: Others changed it."),
        (answers(429), "Too many requests"),
        (answers(200, b"<html>"), "Unexpected answer from "),
        (answers(200, {"A B": ["not lists"]}), "Unexpected answer from "),
        (resets, "The connection to "),
        (hangs_up, "The connection to "),
    ],
)
def test_no_answer_that_decides_is_one_line(strategies: StrategiesServer, fault: Fault, told: str) -> None:
    strategies.faults.extend([fault] * 3)

    result = rialto("profiles", "show", url=strategies.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(told)
    assert result.stderr.count("\n") == 1
    assert len(strategies.seen) == 3


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rialto ma", "market"),
        ("rialto dead-letters re", "redrive"),
        ("rialto orders list --status EX", "EXPIRED"),
        ("rialto exchange fail-b", "fail-before"),
    ],
)
def test_a_shell_can_complete(typed: str, offered: str) -> None:
    environment = {"_RIALTO_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    result = CliRunner().invoke(app, [], env=environment, prog_name="rialto")

    assert result.stdout.split() == [offered]


@pytest.mark.parametrize("cause", [httpx.ReadTimeout("slow"), TimeoutError()])
def test_a_time_out_is_called_so(cause: Exception) -> None:
    error = UnavailableError("gave up", 3)
    error.__cause__ = cause

    assert describe(error, URL) == f"No answer from {URL} in time. Try again."


def test_a_certificate_that_is_not_trusted_is_no_missing_server() -> None:
    error = UnavailableError("gave up", 1, connected=False)
    error.__cause__ = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    assert "self-signed" in describe(error, URL)


def test_a_long_detail_is_cut() -> None:
    error = refusal(Problem(status=422, detail="body.name, " * 1_000, code="validation_failed"))

    assert len(describe(error, URL)) < 500


def test_a_missing_thing_is_not_a_missing_route() -> None:
    error = refusal(Problem(status=404, detail="There is no order 7.", code="not_found"))

    assert isinstance(error, NotFoundError)
    assert describe(error, URL) == "Refused, 404: There is no order 7."


def test_a_fault_of_ours_is_one_line_unless_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(target.Target, "ask", fail)

    result = rialto("profiles", "show")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("A fault of the command line itself: KeyError: 'lost'")

    monkeypatch.setenv("RIALTO_DEBUG", "1")
    with pytest.raises(AssertionError, match="lost"):
        rialto("profiles", "show")
