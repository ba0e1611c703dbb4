"""The file of profiles: ``{"<user>": {"<STRATEGY>": ["<INSTRUMENT>", …]}}``."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rialto_client.cli.boundary import Failure
from rialto_client.strategies import Profiles

_MOST_FAULTS = 20


def write_profiles(profiles: Profiles) -> str:
    """Return the profiles as the file has them."""
    return json.dumps(profiles.model_dump(), indent=4, ensure_ascii=False)


def save_profiles(profiles: Profiles, path: Path, *, force: bool) -> None:
    """Write the file.

    Raises:
        Failure: if it cannot be written, or is there already and is not to be replaced.
    """
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(write_profiles(profiles))
    except FileExistsError:
        raise Failure(f"{path} is there already. Give --force to replace it, or another --output.") from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from error


def load_profiles(path: Path) -> Profiles:
    """Read the file.

    Raises:
        Failure: if it cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unite)
        return Profiles.model_validate(content)
    except OSError as error:
        hint = " `rialto profiles generate` makes one." if isinstance(error, FileNotFoundError) else ""
        raise Failure(f"{path} cannot be read: {error.strerror}.{hint}") from error
    except ValidationError as error:
        raise Failure("\n".join([f"{path} holds no profiles:", *_faults(error)])) from error
    except (ValueError, RecursionError) as error:
        raise Failure(f"{path} holds no profiles: {error}.") from error


def _unite(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as an object. JSON would silently let the last of two of the same name win."""
    united = dict(pairs)
    if len(united) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"{twice!r} is in it twice")
    return united


def _faults(error: ValidationError) -> list[str]:
    entries = error.errors(include_url=False, include_input=False)
    lines = [f"  {'.'.join(map(str, entry['loc'])) or 'file'}: {entry['msg']}" for entry in entries[:_MOST_FAULTS]]
    more = len(entries) - _MOST_FAULTS
    return [*lines, f"  … and {more} more"] if more > 0 else lines
