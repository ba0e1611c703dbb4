"""What is in the package, and that every function runs from it alone."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.errors import DeploymentError
from infra.package import CACHE, REQUIREMENTS, package
from infra.vendor import SERVICES, vendor
from infra.wheels import PYTHON, Target, fetch_wheels
from tests.answering import answering, settings
from tests.functional.events import queue_event, read_event
from tests.infra.conftest import Template
from tests.infra.resources import FUNCTIONS, functions

MAX_BYTES = 6_000_000
UNCHECKED = 0b01
"""The flags of bytecode that knows its source by hash (PEP 552), and does not look at it."""
MACHINES = {"lambda": 62, "lambda-arm64": 183}
"""e_machine of an ELF file: EM_X86_64 and EM_AARCH64."""
REQUEST = {
    "requestContext": {
        "resourcePath": "/orders/{order_id}",
        "httpMethod": "GET",
        "requestId": "1",
        "identity": {"sourceIp": "127.0.0.1"},
    },
    "pathParameters": {"order_id": "00000000-0000-7000-8000-000000000000"},
    "headers": {},
    "multiValueQueryStringParameters": None,
    "stageVariables": None,
    "body": None,
    "isBase64Encoded": False,
}
REPORTS = queue_event(json.dumps({"reports": []}))
EVENTS: dict[str, Any] = {
    "app.app": REQUEST,
    "app.apply_reports": REPORTS,
    "app.retry_reports": REPORTS,
    "app.hand_over_orders": read_event("stream_insert"),
    "app.match_orders": read_event("stream_insert"),
    "app.retry_matches": {"Records": []},
    "app.place_orders": read_event("placements_message"),
    "app.sweep": read_event("schedule"),
}
MISSING = ("ImportError", "ModuleNotFoundError", "DataNotFoundError", "FileNotFoundError", "UnknownServiceError")
"""How it shows that a part was cut that something needs."""
PROGRAM = """
import importlib, io, json, sys
folder, handler, event = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path.insert(0, folder)
out, sys.stdout = sys.stdout, io.StringIO()
module, name = handler.rsplit(".", 1)
answer = getattr(importlib.import_module(module), name)(event, None)
files = [module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]
json.dump({"answer": answer, "files": files, "log": sys.stdout.getvalue()}, out)
"""


@pytest.fixture(scope="module")
def archive(template_path: Path) -> Path:
    return template_path.with_name("deployment.zip")


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with answering() as address:
        yield address


def call(folder: Path, handler: str, event: Any, endpoint: str) -> dict[str, Any]:
    """Call a function in an interpreter that sees the package and its own standard library, nothing else."""
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(folder), handler, json.dumps(event)]
    environ = settings(endpoint) | {"PATH": os.environ["PATH"]}
    result = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


class TestFunctions:
    def test_each_has_an_event_here(self) -> None:
        assert sorted(FUNCTIONS.values()) == sorted(EVENTS)

    @pytest.mark.parametrize("handler", EVENTS)
    def test_works_from_the_package_alone(self, unpacked: Path, endpoint: str, handler: str) -> None:
        found = call(unpacked, handler, EVENTS[handler], endpoint)

        elsewhere = [file for file in found["files"] if not Path(file).is_relative_to(unpacked)]
        assert [file for file in elsewhere if "site-packages" in file or not _is_standard(file)] == []
        assert [name for name in MISSING if name in found["log"]] == []

    def test_api_finds_no_order_where_there_is_none(self, unpacked: Path, endpoint: str) -> None:
        answer = call(unpacked, "app.app", REQUEST, endpoint)["answer"]
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "unknown_order")

    def test_a_fault_shows_the_line_of_ours_and_the_place_in_a_library(self, unpacked: Path) -> None:
        # A table that nobody serves; the port is one that is never listened to.
        found = call(unpacked, "app.app", REQUEST, "http://127.0.0.1:9")
        log = found["log"]
        assert found["answer"]["statusCode"] == 500
        assert f'File \\"{unpacked}/chalicelib/broker/store.py\\", line ' in log
        assert "self._items.get(" in log
        assert 'File \\"pynamodb/connection/base.py\\", line ' in log

    def test_importing_builds_no_model_that_only_some_request_needs(self, unpacked: Path) -> None:
        program = "import sys; sys.path.insert(0, sys.argv[1]); import app, pydantic; "
        program += "print(*(m.__name__ for m in pydantic.BaseModel.__subclasses__() if m.__pydantic_complete__))"
        command = [sys.executable, "-I", "-S", "-B", "-c", program, str(unpacked)]
        built = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert built == ["RootModel"]

    def test_importing_leaves_the_collector_of_garbage_at_work(self, unpacked: Path) -> None:
        program = (
            "import gc, sys; sys.path.insert(0, sys.argv[1]); import app; print(gc.isenabled(), gc.get_freeze_count())"
        )
        command = [sys.executable, "-I", "-S", "-B", "-c", program, str(unpacked)]
        enabled, frozen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert enabled == "True"
        assert int(frozen) > 10_000


def _is_standard(file: str) -> bool:
    return Path(file).is_relative_to(Path(os.__file__).parent)


class TestContent:
    def names(self, archive: Path) -> set[str]:
        with zipfile.ZipFile(archive) as packed:
            return set(packed.namelist())

    def test_is_small(self, archive: Path) -> None:
        assert archive.stat().st_size <= MAX_BYTES

    def test_has_nothing_that_only_developers_need(self, archive: Path) -> None:
        parts = {part for name in self.names(archive) for part in Path(name).parts}
        assert not parts & {
            "tests",
            "bin",
            "infra",
            "benchmarks",
            ".chalice",
            "requirements.txt",
            "py.typed",
            "mypy_boto3",
        }
        assert not [part for part in parts if part.endswith((".dist-info", ".pyi", ".rst", ".md", ".data"))]

    def test_describes_the_services_that_are_called_and_no_others(self, unpacked: Path) -> None:
        data = unpacked / "botocore" / "data"
        assert {entry.name for entry in data.iterdir() if entry.is_dir()} == SERVICES
        partitions = json.loads((data / "endpoints.json").read_text())["partitions"]
        assert partitions
        assert all(partition["services"].keys() <= SERVICES for partition in partitions)
        assert all(partition["regions"] for partition in partitions)

    def test_sources_are_ours_only_and_each_stands_beside_its_bytecode(self, archive: Path) -> None:
        names = self.names(archive)
        sources = {Path(name) for name in names if name.endswith(".py")}
        assert {source.parts[0] for source in sources} == {"app.py", "chalicelib"}
        tag = sys.implementation.cache_tag
        compiled = {str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc") for source in sources}
        assert compiled <= names

    def test_bytecode_is_for_the_python_that_runs_it_and_is_never_checked(
        self, template: Template, archive: Path
    ) -> None:
        assert {function["Runtime"] for function in functions(template).values()} == {f"python{PYTHON}"}
        with zipfile.ZipFile(archive) as packed:
            headers = {packed.read(name)[:8] for name in packed.namelist() if name.endswith(".pyc")}
        assert headers == {importlib.util.MAGIC_NUMBER + UNCHECKED.to_bytes(4, "little")}

    def test_nothing_tells_where_and_when_it_was_made(self, archive: Path) -> None:
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            here = os.fsencode(Path.cwd())
            assert [entry.filename for entry in entries if here in packed.read(entry)] == []
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


class TestMadeAgain:
    def test_the_same_sources_give_the_same_package(
        self, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # In another folder, and without anything that was made before but the wheels as they are on the index.
        wheels = fetch_wheels(REQUIREMENTS, CACHE / "wheels", "host")
        shutil.copytree(wheels, tmp_path / "cache" / "wheels" / wheels.name)
        monkeypatch.setattr("infra.package.CACHE", tmp_path / "cache")

        again = package(tmp_path / "package").with_name("deployment.zip")

        assert again.read_bytes() == archive.read_bytes()

    def test_needs_no_index_once_it_has_the_wheels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        wheels = fetch_wheels(REQUIREMENTS, CACHE / "wheels", "host")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))

        assert fetch_wheels(REQUIREMENTS, CACHE / "wheels", "host") == wheels
        with pytest.raises(DeploymentError, match=r"pip could not get the wheels of requirements.txt for host: ERROR"):
            fetch_wheels(REQUIREMENTS, tmp_path / "cache", "host")
        assert list((tmp_path / "cache").iterdir()) == []

    def test_is_made_again_when_its_zip_is_gone(self, tmp_path: Path) -> None:
        archive = package(tmp_path).with_name("deployment.zip")
        content = archive.read_bytes()
        archive.unlink()

        package(tmp_path)

        assert archive.read_bytes() == content


def locked(folder: Path, index: Path) -> Path:
    """Return requirements that pin the library by the hashes of all its wheels."""
    hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in sorted(index.glob("*.whl"))]
    requirements = folder / "requirements.txt"
    requirements.write_text(" ".join(["quick==1.0", *(f"--hash=sha256:{digest}" for digest in hashes)]) + "\n")
    return requirements


class TestLambda:
    @pytest.fixture
    def index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An index with a library for many machines, in place of the world's."""
        folder = tmp_path / "index"
        folder.mkdir()
        abi = f"cp{PYTHON.replace('.', '')}"
        machines = ("manylinux2014_x86_64", "manylinux2014_aarch64", "macosx_11_0_arm64", "win_amd64")
        for machine in machines:
            with zipfile.ZipFile(folder / f"quick-1.0-{abi}-{abi}-{machine}.whl", "w") as wheel:
                wheel.writestr("quick/__init__.py", f"MACHINE = {machine!r}\nTAKEN = {{'a', 'b', 'c', 'd'}}\n")
                wheel.writestr("quick/py.typed", "")
                wheel.writestr("quick/native.so", machine)
                wheel.writestr("botocore/data/endpoints.json", '{"partitions": []}')
                wheel.writestr("quick-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: quick\nVersion: 1.0\n")
                wheel.writestr("quick-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {abi}-{abi}-{machine}\n")
                wheel.writestr("quick-1.0.dist-info/RECORD", "")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        return folder

    @pytest.mark.parametrize(
        ("target", "machine"), [("lambda", "manylinux2014_x86_64"), ("lambda-arm64", "manylinux2014_aarch64")]
    )
    def test_libraries_are_for_its_machine(self, index: Path, tmp_path: Path, target: Target, machine: str) -> None:
        requirements = locked(tmp_path, index)

        folder = vendor(requirements, tmp_path / "cache", target)

        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert files == {"quick/__init__.pyc", "quick/native.so", "botocore/data/endpoints.json"}
        assert (folder / "quick" / "native.so").read_text() == machine

    def test_a_library_without_a_wheel_for_it_is_named(self, index: Path, tmp_path: Path) -> None:
        requirements = locked(tmp_path, index)
        for wheel in index.glob("*aarch64.whl"):
            wheel.unlink()

        with pytest.raises(
            DeploymentError, match=r"for lambda-arm64: ERROR: No matching distribution found for quick==1\.0"
        ):
            vendor(requirements, tmp_path / "cache", "lambda-arm64")

    @pytest.mark.parametrize(("target", "architecture"), [("lambda", "x86_64"), ("lambda-arm64", "arm64")])
    def test_package_is_for_its_machine_and_its_python(self, tmp_path: Path, target: Target, architecture: str) -> None:
        try:
            fetch_wheels(REQUIREMENTS, CACHE / "wheels", target)
        except DeploymentError as error:
            pytest.skip(f"the wheels are neither here nor at an index that answers: {error}")

        template_path = package(tmp_path, target)

        found = functions(yaml.safe_load(template_path.read_text())).values()
        assert {(function["Runtime"], *function["Architectures"]) for function in found} == {
            (f"python{PYTHON}", architecture)
        }
        archive = template_path.with_name("deployment.zip")
        assert archive.stat().st_size <= MAX_BYTES
        with zipfile.ZipFile(archive) as packed:
            native = [packed.read(name) for name in packed.namelist() if name.endswith(".so")]
        assert {int.from_bytes(content[18:20], "little") for content in native} == {MACHINES[target]}

    def test_a_python_that_it_has_not_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("infra.package.PYTHON", "3.99")

        with pytest.raises(DeploymentError, match=rf"Lambda would run python{PYTHON}, and Python 3\.99 packages"):
            package(tmp_path, "lambda")
        assert not (tmp_path / "deployment.zip").exists()
