"""What ships is listed, and what is locked is looked up among the known vulnerabilities."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.audit import LOCKS, audit
from infra.locks import read_lock, valid_here
from infra.sbom import make_sbom
from tests.unit.broker.venue_server import VenueServer, answers, running_venue

ROOT = Path(__file__).resolve().parents[2]
FLAW: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "summary": "Anyone may trade.",
    "affected": [{"package": {"name": "six", "ecosystem": "PyPI"}, "ranges": []}],
}


@pytest.fixture(scope="module")
def sbom() -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(make_sbom())
    return listed


@pytest.fixture
def service() -> Iterator[VenueServer]:
    with running_venue() as server:
        yield server


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    (tmp_path / LOCKS[0]).write_text(f"six==1.17.0 --hash=sha256:{64 * 'a'}\n")
    (tmp_path / "bridge").mkdir()
    for name in LOCKS[1:]:
        (tmp_path / name).touch()
    return tmp_path


def test_list_has_exactly_what_ships_with_all_hashes(sbom: dict[str, Any]) -> None:
    lock = valid_here(read_lock(ROOT / "requirements.txt"))
    listed = {part["name"]: part for part in sbom["components"]}
    assert {name: part["version"] for name, part in listed.items()} == {n: e.version for n, e in lock.items()}
    for name, part in listed.items():
        (source,) = part["externalReferences"]
        assert {digest["content"] for digest in source["hashes"]} == set(lock[name].hashes)
        assert part["purl"] == f"pkg:pypi/{name}@{lock[name].version}"
        assert part["licenses"]


def test_list_says_what_needs_what(sbom: dict[str, Any]) -> None:
    def name(ref: str) -> str:
        return ref.removeprefix("pkg:pypi/").split("@")[0]

    by_name = {name(node["ref"]): set(map(name, node.get("dependsOn", []))) for node in sbom["dependencies"]}
    assert {"botocore", "pydantic", "pynamodb"} < by_name["rialto"]
    assert "botocore" in by_name["pynamodb"]
    assert set().union(*by_name.values()) == by_name.keys() - {"rialto"}


def test_same_lock_gives_the_same_list_to_the_byte() -> None:
    assert make_sbom() == make_sbom()


def test_audit_names_a_vulnerable_version_and_fails(
    service: VenueServer, locks: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    service.reply = answers(200, {"vulns": [FLAW]})
    assert audit(os.environ, service.url, locks)
    assert "PYSEC-2026-1" in capfd.readouterr().out
    assert service.requests[-1][2] == {"package": {"name": "six", "ecosystem": "PyPI"}, "version": "1.17.0"}


def test_audit_without_a_finding_passes(service: VenueServer, locks: Path) -> None:
    service.reply = answers(200, {})
    assert audit(os.environ, service.url, locks) == 0


def test_service_that_answers_with_a_fault_fails_the_audit(service: VenueServer, locks: Path) -> None:
    service.reply = answers(503, {})
    assert audit(os.environ, service.url, locks)


def test_audit_offline_passes_with_a_warning(
    service: VenueServer, locks: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert audit({**os.environ, "RIALTO_OFFLINE": "1"}, service.url, locks) == 0
    assert capfd.readouterr().err == "WARNING: nothing was audited: RIALTO_OFFLINE is set.\n"
    assert service.requests == []


def test_audit_without_a_route_passes_with_a_warning(locks: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: refused.
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert audit(os.environ, nowhere, locks) == 0
    assert capfd.readouterr().err.startswith(f"WARNING: nothing was audited: no route to {nowhere}")
