"""The command line ``rialto``. It needs the extra ``cli`` of this package."""

import sys


def main() -> None:
    """Run the command line. The process ends with its exit code: 0, 1 for what failed or was refused, 2 for usage."""
    try:
        from rialto_client.cli.app import app  # noqa: PLC0415 - the package alone has neither typer nor rich
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        sys.exit("The command line needs typer and rich: pip install 'rialto-client[cli]'")
    app()
