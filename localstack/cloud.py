"""The commands behind `make up`, `down`, `clean` and `logs`."""

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from botocore.exceptions import BotoCoreError, ClientError
from cloud_session import isolate_environment
from deployment import Deployment, start, stop, wipe
from function_logs import follow_logs, print_logs
from instance import Instance, SetupError
from market_tour import take_market_tour
from rich.console import Console
from strategies_tour import take_strategies_tour
from tour import take_tour

from infra.errors import DeploymentError


def main() -> int:
    """Run one command and return the exit code; a foreseeable fault is one line."""
    arguments = _parse()
    console, faults = Console(), Console(stderr=True)
    isolate_environment()
    try:
        instance = Instance.from_environment(os.environ)
        if arguments.command == "up":
            _up(instance, console)
        elif arguments.command == "serve":
            _serve(instance, console)
        elif arguments.command == "down":
            _tell_stopped(stop(instance), console)
        elif arguments.command == "clean":
            _tell_stopped(wipe(instance), console)
        elif arguments.follow:
            follow_logs(instance, arguments.lines, arguments.find)
        else:
            print_logs(instance, arguments.lines, arguments.find)
    except (SetupError, DeploymentError, BotoCoreError, ClientError) as error:
        faults.print(f"[red]{arguments.command}:[/] ", end="")
        faults.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["up", "down", "clean", "logs", "serve"])
    parser.add_argument("--follow", action="store_true", help="logs: go on until interrupted")
    parser.add_argument("--lines", type=int, default=40, help="logs: how many lines of each log to begin with")
    parser.add_argument("--find", default="", help="logs: only lines with this in them, for example an order's id")
    return parser.parse_args()


def _up(instance: Instance, console: Console) -> None:
    deployment = _start(instance, console)
    if os.environ.get("RIALTO_TOUR") != "0":
        take_tour(deployment, console)
        console.print()
        take_market_tour(deployment.url, console)
        console.print()
        take_strategies_tour(deployment.url, console)
    console.print(f"\nRialto runs at [bold]{deployment.url}[/]")
    console.print(f"Exchange: {instance.exchange_url}, AWS endpoint: {instance.endpoint}")


def _serve(instance: Instance, console: Console) -> None:
    """Start, stay until SIGTERM or Ctrl-C, and stop: for a container."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        console.print(f"Rialto runs at [bold]{_start(instance, console).url}[/]")
        while True:
            signal.pause()
    finally:
        _tell_stopped(stop(instance), console)


def _start(instance: Instance, console: Console) -> Deployment:
    """Start the instance, showing each step: live in a terminal, else a line per step."""
    started, shown = time.monotonic(), ""
    with console.status("starting") as status:

        def progress(activity: str) -> None:
            nonlocal shown
            if activity != shown:
                shown = activity
                status.update(activity)
                if not console.is_terminal:
                    console.print(f"{time.monotonic() - started:5.1f} s  {activity}")

        return start(instance, parameters_from(os.environ), progress)


def parameters_from(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the stack parameters of RIALTO_PARAMETERS="Name=value Other=value".

    Raises:
        SetupError: when a word is not of that form.
    """
    try:
        words = shlex.split(environ.get("RIALTO_PARAMETERS", ""))
    except ValueError as error:
        raise SetupError(f"RIALTO_PARAMETERS: {error}.") from None
    parameters = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise SetupError(f"RIALTO_PARAMETERS: {word} is not of the form Name=value.")
        parameters[name] = value
    return parameters


def _tell_stopped(names: list[str], console: Console) -> None:
    console.print(f"Stopped: {', '.join(names)}." if names else "Nothing was running.")


if __name__ == "__main__":
    sys.exit(main())
