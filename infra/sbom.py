"""What ships, as a list that programs read: CycloneDX, made from the lock and the metadata of the packages."""

import tomllib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.locks import Locked, Needs, installed_needs, read_direct, read_lock, valid_here

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / ".rialto" / "sbom.json"
INDEX = "https://pypi.org/simple"
# The same lock gives the same list, to the byte: its moment and its number must not come from the clock.
TIMELESS = datetime(1980, 1, 1, tzinfo=UTC)
NUMBERS = uuid.UUID("5a1c8f0e-7d0b-4c58-9a3e-3f0b7c1d2e64")


def make_sbom(root: Path = ROOT) -> str:
    """Return the list of all that ships to Lambda, as JSON.

    Raises:
        ValueError: when it is not what CycloneDX's schema asks for.
    """
    lock, needs = valid_here(read_lock(root / "requirements.txt")), installed_needs()
    parts = {name: _component(entry) for name, entry in lock.items()}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    whole = Component(
        name=project["name"], version=project["version"], type=ComponentType.APPLICATION, bom_ref="rialto"
    )
    bom = Bom(
        components=parts.values(),
        serial_number=uuid.uuid5(NUMBERS, (root / "requirements.txt").read_text()),
        metadata=BomMetaData(component=whole, timestamp=TIMELESS),
    )
    bom.register_dependency(whole, _those(read_direct(root / "requirements.in"), parts))
    for name, part in parts.items():
        bom.register_dependency(part, _those(map(Requirement, _without_extras(name, needs)), parts))
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(fault))
    return text


def _component(entry: Locked) -> Component:
    """Describe a package: where it comes from, with the hash of each of its files, and under which licence."""
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=value) for value in entry.hashes]
    source = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(f"{INDEX}/{entry.name}/"), hashes=hashes
    )
    purl = PackageURL("pypi", name=entry.name, version=entry.version)
    return Component(
        name=entry.name,
        version=entry.version,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(_licence(entry.name))],
        external_references=[source],
    )


def _licence(name: str) -> str:
    """Return a package's licence: as an SPDX expression where it gives one, else as it calls it."""
    about = metadata(name)
    named = [*about.get_all("License-Expression", []), *about.get_all("License", [])]
    classes = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    return next(iter(named), " or ".join(classes) or "unknown")


def _without_extras(name: str, needs: Needs) -> Iterable[str]:
    return [need for need in needs.get(name, ()) if "extra ==" not in need]


def _those(wanted: Iterable[Requirement], parts: Mapping[str, Component]) -> list[Component]:
    names = [canonicalize_name(need.name) for need in wanted]
    return [parts[name] for name in names if name in parts]


def main() -> None:
    """Write the list to .rialto/sbom.json."""
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(make_sbom())
    print(OUTPUT.relative_to(ROOT))


if __name__ == "__main__":
    main()
