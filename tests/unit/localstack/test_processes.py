"""Background processes: real ones."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from instance import SetupError
from processes import Daemon, require_free_port, wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); " + SLEEPER


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    started = Daemon("sleeper", tmp_path)
    yield started
    started.stop(1)


def run(daemon: Daemon, program: str) -> psutil.Process:
    daemon.start([sys.executable, "-c", program], os.environ, "1")
    wait_until(lambda: daemon.log.read_text().startswith("up"), daemon, 10, lambda: None)
    return psutil.Process(json.loads(record(daemon).read_text())["pid"])


def record(daemon: Daemon) -> Path:
    return daemon.home / "run" / "sleeper.json"


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_runs_until_it_is_stopped(daemon: Daemon) -> None:
    process = run(daemon, SLEEPER)
    assert daemon.alive()
    assert daemon.stop()
    assert ended(process)
    assert not daemon.alive()


def test_stopping_what_does_not_run_is_no_error(daemon: Daemon) -> None:
    assert not daemon.stop()


def test_is_another_in_another_version(daemon: Daemon) -> None:
    run(daemon, SLEEPER)
    assert daemon.runs("1")
    assert not daemon.runs("2")


def test_has_a_session_of_its_own(daemon: Daemon) -> None:
    process = run(daemon, SLEEPER)
    assert os.getsid(process.pid) == process.pid


def test_kills_what_does_not_listen(daemon: Daemon) -> None:
    process = run(daemon, STUBBORN)
    assert daemon.stop(patience=0.2)
    assert ended(process)


def test_is_killed_without_being_asked_and_starts_again(daemon: Daemon) -> None:
    process = run(daemon, STUBBORN)
    assert daemon.kill()
    assert ended(process)
    assert not daemon.alive()
    assert run(daemon, SLEEPER) != process
    assert daemon.alive()


def test_killing_what_does_not_run_is_no_error(daemon: Daemon) -> None:
    assert not daemon.kill()
    run(daemon, SLEEPER)
    assert daemon.kill()
    assert not daemon.kill()


def test_takes_along_what_the_process_started(daemon: Daemon) -> None:
    process = run(daemon, PARENT)
    wait_until(lambda: bool(process.children()), daemon, 10, lambda: None)
    (child,) = process.children()
    daemon.stop()
    psutil.wait_procs([child], timeout=5)
    assert ended(child)


def test_never_touches_a_process_that_got_the_pid_later(daemon: Daemon, tmp_path: Path) -> None:
    process = run(daemon, SLEEPER)
    stale = json.loads(record(daemon).read_text())
    record(daemon).write_text(json.dumps(stale | {"born": stale["born"] - 60}))
    assert not daemon.alive()
    assert not daemon.kill()
    assert not daemon.stop()
    assert process.is_running()
    record(daemon).write_text(json.dumps(stale))  # So that the fixture can stop it.


def test_a_start_that_fails_tells_the_last_words(daemon: Daemon) -> None:
    daemon.start([sys.executable, "-c", "raise SystemExit('no such bucket')"], os.environ, "1")
    with pytest.raises(SetupError, match="The sleeper ended at once: no such bucket"):
        wait_until(lambda: False, daemon, 10, lambda: None)


def test_waiting_is_bounded(daemon: Daemon) -> None:
    run(daemon, SLEEPER)
    with pytest.raises(SetupError, match="was not ready after 0 s"):
        wait_until(lambda: False, daemon, 0.1, lambda: None)


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SetupError, match=rf"^Port {port} .*Choose another with RIALTO_PORT=<port>\.$"):
            require_free_port(port, "RIALTO_PORT")


def test_a_free_port_is_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    require_free_port(port, "RIALTO_PORT")
