"""`rialto queues`, `dead-letters`, `invariants`, `health`: what the people on call see and do."""

import json

import pytest
from rialto_client.cli import operations as commands

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto, words
from tests.unit.client.market_server import MOMENT, answers, resets
from tests.unit.client.operations_server import LATER, OperationsServer, checked

ID = "0193a1c0-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_PAUSE", 0.0)
    monkeypatch.setattr(commands, "_POLL", 0.01)


def test_queues_and_where_to_look(operations: OperationsServer) -> None:
    operations.bury(3)

    lines = words(rialto("queues", url=operations.url))
    as_json = json.loads(rialto("queues", "--json", url=operations.url).stdout)

    assert lines[0] == ["queue", "waiting", "in", "flight", "oldest", "dead", "letters"]
    assert lines[1:3] == [
        ["placements", "2", "1", "1.6", "min", "3"],
        ["hand-over", "2", "1", "1.6", "min", "0"],
    ]
    assert lines[3][-4:] == ["rialto", "dead-letters", "list", "placements"]
    assert as_json["queues"][0]["oldest_age_seconds"] == 95.4


def test_dead_letters_have_their_reason(operations: OperationsServer) -> None:
    operations.bury(11, order_id=ID, order_status="PENDING_NEW", attempts=20, dead_lettered_at=MOMENT)

    lines = words(rialto("dead-letters", "list", "placements", url=operations.url))
    as_json = json.loads(rialto("dead-letters", "list", "placements", "--json", url=operations.url).stdout)

    assert lines[0] == ["sent", "reason", "attempts", "order", "status", "order", "or", "body", "message"]
    assert lines[1][2:] == ["unavailable", "20", "PENDING_NEW", ID, "m-0"]
    assert " ".join(lines[-1]) == "10 of 11. The way back: rialto dead-letters redrive placements"
    assert (as_json["count"], as_json["letters"][0]["body"]) == (11, "{}")


def test_a_letter_without_an_order_has_its_reason_too_and_shows_its_beginning(operations: OperationsServer) -> None:
    operations.bury(1, reason="not_matched", body='{"artwork_id": 42}' + "." * 100)

    assert words(rialto("dead-letters", "list", "placements", url=operations.url))[1][2:] == [
        "not_matched",
        '{"artwork_id":',
        "42}" + "." * 18,
        "m-0",
    ]


def test_no_dead_letters(operations: OperationsServer) -> None:
    for command in ("list", "redrive"):
        result = rialto("dead-letters", command, "hand-over", url=operations.url)
        assert (result.exit_code, result.stdout) == (0, "hand-over has no dead letters.\n")


@pytest.mark.parametrize("command", ["list", "redrive"])
def test_an_unknown_queue_is_told_those_that_there_are(operations: OperationsServer, command: str) -> None:
    result = rialto("dead-letters", command, "placement", url=operations.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no queue 'placement'. There are: placements, hand-over" in result.stderr


def test_a_redrive_goes_on_while_letters_are_left(operations: OperationsServer) -> None:
    operations.bury(7)
    operations.at_once = 3

    result = rialto("dead-letters", "redrive", "placements", url=operations.url)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["3 moved back, 4 left.", "6 moved back, 1 left.", "7 moved back, 0 left."]


def test_a_redrive_as_json_is_told_once(operations: OperationsServer) -> None:
    operations.bury(7)
    operations.at_once = 3

    result = rialto("dead-letters", "redrive", "placements", "--json", url=operations.url)

    assert json.loads(result.stdout) == {"queue": "placements", "redriven": 7, "remaining": 0}


def test_letters_that_do_not_move_end_it(operations: OperationsServer) -> None:
    operations.bury(7)
    operations.at_once = 0

    result = rialto("dead-letters", "redrive", "placements", url=operations.url)

    assert (result.exit_code, result.stdout, len(operations.seen)) == (1, "", 5)
    assert result.stderr.startswith(
        "7 dead letters are left, or are there again: `rialto dead-letters list placements`"
    )


def test_letters_that_come_back_at_once_do_not_keep_it_going_for_ever(operations: OperationsServer) -> None:
    operations.faults.extend([answers(200, {"queue": "placements", "redriven": 2, "remaining": 3})] * 9)

    result = rialto("dead-letters", "redrive", "placements", "--json", url=operations.url)

    assert (result.exit_code, len(operations.seen)) == (1, 3)
    assert json.loads(result.stdout) == {"queue": "placements", "redriven": 6, "remaining": 3}


def test_a_lost_answer_to_a_redrive_is_asked_for_again(operations: OperationsServer) -> None:
    operations.bury(7)
    operations.faults.append(resets)

    assert rialto("dead-letters", "redrive", "placements", url=operations.url).exit_code == 0
    assert operations.letters["placements"] == []


def test_sound_invariants(operations: OperationsServer) -> None:
    result = rialto("invariants", url=operations.url)

    lines = words(result)
    assert lines[0] == ["invariant", "checked", "in", "flight", "violations"]
    assert lines[1:3] == [["no_book_is_crossed", "1200", "3", "0"], ["trades_are_valid", "7", "0", "0"]]
    assert lines[3][0] + lines[3][-2] + lines[3][-1] == "Asnoviolations."


def test_a_violation_is_named_and_1(operations: OperationsServer) -> None:
    operations.checks[0] = checked(MOMENT, "artwork 42", "artwork 7")

    result = rialto("invariants", url=operations.url)
    as_json = rialto("invariants", "--json", url=operations.url)

    assert (result.exit_code, result.stderr) == (1, "")
    assert "  no_book_is_crossed: artwork 42\n  no_book_is_crossed: artwork 7\n" in result.stdout
    assert result.stdout.endswith(": 2 violations.\n")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["invariants"][0]["violations"] == ["artwork 42", "artwork 7"]


def test_before_the_first_check_has_ended(operations: OperationsServer) -> None:
    operations.checks[0] = checked(None, complete=False)
    assert "`rialto invariants --run` does it now" in rialto("invariants", url=operations.url).stdout

    operations.checks[0] = checked(MOMENT, complete=False)
    assert ", so far: no violations." in rialto("invariants", url=operations.url).stdout


@pytest.mark.parametrize("meanwhile", [checked(), checked(LATER, complete=False), checked(None, complete=False)])
def test_a_run_is_waited_for(operations: OperationsServer, meanwhile: dict[str, object]) -> None:
    operations.checks.clear()
    operations.checks.extend([checked(LATER, complete=False), meanwhile, meanwhile, checked(LATER, "artwork 42")])

    result = rialto("invariants", "--run", "--json", url=operations.url)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["as_of"] == "2026-11-21T12:05:00Z"
    methods = [request.method for request in operations.seen]
    assert methods == ["POST", "GET", "GET", "GET"]


def test_a_run_that_ends_at_once_needs_no_waiting(operations: OperationsServer) -> None:
    operations.checks[0] = checked(LATER)

    assert rialto("invariants", "--run", url=operations.url).exit_code == 0
    assert len(operations.seen) == 1


def test_waiting_for_a_run_has_an_end(operations: OperationsServer) -> None:
    """What GET shows meanwhile is of the run before."""
    operations.checks.appendleft(checked(LATER, complete=False))

    result = rialto("invariants", "--run", "--timeout", "0.1", url=operations.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("The check goes on after 0.1 s: `rialto invariants` shows it")


def test_good_health_and_bad(operations: OperationsServer) -> None:
    good = rialto("health", url=operations.url)
    operations.tables["operations"] = "ClientError"
    bad = rialto("health", url=operations.url)
    as_json = rialto("health", "--json", url=operations.url)

    assert words(good)[1:3] == [["broker_orders", "ok"], ["operations", "ok"]]
    assert good.stdout.endswith(f"Rialto at {operations.url} is ok.\n")
    assert (bad.exit_code, bad.stderr) == (1, "")
    assert bad.stdout.endswith(f"Rialto at {operations.url} is unavailable.\n")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["tables"]["operations"] == "ClientError"


@pytest.mark.parametrize(
    "command",
    [["queues"], ["dead-letters", "list", "q"], ["dead-letters", "redrive", "q"], ["invariants", "--run"], ["health"]],
)
def test_where_nobody_answers_it_says_what_to_do(command: list[str]) -> None:
    result = rialto(*command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Nothing answers at http://127.0.0.1:1.")


def test_help_has_examples_and_80_columns_suffice(operations: OperationsServer) -> None:
    for command in (["queues"], ["dead-letters", "list"], ["dead-letters", "redrive"], ["invariants"], ["health"]):
        assert_explains_itself(*command)
    letter = {"order_id": ID, "order_status": "PENDING_CANCEL", "attempts": 10_000, "reason": "RetryAttemptsExhausted"}
    operations.bury(1_200, **letter)
    operations.checks[0] = checked(MOMENT, ID)

    for command in (["queues"], ["dead-letters", "list", "placements"], ["invariants"], ["health"]):
        result = rialto(*command, url=operations.url, columns=80)
        assert_fits(result)
        assert command[0] in ("queues", "health") or ID in result.stdout
    assert_fits(rialto("dead-letters", "redrive", "placements", url=operations.url, columns=80))
