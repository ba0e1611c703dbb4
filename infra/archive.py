"""Zip archives that come out byte for byte the same from the same files."""

import zipfile
from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)  # The zip format knows nothing before.
PLAIN_FILE = 0o100644 << 16


def write_archive(target: Path, *folders: Path) -> None:
    """Zip the files of the folders, sorted by name, without times and owners."""
    files = {path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*")}
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            if files[name].is_file():
                entry = zipfile.ZipInfo(name, EARLIEST)
                entry.external_attr = PLAIN_FILE
                archive.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, 9)
