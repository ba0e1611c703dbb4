"""The changelog's chapter of one version: the notes of its release."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def notes_of(tag: str, changelog: str) -> str:
    """Return what the changelog says of the version of a tag such as v1.2.3.

    Raises:
        ValueError: when it has no chapter, or an empty one.
    """
    version = tag.removeprefix("v")
    chapters = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for chapter in chapters:
        title, _, text = chapter.partition("\n")
        if re.match(rf"\[?{re.escape(version)}\]?(\s|$)", title) and text.strip():
            return text.strip() + "\n"
    raise ValueError(f"CHANGELOG.md has nothing to say about {version}.")


if __name__ == "__main__":
    try:
        sys.stdout.write(notes_of(sys.argv[1], CHANGELOG.read_text()))
    except ValueError as error:
        sys.exit(str(error))
