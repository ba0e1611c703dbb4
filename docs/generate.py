"""Makes what is generated from the routes: the OpenAPI document that ships, and the collection of requests.

``python -m docs.generate`` writes them; with ``--check`` it fails if they are not what it would write, or if a route is
not described.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import app
from chalicelib.documents.catalogue import compare
from chalicelib.documents.document import build_document
from chalicelib.documents.routes import DOCUMENT, FOLDER
from docs.bruno import make_collection

COLLECTION = Path(__file__).parent / "collection"
DEPTH = 3
"""Levels of the document with a line for each entry, so that a change of one operation is a change of one line."""


def generate() -> dict[Path, str]:
    """Return the text of each generated file."""
    document = build_document(app.routes)
    files = {COLLECTION / name: text for name, text in make_collection(document).items()}
    return {FOLDER / DOCUMENT: _dump(document, DEPTH) + "\n", **files}


def find_faults() -> list[str]:
    """Return what is not described, described but not there, or not generated anew."""
    undescribed, missing = compare((method, path) for path, methods in app.routes.items() for method in methods)
    faults = [f"{method} {path} is not described: chalicelib/documents" for method, path in sorted(undescribed)]
    faults += [f"{method} {path} is described, and there is no such route" for method, path in sorted(missing)]
    if not missing:
        wanted = generate()
        stale = {path for path, text in wanted.items() if not path.is_file() or path.read_text() != text}
        stale |= _present() - wanted.keys()
        faults += [f"{path.name} is stale: make documents" for path in sorted(stale)]
    return faults


def write() -> None:
    """Write every file, and delete what is left of former ones."""
    wanted = generate()
    for path in _present() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _present() -> set[Path]:
    return {path for path in COLLECTION.rglob("*") if path.is_file()}


def _dump(content: Any, depth: int) -> str:
    if depth == 0 or not isinstance(content, Mapping) or not content:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return "{\n" + ",\n".join(f"{json.dumps(name)}:{_dump(part, depth - 1)}" for name, part in content.items()) + "\n}"


def main() -> None:
    """Write, or with --check complain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        return write()
    if faults := find_faults():
        sys.exit("\n".join(faults))
    return None


if __name__ == "__main__":
    main()
