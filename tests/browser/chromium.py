"""Finds the Chromium that the page is tested with, and installs it where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
HELP = (
    "The web page's tests need Chromium: install it (Debian: apt-get install chromium), or name one by CHROMIUM=<path>."
)


class ChromiumMissingError(Exception):
    """Raised when there is no Chromium; the message is the one line that says what to do."""


def find_chromium() -> str:
    """Return the path of the browser.

    Raises:
        ChromiumMissingError: if there is none.
    """
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, (named,) if named else NAMES)), None)
    if found is None:
        raise ChromiumMissingError(HELP)
    return found


def install_chromium() -> None:
    """Install the browser of the distribution, if this is a Debian and we are its root."""
    if "CHROMIUM" in os.environ or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Installing Chromium for the tests of the web page ...", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update", "install --yes --no-install-recommends chromium"):
        subprocess.run(["apt-get", "-qq", *command.split()], env=environ, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """See to it that there is a Chromium; return the exit code."""
    try:
        find_chromium()
    except ChromiumMissingError:
        install_chromium()
    try:
        find_chromium()
    except ChromiumMissingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
