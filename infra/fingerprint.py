"""Hashes that tell whether something has to be made again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(*parts: str | bytes) -> str:
    """Return a short hash of the parts, each delimited."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()[:20]


def fingerprint_files(root: Path, paths: Iterable[Path]) -> str:
    """Return a short hash of the names, relative to `root`, and the contents of the files."""
    parts: list[str | bytes] = []
    for path in sorted(paths):
        parts += [path.relative_to(root).as_posix(), path.read_bytes()]
    return fingerprint(*parts)
