"""`rialto exchange`: the switches of the local exchange."""

import json

import pytest

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto
from tests.unit.client.market_server import answers, problem
from tests.unit.client.operations_server import NORMAL, OperationsServer


def test_how_it_behaves(operations: OperationsServer) -> None:
    result = rialto("exchange", url=operations.url)
    as_json = rialto("exchange", "--json", url=operations.url)

    assert (result.exit_code, result.stdout) == (0, "The exchange is normal: every order is taken.\n")
    assert json.loads(as_json.stdout) == NORMAL
    assert {request.method for request in operations.seen} == {"GET"}


@pytest.mark.parametrize(
    ("arguments", "control"),
    [
        (["down"], {"mode": "down"}),
        (["slow", "--delay", "2", "--count", "10"], {"mode": "slow_before", "delay": 2.0, "count": 10}),
        (["fail-before"], {"mode": "fail_before"}),
        (["fail-after", "--probability", "0.3"], {"mode": "fail_after", "probability": 0.3}),
        (["normal"], {"mode": "normal"}),
    ],
)
def test_it_does_what_it_is_told(
    operations: OperationsServer, arguments: list[str], control: dict[str, object]
) -> None:
    operations.control = NORMAL | {"mode": "slow_after", "refuse": ["US0378331005"]}

    result = rialto("exchange", *arguments, "--json", url=operations.url)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == operations.control == NORMAL | control


def test_what_is_shown_is_all_that_matters(operations: OperationsServer) -> None:
    slow = rialto("exchange", "slow", "--delay", "2.5", "--count", "3", "--probability", "0.5", url=operations.url)
    operations.control = NORMAL | {"refuse": ["US0378331005"], "operations": ["place"]}
    refusing = rialto("exchange", url=operations.url)

    assert [line.split() for line in slow.stdout.splitlines()] == [
        ["The", "exchange", "is", "slow-before:", "what", "is", "asked", "is", "done", "late."],
        ["probability", "0.5"],
        ["delay", "2.5", "s"],
        ["requests", "until", "normal", "3"],
        ["`rialto", "exchange", "normal`", "ends", "it."],
    ]
    assert "  only for  place\n  refuses   US0378331005\n" in refusing.stdout


@pytest.mark.parametrize("answer", [None, (403, {"message": "Missing Authentication Token"})])
@pytest.mark.parametrize("arguments", [[], ["down"]])
def test_there_may_be_none(
    operations: OperationsServer, answer: tuple[int, object] | None, arguments: list[str]
) -> None:
    operations.control = None
    if answer:
        operations.faults.append(answers(*answer))

    result = rialto("exchange", *arguments, url=operations.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "This deployment has no local exchange.\n"


def test_what_it_cannot_do_is_told(operations: OperationsServer) -> None:
    operations.faults.append(answers(*problem(422, "invalid_control", "delay: Input should be finite")))

    result = rialto("exchange", "slow", "--delay", "1", url=operations.url)

    assert (result.exit_code, result.stderr[:49]) == (1, "Refused, 422: delay: Input should be finite (requ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sleepy"], "'sleepy' is not one of 'normal', 'down', 'slow', 'fail-before', 'fail-after'."),
        (["down", "--probability", "1.1"], "less than or equal to 1."),
        (["down", "--count", "0"], "greater than or equal to 1."),
        (["slow", "--delay", "-1"], "greater than or equal to 0."),
        (["--count", "3"], "--count: there is no fault that it could say more of"),
        (["normal", "--delay", "3"], "give down, slow, fail-before or fail-after."),
    ],
)
def test_wrong_usage_is_one_line_and_2(operations: OperationsServer, arguments: list[str], told: str) -> None:
    result = rialto("exchange", *arguments, url=operations.url)

    assert (result.exit_code, result.stdout, operations.seen) == (2, "", [])
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_help_has_examples_and_80_columns_suffice(operations: OperationsServer) -> None:
    assert_explains_itself("exchange")
    operations.control = NORMAL | {"mode": "slow_after", "probability": 0.123456789, "count": 10**9}

    assert_fits(rialto("exchange", url=operations.url, columns=80))
