"""The embedded cloud's environment and state."""

import json
from pathlib import Path

from cloud_session import open_session
from emulator import emulator_environment, forget_stream_positions
from instance import Instance
from pytest import MonkeyPatch


def instance(home: Path) -> Instance:
    return Instance(home, 9000, 9001, 9002)


def test_functions_see_nothing_of_the_callers_aws_python_and_proxies(tmp_path: Path) -> None:
    caller = {"PATH": "/bin", "AWS_PROFILE": "prod", "PYTHONPATH": "/x", "HTTPS_PROXY": "http://proxy", "HOME": "/me"}
    environ = emulator_environment(instance(tmp_path), caller)
    assert environ["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "PYTHONPATH", "HTTPS_PROXY"} & environ.keys()
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9001"


def test_listens_on_loopback_and_keeps_its_files_at_home(tmp_path: Path) -> None:
    environ = emulator_environment(instance(tmp_path), {})
    assert environ["BIND_HOST"] == "127.0.0.1"
    assert all(environ[name].startswith(str(tmp_path)) for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR"))


def test_stream_positions_are_forgotten_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "lambda.json"
    path.write_text(json.dumps({"payload": {"esms": {"a": 1}, "dynamodb_stream_positions": {"a": 7}}}))
    forget_stream_positions(tmp_path)
    assert json.loads(path.read_text()) == {"payload": {"esms": {"a": 1}}}


def test_a_first_start_has_nothing_to_forget(tmp_path: Path) -> None:
    forget_stream_positions(tmp_path)
    assert not list(tmp_path.iterdir())


def test_sessions_lead_to_the_instances_own_cloud(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    client = open_session(instance(tmp_path)).client("sqs")
    assert client.meta.endpoint_url == "http://127.0.0.1:9001"
