"""The command line signs what it asks for where that is wanted, and says what is missing."""

from pathlib import Path

import pytest

from tests.unit.client.command import rialto
from tests.unit.client.market_server import answers, problem
from tests.unit.client.signing_server import KEYS, REGION, SigningServer

DENIED = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: execute-api:Invoke"


@pytest.fixture(autouse=True)
def aws(no_credentials: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A caller with a profile that has keys."""
    keys = f"[trader]\naws_access_key_id = {KEYS.access}\naws_secret_access_key = {KEYS.secret}\n"
    (tmp_path / "credentials").write_text(keys)
    no_credentials.setenv("AWS_PROFILE", "trader")
    return no_credentials


def test_the_option_signs(gateway: SigningServer) -> None:
    assert rialto("--sign", REGION, "health", url=gateway.url).exit_code == 0


def test_the_environment_signs_and_the_option_wins(gateway: SigningServer) -> None:
    assert rialto("health", url=gateway.url, sign=REGION).exit_code == 0
    assert rialto("--sign", REGION, "health", url=gateway.url, sign="us-east-1").exit_code == 0
    assert rialto("--sign", "none", "health", url=gateway.url, sign=REGION).exit_code == 1
    assert "RIALTO_SIGN" in rialto("--help").stdout


def test_every_kind_of_command_signs(gateway: SigningServer) -> None:
    for command in (
        ["orders", "place", "buy", "DE0007664039", "1", "--wait"],
        ["positions", "--user", "Holland Proctor & Co"],
        ["signals", "produce", "--count", "2", "--interval", "0"],
        ["tour"],
    ):
        result = rialto("--sign", REGION, *command, url=gateway.url)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("given", ["queues", "yes"])
def test_what_is_no_region_is_wrong_usage(given: str) -> None:
    told = f"'{given}' is no region such as eu-central-1, and not 'none'. See `rialto --help`.\n"

    for result in (rialto("--sign", given, "health"), rialto("health", sign=given)):
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.endswith(told)
        assert result.stderr.count("\n") == 1


def test_who_has_no_credentials_is_told_what_to_do(aws: pytest.MonkeyPatch, gateway: SigningServer) -> None:
    aws.delenv("AWS_PROFILE")

    result = rialto("--sign", REGION, "health", url=gateway.url)

    assert (result.exit_code, result.stdout, gateway.seen) == (1, "", [])
    assert result.stderr == (
        "There are no AWS credentials to sign with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. "
        "`--sign none` sends requests without a signature.\n"
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            problem(403, "not_signed", "The request is not signed, or there is no such route."),
            "there is no such route (request r-1). `--sign REGION` signs it with your AWS credentials.\n",
        ),
        ((403, {"message": f"{DENIED}\n\nGET\n/"}), f"Refused, 403: {DENIED}.\n"),
        ((403, {"Message": DENIED}), f"Refused, 403: {DENIED}.\n"),
        ((403, {"message": "Missing Authentication Token"}), "else give --url.\n"),
        ((403, ["message"]), "else give --url.\n"),
    ],
)
def test_a_gateway_that_refuses_is_quoted(gateway: SigningServer, answer: tuple[int, object], told: str) -> None:
    gateway.faults.append(answers(*answer))

    result = rialto("--sign", REGION, "profiles", "show", url=gateway.url)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.replace("Else give", "else give").endswith(told)
    assert result.stderr.count("\n") == 1
