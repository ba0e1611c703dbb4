"""Whether a locked version has a known vulnerability: pip-audit over every lock, where its service can be reached."""

import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".rialto" / "cache" / "pip-audit"
SERVICE = "https://api.osv.dev/v1/query"
PATIENCE = 10.0
OFFLINE = "RIALTO_OFFLINE"
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-upgrade.txt", "bridge/requirements.txt")


def audit(environ: Mapping[str, str], service: str = SERVICE, root: Path = ROOT) -> int:
    """Audit the locks and return pip-audit's exit code: 0 when nothing is known against any version.

    Where the service cannot be reached it returns 0, too, and prints a warning. A service that is reached and does
    not answer as it should is a failure: what was not looked at is not called safe.
    """
    if reason := reason_to_skip(environ, service):
        print(f"WARNING: nothing was audited: {reason}.", file=sys.stderr, flush=True)
        return 0
    files = [part for name in LOCKS for part in ("--requirement", str(root / name))]
    # The locks are read as they are: nothing is installed or resolved. `strict` fails for what could not be looked at.
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--strict", "--aliases"]
    command += ["--progress-spinner=off", f"--cache-dir={CACHE}", "--vulnerability-service=osv", f"--osv-url={service}"]
    return subprocess.run([*command, *files], env=dict(environ), check=False).returncode


def reason_to_skip(environ: Mapping[str, str], service: str) -> str:
    """Return why the service is not asked; nothing if it can be."""
    if environ.get(OFFLINE):
        return f"{OFFLINE} is set"
    try:
        # Through the caller's proxy, if there is one; any answer shows that there is a route.
        with urlopen(Request(service, method="HEAD"), timeout=PATIENCE):  # noqa: S310 - the address is ours
            return ""
    except HTTPError:
        return ""
    except URLError as error:
        # A certificate that is not right is no missing route.
        return "" if isinstance(error.reason, ssl.SSLError) else f"no route to {service} ({error.reason})"
    except TimeoutError:
        return f"no answer from {service}"


if __name__ == "__main__":
    sys.exit(audit(os.environ))
