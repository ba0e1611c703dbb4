"""Runs the command line as a user does."""

import shlex

from rialto_client.cli.app import app
from typer.testing import CliRunner, Result


def rialto(
    *arguments: str,
    url: str = "http://127.0.0.1:1",
    columns: int = 120,
    user: str | None = None,
    sign: str | None = None,
) -> Result:
    """Run a command against a Rialto; by default where nobody answers. Nothing but an exit code may come out."""
    environment = {"RIALTO_URL": url, "COLUMNS": str(columns), "RIALTO_USER": user, "RIALTO_SIGN": sign}
    result = CliRunner().invoke(app, list(arguments), env=environment, prog_name="rialto")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def words(result: Result) -> list[list[str]]:
    """Return what a command that was done has written, line by line and word by word."""
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return [line.split() for line in result.stdout.splitlines()]


def assert_fits(result: Result, columns: int = 80) -> None:
    """Check that no line is longer than a narrow terminal is wide."""
    too_long = [line for line in result.output.splitlines() if len(line) > columns]
    assert not too_long, too_long


def assert_explains_itself(*command: str) -> None:
    """Check that the help has room, and examples that are commands with options that there are."""
    result = rialto(*command, "--help", columns=80)
    assert result.exit_code == 0
    assert_fits(result)
    _, found, told = result.stdout.partition("Examples:")
    assert found, result.stdout
    examples = [line.strip() for line in told.splitlines() if line.strip()]
    assert examples
    for example in examples:
        typed = shlex.split(example.partition(" > ")[0])
        start = typed.index("rialto")
        assert all("=" in variable for variable in typed[:start])
        if start + 1 < len(typed) and not typed[start + 1].startswith("-"):
            assert typed[start + 1 : start + 1 + len(command)] == list(command) or not command, example
        assert rialto(*typed[start + 1 :], "--help").exit_code == 0, example
