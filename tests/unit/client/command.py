"""Runs the command line as a user does."""

from rialto_client.cli.app import app
from typer.testing import CliRunner, Result


def rialto(*arguments: str, url: str = "http://127.0.0.1:1") -> Result:
    """Run a command against a Rialto; by default where nobody answers. Nothing but an exit code may come out."""
    result = CliRunner().invoke(app, list(arguments), env={"RIALTO_URL": url, "COLUMNS": "120"}, prog_name="rialto")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result
