"""Background processes that outlive the command that started them, known by pid and start time, never by name."""

import errno
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from instance import SetupError

PAUSE = 0.05
KILL_PATIENCE = 10.0
"""Seconds in which the system takes a killed process away; how busy it is decides."""


@dataclass(frozen=True)
class Daemon:
    """A background process of an instance; its pid file and its log lie in the instance's folder."""

    name: str
    home: Path

    @property
    def log(self) -> Path:
        """The file that takes what the process prints."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.home / "run" / f"{self.name}.json"

    def start(self, command: Sequence[str], environ: Mapping[str, str], version: str) -> None:
        """Start the process in a session of its own; `version` tells later whether it is the one wanted."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
            )
        started.returncode = 0  # It outlives this command on purpose; Popen would complain about that.
        born = psutil.Process(started.pid).create_time()
        self._record.write_text(json.dumps({"pid": started.pid, "born": born, "version": version}))

    def alive(self) -> bool:
        """Tell whether the process runs: this very one, not another that got its pid later."""
        return self._process() is not None

    def runs(self, version: str) -> bool:
        """Tell whether the process runs in the version wanted."""
        return self.alive() and json.loads(self._record.read_text())["version"] == version

    def stop(self, patience: float = 10.0) -> bool:
        """End the process and what it started: ask, wait, and only then kill. Tell whether there was one."""
        process = self._process()
        if process:
            process.terminate()
            if not self._ended_within(patience):
                process.kill()
                self._ended_within(patience)
            _kill_session(process.pid)
        self._record.unlink(missing_ok=True)
        return process is not None

    def kill(self) -> bool:
        """End the process without asking, as a crash does. Tell whether there was one."""
        process = self._process()
        if process is None:
            return False
        with suppress(psutil.NoSuchProcess):  # It ended by itself meanwhile.
            process.kill()
        self._ended_within(KILL_PATIENCE)
        return True

    def last_words(self, count: int = 3) -> str:
        """Return the last lines of the log in one."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(line.strip() for line in lines[-count:] if line.strip()) or "it printed nothing"

    def _ended_within(self, patience: float) -> bool:
        """Wait for the end; a process that only waits to be buried by its parent has ended."""
        deadline = time.monotonic() + patience
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def _process(self) -> psutil.Process | None:
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["born"]) < 0.5
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None


def _kill_session(leader: int) -> None:
    """End what is left of a session that we started: its number is not given away while a member lives."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def require_free_port(port: int, setting: str, bind: str = "127.0.0.1") -> None:
    """Refuse a port on which somebody else listens.

    Raises:
        SetupError: naming the port, who has it if that can be found out, and the setting that changes it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise SetupError(f"Cannot listen on RIALTO_BIND={bind}: {error.strerror}.") from error
            owner = _listener(port)
            taken = f"Port {port} is taken by {owner}" if owner else f"Port {port} on {bind}: {error.strerror}"
            raise SetupError(f"{taken}. Choose another with {setting}=<port>.") from error


def _listener(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return (
                    f"process {connection.pid} ({psutil.Process(connection.pid).name()}), which is not this instance's"
                )
    except psutil.Error:
        return ""
    return ""


def wait_until(ready: Callable[[], bool], daemon: Daemon, patience: float, tick: Callable[[], None]) -> None:
    """Wait until the process is ready; give up when it ends or the time is over.

    Raises:
        SetupError: with the last lines that the process printed.
    """
    deadline = time.monotonic() + patience
    while not ready():
        if not daemon.alive():
            raise SetupError(f"The {daemon.name} ended at once: {daemon.last_words()} (see {daemon.log})")
        if time.monotonic() > deadline:
            raise SetupError(f"The {daemon.name} was not ready after {patience:.0f} s (see {daemon.log})")
        tick()
        time.sleep(PAUSE)
