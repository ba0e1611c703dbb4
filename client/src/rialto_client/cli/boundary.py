"""Where every fault becomes a line on standard error and an exit code."""

import os
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

DEBUG = "RIALTO_DEBUG"
"""The environment variable that shows where a fault of the command line itself is."""


class Failure(typer.TyperException):
    """Raised when a command cannot do what it is for. The message says why, and what to do."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Commands(TyperGroup):
    """The root of the commands. Nobody sees a traceback who did not ask for it."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run a command and end with its exit code."""
        options["standalone_mode"] = False
        try:
            code = super().main(*args, **options)
        except typer.TyperException as error:
            code = error.exit_code
            _tell(_line(error))
        except typer.Abort:
            code = 1
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            code = 1
            _tell(f"A fault of the command line itself: {type(error).__name__}: {error} ({DEBUG}=1 shows where)")
        sys.exit(code or 0)


def _tell(message: str) -> None:
    if message:
        typer.echo(message, err=True)


def _line(error: typer.TyperException) -> str:
    """Return what to tell of a fault. What typer finds wrong with the usage has choices in lines of their own."""
    if isinstance(error, Failure):
        return error.format_message()
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    if not message:  # The help was shown instead.
        return ""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "rialto"
    return f"{message}{'' if message[-1] in '.?!' else '.'} See `{path} --help`."
